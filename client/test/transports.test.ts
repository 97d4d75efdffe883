import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, it } from 'node:test';
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import type { CreateDatasourceConnectionInput, CreatePayload, Retry } from 'dli-gateway-client';
import {
  CreateDatasourceConnectionDocument as document,
  possibleTypes,
  repeatUntilDecided,
  UndecidedError,
} from 'dli-gateway-client';
import { print } from 'graphql';
import { GraphQLClient } from 'graphql-request';
import type { Stack } from './helpers/stack.js';
import { INPUT, startStack } from './helpers/stack.js';

/** What a busy server answers. */
interface Refusal {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** The least time for which busy servers refuse. */
const REFUSED_FOR_MS = 20_000;
/** A proxy whose gateway is away. */
const REFUSAL_OF_PROXY: Refusal = {
  status: 503,
  headers: { 'content-type': 'text/html', 'retry-after': '60' },
  body: '<h1>Unavailable</h1>',
};
const NOTHING_LISTENS = 'http://127.0.0.1:1/graphql';

let stack: Stack;
let busyUrls: string[];
before(async () => {
  stack = await startStack();
  busyUrls = await Promise.all([await refusalOfGateway(), REFUSAL_OF_PROXY].map(startBusyServer));
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

/** Sends a create that is refused. */
async function findRefused(url: string, send: Send, timeoutMs?: number) {
  let requests = 0;
  const creating = repeatUntilDecided(
    signal => {
      requests += 1;
      return send(url, { ...INPUT, name: 'refused' }, signal);
    },
    timeoutMs === undefined ? {} : { timeoutMs },
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
      const { error, requests } = await findRefused(url, send, REFUSED_FOR_MS / 2);
      assert.ok(error instanceof UndecidedError);
      assert.equal(requests, 1);
    }
  });
}

/** What a gateway answers that accepts no more creates in this minute. */
async function refusalOfGateway(): Promise<Refusal> {
  const { url } = await startStack({ RATE_LIMIT_CREATES_BURST: '60', RATE_LIMIT_CREATES_PER_SECOND: '1' });
  const input = { ...INPUT, name: 'many', idempotencyKey: crypto.randomUUID() };
  const body = JSON.stringify({ query: print(document), variables: { input } });
  const headers = { 'content-type': 'application/json' };
  for (;;) {
    const creates = Array.from({ length: 61 }, () => fetch(url, { method: 'POST', headers, body }));
    for (const response of await Promise.all(creates)) {
      const answer = await response.text();
      const retryAfter = response.headers.get('retry-after') ?? '';
      // The minute may be nearly over.
      if (response.status === 429 && Number(retryAfter) * 1_000 >= REFUSED_FOR_MS)
        return {
          status: 429,
          headers: { 'content-type': 'application/json', 'retry-after': retryAfter },
          body: answer,
        };
    }
  }
}

/** Refuses every request. */
async function startBusyServer({ status, headers, body }: Refusal): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
}
