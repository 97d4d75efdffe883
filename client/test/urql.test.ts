import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { before, it } from 'node:test';
import type { TypedDocumentNode } from '@urql/core';
import { Client, fetchExchange, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import type { DatasourceConnectionsQueryVariables } from 'dli-gateway-client';
import {
  BindDatasourceConnectionDocument,
  CreateDatasourceConnectionDocument,
  DatasourceConnectionDocument,
  DatasourceConnectionsDocument,
  DatasourceServicesDocument,
  DeleteDatasourceConnectionDocument,
} from 'dli-gateway-client';
import { graphcacheConfig } from 'dli-gateway-client/urql';
import type { Stack } from './helpers/stack.js';
import { INPUT, POOL, startStack } from './helpers/stack.js';

let stack: Stack;
before(async () => {
  stack = await startStack();
});

/** A client with its defaults, which send queries with GET; and the methods of its requests, and its warnings. */
function createUrql() {
  const methods: string[] = [];
  const warnings: string[] = [];
  // On level debug it names what it has to fetch.
  const logger = (level: string, text: string) => level !== 'debug' && warnings.push(text);
  const client = new Client({
    url: stack.url,
    exchanges: [cacheExchange({ ...graphcacheConfig, logger }), fetchExchange],
    fetch: (url, init) => {
      methods.push(init?.method ?? 'GET');
      return fetch(url, init);
    },
  });
  return { client, methods, warnings };
}

it('keeps the texts of errors', async () => {
  const { client, warnings } = createUrql();
  await stack.seed({ name: 'taken', destination: INPUT.url });
  const input = { ...INPUT, name: 'taken' };
  const { data } = await client.mutation(CreateDatasourceConnectionDocument, { input });
  assert.deepEqual(data?.createDatasourceConnection, {
    __typename: 'NameTakenError',
    name: 'taken',
    message: 'A connection of this name exists already. Choose another name.',
    code: 'NAME_CONFLICT',
  });
  assert.deepEqual(warnings, []);
});

it('sends queries with GET, as it does by default, and finds a connection of a list by its id', async () => {
  const { client, methods, warnings } = createUrql();
  const [id = ''] = await stack.seed({ name: 'listed' });
  const { error } = await client.query(DatasourceConnectionsDocument, {});
  assert.equal(error, undefined);
  const { data } = await client.query(DatasourceConnectionDocument, { id }, { requestPolicy: 'cache-only' });
  assert.equal(data?.datasourceConnection?.name, 'listed');
  assert.deepEqual([methods, warnings], [['GET'], []]);
});

it('finds an enhanced connection of a list by its id, and reads lists again after a bind and a delete', async () => {
  const { client, methods, warnings } = createUrql();
  await stack.settings({ peeringMs: 0 });
  const [id = ''] = await stack.seedEnhanced({ name: 'enhanced_1' }, { name: 'enhanced_2' });
  const variables = { filter: { name: 'enhanced_', readiness: ['UNBOUND' as const] }, order: 'NAME' as const };
  const shown = watchNames(client, variables);
  await shown.are('enhanced_1,enhanced_2');
  const query: TypedDocumentNode<{ datasourceConnection: { name: string } }, { id: string }> = gql`
    query Name($id: ID!) { datasourceConnection(id: $id) { __typename id name } }
  `;
  const { data } = await client.query(query, { id }, { requestPolicy: 'cache-only' });
  assert.equal(data?.datasourceConnection.name, 'enhanced_1');
  assert.deepEqual(methods, ['GET']);

  const input = { connectionId: id, resources: [POOL] };
  await client.mutation(BindDatasourceConnectionDocument, { input });
  await shown.are('enhanced_2');
  shown.stop();
  const all = watchNames(client, { ...variables, filter: { name: 'enhanced_' } });
  await all.are('enhanced_1,enhanced_2');
  await client.mutation(DeleteDatasourceConnectionDocument, { input: { id } });
  await all.are('enhanced_2');
  all.stop();
  assert.deepEqual(warnings, []);
});

it('knows that a connection does not exist', async () => {
  const { client, methods } = createUrql();
  const id = '00000000-0000-4000-8000-000000000000';
  for (let times = 1; times <= 2; times += 1) {
    const { data, error } = await client.query(DatasourceConnectionDocument, { id });
    assert.deepEqual([data?.datasourceConnection, error], [null, undefined]);
  }
  assert.equal(methods.length, 1);
});

it('reads lists again after a create and a delete', async () => {
  const { client, warnings } = createUrql();
  await stack.settings({ creationMs: 0 });
  const variables = { filter: { name: 'changing' }, order: 'NAME' as const };
  const shown = watchNames(client, variables);
  await shown.are('');
  const input = { ...INPUT, name: 'changing-1' };
  const created = await client.mutation(CreateDatasourceConnectionDocument, { input });
  await shown.are('changing-1');
  const payload = created.data?.createDatasourceConnection;
  const id = payload?.__typename === 'CreateDatasourceConnectionSuccess' ? payload.connectionId : '';
  await client.mutation(DeleteDatasourceConnectionDocument, { input: { id } });
  await shown.are('');
  shown.stop();
  assert.deepEqual(warnings, []);
});

it('keeps every kind of service', async () => {
  const { client, warnings } = createUrql();
  const { data } = await client.query(DatasourceServicesDocument, {});
  assert.equal(data?.datasourceServices.find(({ service }) => service === 'RDS')?.urlExample, '192.168.0.12:3306');
  assert.deepEqual(warnings, []);
});

/** Keeps a list up to date, and waits for its names. */
function watchNames(client: Client, variables: DatasourceConnectionsQueryVariables) {
  const changes = new EventEmitter();
  let names: string | undefined;
  const list = client.query(DatasourceConnectionsDocument, variables).subscribe(({ data, error }) => {
    if (error) changes.emit('error', error);
    names = data?.datasourceConnections.items.map(({ name }) => name).join();
    changes.emit('change');
  });
  return {
    async are(expected: string) {
      while (names !== expected) await once(changes, 'change');
    },
    stop: () => list.unsubscribe(),
  };
}
