import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, it } from 'node:test';
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import type { CreateDatasourceConnectionInput, CreatePayload, Retry } from 'dli-gateway-client';
import {
  createClient,
  CreateDatasourceConnectionDocument as document,
  possibleTypes,
  repeatUntilDecided,
  UndecidedError,
} from 'dli-gateway-client';
import { GraphQLClient } from 'graphql-request';
import type { Stack } from './helpers/stack.js';
import { INPUT, startStack } from './helpers/stack.js';

const NOTHING_LISTENS = 'http://127.0.0.1:1/graphql';

let stack: Stack;
let busyUrls: string[];
before(async () => {
  stack = await startStack();
  busyUrls = [await startBusyGateway(), await startBusyProxy()];
});

/** A GraphQL client sends one create. */
type Send = (url: string, input: CreateDatasourceConnectionInput, signal: AbortSignal) => Promise<CreatePayload>;

const TRANSPORTS: Record<string, Send> = {
  async 'Apollo Client'(url, input, signal) {
    const client = new ApolloClient({
      link: new HttpLink({ uri: url }),
      cache: new InMemoryCache({ possibleTypes }),
    });
    const context = { fetchOptions: { signal } };
    const { data } = await client.mutate({ mutation: document, variables: { input }, context });
    assert.ok(data);
    return data.createDatasourceConnection;
  },
  async urql(url, input, signal) {
    const client = new Client({ url, exchanges: [fetchExchange] });
    const { data, error } = await client.mutation(document, { input }, { fetchOptions: { signal } });
    if (error) throw error;
    assert.ok(data);
    return data.createDatasourceConnection;
  },
  async 'graphql-request'(url, input, signal) {
    const client = new GraphQLClient(url);
    return (await client.request({ document, variables: { input }, signal })).createDatasourceConnection;
  },
};

/** Sends a create that is refused for longer than there is time. */
async function findRefused(url: string, send: Send) {
  let requests = 0;
  const creating = repeatUntilDecided(
    signal => {
      requests += 1;
      return send(url, { ...INPUT, name: 'refused' }, signal);
    },
    { timeoutMs: 10_000 },
  );
  const [result] = await Promise.allSettled([creating]);
  return { error: result?.status === 'rejected' ? result.reason : result?.value, requests };
}

for (const [name, send] of Object.entries(TRANSPORTS)) {
  it(`${name}: what can never succeed is thrown at once`, async () => {
    const wrong = { ...INPUT, name: 'wrong', service: 'ORACLE' } as never as CreateDatasourceConnectionInput;
    for (const [url, input] of [
      [stack.url, wrong],
      [`${stack.url}/nothing`, INPUT],
    ] as const) {
      const { error, requests } = await findRefused(url, (_url, _input, signal) =>
        send(url, { name: 'a', ...input }, signal),
      );
      assert.ok(error instanceof Error && !(error instanceof UndecidedError));
      assert.equal(requests, 1);
    }
  });

  it(`${name}: lost connections and unknown outcomes are repeated, and one connection is created`, async () => {
    const input = { ...INPUT, name: `lost-${name.replaceAll(' ', '-')}`, idempotencyKey: crypto.randomUUID() };
    await stack.fault({ operation: 'createConnection', behaviour: 'reset', apply: true });
    const hideNew = { operation: 'listConnections', times: 3, body: { is_success: true, count: 0, connections: [] } };
    await stack.fault(hideNew);
    const before = (await stack.ledger('createConnection')).length;
    const retries: Retry[] = [];
    const payload = await repeatUntilDecided(
      signal => send(retries.length === 0 ? NOTHING_LISTENS : stack.url, input, signal),
      { onRetry: retry => retries.push(retry) },
    );

    assert.ok(payload.__typename === 'CreateDatasourceConnectionSuccess');
    assert.equal(payload.reconciled, true);
    assert.ok(retries.length >= 2);
    const creates = (await stack.ledger('createConnection')).slice(before);
    assert.deepEqual(
      creates.map(entry => entry.appliedConnectionId),
      [payload.connectionId],
    );
  });

  it(`${name}: a refusal for now is repeated no earlier than asked for`, async () => {
    for (const url of busyUrls) {
      const { error, requests } = await findRefused(url, send);
      assert.ok(error instanceof UndecidedError);
      assert.equal(requests, 1);
    }
  });
}

/** A gateway that accepts no more creates for the next half minute. */
async function startBusyGateway(): Promise<string> {
  const busy = await startStack({ RATE_LIMIT_CREATES_BURST: '30', RATE_LIMIT_CREATES_PER_SECOND: '1' });
  const input = { ...INPUT, name: 'many', idempotencyKey: crypto.randomUUID() };
  const client = createClient({ url: busy.url });
  await Promise.all(Array.from({ length: 30 }, () => client.request(document, { input })));
  return busy.url;
}

/** A proxy whose gateway is away. */
async function startBusyProxy(): Promise<string> {
  const proxy = createServer((request, response) => {
    request.resume();
    response.writeHead(503, { 'content-type': 'text/html', 'retry-after': '60' }).end('<h1>Unavailable</h1>');
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  proxy.unref();
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/graphql`;
}
