import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { composeServices } from '@apollo/composition';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import http from '@graphql-mesh/transport-http';
import ws from '@graphql-mesh/transport-ws';
import { parse } from 'graphql';
import { postGraphql, startDatasets, startGateway, startGatewayWithTokens } from './subgraphs.mjs';

const UNKNOWN = 'ee1a0f2c-96ae-2a9a-d3a4-f1ff5e8c2f1f';
const NAMES = ['orders', 'customers', 'invoices'];

const datasets = [];
let ids;
let dli;
let dliWithTokens;
let other;

before(async () => {
  dli = await startGateway();
  const seeds = NAMES.map((name, index) => ({
    name,
    service: 'rds',
    state: 'ACTIVE',
    createdAtMs: 1_000 * (index + 1),
  }));
  const seeded = await control('connections', { method: 'POST', body: JSON.stringify(seeds) });
  ids = (await seeded.json()).connections.map(({ connectionId }) => connectionId);
  for (const [index, connectionId] of ids.entries()) datasets.push({ id: `d${index}`, connectionId });
  other = await startDatasets(datasets);
});
after(async () => {
  await dliWithTokens?.close();
  await dli?.close();
  await other?.close();
});

/** Composes a supergraph of a gateway and the datasets, without errors and hints. */
async function compose(url, headers) {
  const subgraphs = { dli: url, datasets: other.url };
  const services = Object.entries(subgraphs).map(async ([name, url]) => {
    const { data } = await postGraphql(url, { query: '{ _service { sdl } }' }, headers);
    return { name, url, typeDefs: parse(data._service.sdl) };
  });
  const { supergraphSdl, errors = [], hints } = composeServices(await Promise.all(services));
  assert.deepEqual(
    [...errors, ...hints].map(({ message }) => message),
    [],
  );
  return supergraphSdl;
}

const control = (path, init) => fetch(`${dli.emulatorUrl}/emulator/${path}`, init);

/** Ends the creation of a connection: a seed replaces the connection with its id. */
async function activate(connectionId) {
  const { status } = await control('connections', {
    method: 'POST',
    body: JSON.stringify({ connectionId, state: 'ACTIVE' }),
  });
  assert.equal(status, 201);
}

/** Parses the events of a stream as they arrive. */
async function* readEvents(body) {
  const decoder = new TextDecoder();
  let unread = '';
  for await (const bytes of body) {
    const lines = (unread + decoder.decode(bytes, { stream: true })).split('\n');
    unread = lines.pop();
    for (const line of lines) if (line.startsWith('data: {')) yield JSON.parse(line.slice('data: '.length));
  }
}

const codeOf = ({ extensions }) => extensions.code;

/** The reads that DLI has received since the start of the test. */
async function readsOfDli() {
  const { entries } = await (await control('ledger')).json();
  return entries.map(({ operation }) => operation).filter(operation => /^(list|get)Connection/.test(operation));
}

/** Gateways of supergraphs. They forward the token of the caller. */
const GATEWAYS = {
  async '@apollo/gateway'(supergraphSdl) {
    const buildService = ({ url }) =>
      new RemoteGraphQLDataSource({
        url,
        willSendRequest({ request, context }) {
          if (context.authorization) request.http.headers.set('authorization', context.authorization);
        },
      });
    const server = new ApolloServer({ gateway: new ApolloGateway({ supergraphSdl, buildService }) });
    await server.start();
    return {
      async execute(request, headers = {}) {
        const { body } = await server.executeOperation(request, { contextValue: headers });
        // Objects of graphql-js have no prototype.
        return JSON.parse(JSON.stringify(body.singleResult));
      },
      close: () => server.stop(),
    };
  },
  async 'Hive Gateway'(supergraphSdl) {
    const runtime = startHive(supergraphSdl);
    return {
      execute: async (request, headers) => (await fetchFrom(runtime, request, headers)).json(),
      close: () => runtime.dispose(),
    };
  },
};

/** @param subscriptions options of the transport for subscriptions; undefined for the default */
function startHive(supergraph, subscriptions) {
  return createGatewayRuntime({
    supergraph,
    logging: false,
    transports: { http, ws },
    propagateHeaders: {
      fromClientToSubgraphs: ({ request }) => ({ authorization: request.headers.get('authorization') ?? undefined }),
    },
    ...(subscriptions && { transportEntries: { '*.http': { options: { subscriptions } } } }),
  });
}

function fetchFrom(runtime, request, headers = {}) {
  return runtime.fetch('http://supergraph.test/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
  });
}

for (const [name, start] of Object.entries(GATEWAYS)) {
  describe(`a supergraph by ${name}`, () => {
    let gateway;

    before(async () => {
      gateway = await start(await compose(dli.url));
    });
    after(() => gateway?.close());
    beforeEach(() => control('ledger', { method: 'DELETE' }));

    it('resolves the connections to which another subgraph refers, with one call to DLI', async () => {
      const query = `{
        datasets { id connection { __typename id name state ... on ClassicDatasourceConnection { service } } }
      }`;
      const shown = ids.map((id, index) => ({
        id: `d${index}`,
        connection: {
          __typename: 'ClassicDatasourceConnection',
          id,
          name: NAMES[index],
          state: 'ACTIVE',
          service: 'RDS',
        },
      }));
      assert.deepEqual(await gateway.execute({ query }), { data: { datasets: shown } });
      assert.deepEqual(await readsOfDli(), ['listConnections']);
    });

    it('resolves a reference to a connection that does not exist to null', async () => {
      datasets.push({ id: 'dangling', connectionId: UNKNOWN });
      const { data } = await gateway.execute({ query: '{ datasets { id connection { name } } }' });
      datasets.pop();
      assert.deepEqual(data.datasets.at(0), { id: 'd0', connection: { name: 'orders' } });
      assert.deepEqual(data.datasets.at(-1), { id: 'dangling', connection: null });
    });

    it('adds the fields of another subgraph to connections', async () => {
      const query = '{ datasourceConnections(order: OLDEST_FIRST, first: 3) { items { name datasets { id } } } }';
      const { data, errors } = await gateway.execute({ query });
      assert.equal(errors, undefined);
      assert.deepEqual(data.datasourceConnections.items, [
        { name: 'orders', datasets: [{ id: 'd0' }] },
        { name: 'customers', datasets: [{ id: 'd1' }] },
        { name: 'invoices', datasets: [{ id: 'd2' }] },
      ]);
    });

    it('passes creates on, with every member of the payload', async () => {
      const query = `mutation ($input: CreateDatasourceConnectionInput!) {
        createDatasourceConnection(input: $input) {
          __typename
          ... on CreateDatasourceConnectionSuccess { connection { name } }
          ... on NameTakenError { name }
        }
      }`;
      const create = name => {
        const place = { url: '192.168.0.12:5432', networkId: 'n', securityGroupId: 's' };
        return gateway.execute({ query, variables: { input: { name, service: 'RDS', ...place } } });
      };
      const payments = `payments-${name.replace(/\W+/g, '-')}`;
      assert.deepEqual(await create(payments), {
        data: {
          createDatasourceConnection: {
            __typename: 'CreateDatasourceConnectionSuccess',
            connection: { name: payments },
          },
        },
      });
      assert.deepEqual(await create('orders'), {
        data: { createDatasourceConnection: { __typename: 'NameTakenError', name: 'orders' } },
      });
    });

    it('forwards the token of its caller, whose rights count', async () => {
      dliWithTokens ??= await startGatewayWithTokens(dli.emulatorUrl);
      const bearer = scope => ({ authorization: `Bearer ${dliWithTokens.sign(scope)}` });
      const secured = await start(await compose(dliWithTokens.url, bearer('')));
      try {
        const request = { query: '{ datasets { connection { name } } }' };
        const reader = await secured.execute(request, bearer('dli:connection:read'));
        assert.deepEqual(reader, { data: { datasets: NAMES.map(name => ({ connection: { name } })) } });
        for (const [headers, code] of [
          [bearer('dli:connection:create'), 'FORBIDDEN'],
          [{}, 'UNAUTHENTICATED'],
        ]) {
          const { data, errors } = await secured.execute(request, headers);
          assert.deepEqual(
            data.datasets,
            NAMES.map(() => ({ connection: null })),
          );
          // Hive Gateway drops the errors of references below an @interfaceObject.
          if (name === '@apollo/gateway') assert.deepEqual([...new Set(errors.map(codeOf))], [code]);
        }
      } finally {
        await secured.close();
      }
    });

    it('does not pass on what only gateways may ask', async () => {
      const { errors } = await gateway.execute({ query: '{ _service { sdl } }' });
      assert.match(errors[0].message, /Cannot query field "_service"/);
    });
  });
}

describe('a subscription through Hive Gateway', () => {
  for (const [transport, subscriptions] of [
    ['an event stream, as by default', undefined],
    ['an event stream by POST', { kind: 'http', options: { method: 'POST' } }],
    ['a WebSocket', { kind: 'ws', location: '/graphql' }],
  ])
    it(`follows a create to its end over ${transport}`, async () => {
      const runtime = startHive(await compose(dli.url), subscriptions);
      try {
        const query = `mutation { createDatasourceConnection(input: {
          name: "${transport.replaceAll(/\W+/g, '-')}", service: RDS, url: "192.168.0.12:5432", networkId: "n", securityGroupId: "s"
        }) { ... on CreateDatasourceConnectionSuccess { connectionId } } }`;
        const { data } = await postGraphql(dli.url, { query });
        const { connectionId } = data.createDatasourceConnection;
        const request = {
          query: 'subscription ($id: ID!) { datasourceConnection(id: $id) { state datasets { id } } }',
          variables: { id: connectionId },
        };
        const response = await fetchFrom(runtime, request, { accept: 'text/event-stream' });
        const shown = [];
        for await (const { data } of readEvents(response.body)) {
          shown.push(data?.datasourceConnection);
          if (shown.length === 1) await activate(connectionId);
        }
        assert.deepEqual(shown.at(0), { state: 'CREATING', datasets: [] });
        assert.deepEqual(shown.at(-1), { state: 'ACTIVE', datasets: [] });
      } finally {
        await runtime.dispose();
      }
    });
});
