import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import type { RawSocket } from '../helpers/subscribers.js';
import { closeSubscribers, openSocket, WATCH } from '../helpers/subscribers.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

const MAX_OPEN = proofSize(20, 500);
const limits = { connectionsPerTenant: MAX_OPEN };
const RARELY = { FOLLOW_INTERVAL_MS: '60000' };
const READ_ONLY = { scope: 'dli:connection:read' };

const streams: AbortController[] = [];

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.abort();
  await closeSubscribers();
  await closeGateways();
});

/** Opens an event stream that watches a connection until the returned function is called or the test ends. */
async function openStream(url: string, id: string, token?: string) {
  const stream = new AbortController();
  streams.push(stream);
  const response = await fetch(url, {
    method: 'POST',
    signal: stream.signal,
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(token) },
    body: JSON.stringify({ query: WATCH, variables: { id } }),
  });
  return { response, status: response.status, end: () => stream.abort() };
}

/** Opens many streams, in batches so that the gateway does not shed load. */
async function openStreams(count: number, url: string, id: string, token?: string) {
  const opened: Awaited<ReturnType<typeof openStream>>[] = [];
  while (opened.length < count) {
    const batch = Math.min(20, count - opened.length);
    opened.push(...(await Promise.all(Array.from({ length: batch }, () => openStream(url, id, token)))));
  }
  return opened;
}

async function openSocketAs({ graphqlUrl }: TokenGateway, token: string): Promise<RawSocket> {
  const opened = await openSocket(graphqlUrl, bearer(token));
  opened.sendMessage({ type: 'connection_init' });
  return opened;
}

function waitFor(id: string) {
  return { query: `{ datasourceConnection(id: "${id}", waitSeconds: 1) { state } }` };
}

/** A gateway with a connection to watch, and readers of two tenants. */
async function startWithReaders() {
  const gateway = await startTokenGateway(RARELY, { limits });
  const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
  const greedy = await gateway.sign({ claims: { ...READ_ONLY, sub: 'greedy' } });
  const modest = await gateway.sign({ claims: { ...READ_ONLY, sub: 'modest' } });
  return { gateway, connectionId, greedy, modest };
}

describe('a tenant with 500 open connections', () => {
  it('cannot open another until one closes, while other tenants can', async () => {
    const { gateway, connectionId, greedy, modest } = await startWithReaders();
    const { graphqlUrl } = gateway;
    const idle = await openSocketAs(gateway, greedy);
    expect(await idle.nextMessage()).toEqual({ type: 'connection_ack' });
    const held = await openStreams(MAX_OPEN - 1, graphqlUrl, connectionId, greedy);
    expect(new Set(held.map(({ status }) => status))).toEqual(new Set([200]));

    const { response } = await openStream(graphqlUrl, connectionId, greedy);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '5']);
    expect(await response.json()).toEqual({
      errors: [
        {
          message: 'Your tenant holds 500 streams, WebSockets and waiting queries open. End some, or try again later.',
          extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 5, traceId: expect.any(String) },
        },
      ],
    });
    const refused = await openSocketAs(gateway, greedy);
    expect(await refused.closed).toEqual({ code: 1013, reason: 'Too many open connections of your tenant' });
    const wait = await gateway.send(waitFor(connectionId), bearer(greedy));
    expect([wait.status, wait.headers.get('retry-after')]).toEqual([429, '5']);
    expect(wait.body.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 5 } }]);

    // A query that is answered at once does not count.
    expect((await gateway.ask(greedy)).status).toBe(200);
    expect((await openStream(graphqlUrl, connectionId, modest)).status).toBe(200);
    expect(await (await openSocketAs(gateway, modest)).nextMessage()).toEqual({ type: 'connection_ack' });
    expect((await gateway.send(waitFor(connectionId), bearer(modest))).status).toBe(200);

    held[0]?.end();
    let next = await openStream(graphqlUrl, connectionId, greedy);
    while (next.status === 429) next = await openStream(graphqlUrl, connectionId, greedy);
    expect(next.status).toBe(200);
    idle.socket.close();
    let socket = await openSocketAs(gateway, greedy);
    let received = await Promise.race([socket.nextMessage(), socket.closed]);
    while ('code' in received) {
      socket = await openSocketAs(gateway, greedy);
      received = await Promise.race([socket.nextMessage(), socket.closed]);
    }
    expect(received).toEqual({ type: 'connection_ack' });
  });

  it('frees its quota when waiting queries are answered and streams complete', async () => {
    const { gateway, connectionId, greedy } = await startWithReaders();
    const { graphqlUrl } = gateway;
    const completed = await openStreams(2 * MAX_OPEN, graphqlUrl, 'none', greedy);
    expect(new Set(completed.map(({ status }) => status))).toEqual(new Set([200]));
    for (const { response } of completed) await response.text();
    expect((await gateway.send(waitFor(connectionId), bearer(greedy))).status).toBe(200);
    const held = await openStreams(MAX_OPEN, graphqlUrl, connectionId, greedy);
    expect(new Set(held.map(({ status }) => status))).toEqual(new Set([200]));
  });
});

it('anonymous callers may open more than 500 connections together', async () => {
  const { graphqlUrl, emulator } = await startGateway({ env: RARELY, limits });
  const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
  const held = await openStreams(MAX_OPEN + 1, graphqlUrl, connectionId);
  expect(new Set(held.map(({ status }) => status))).toEqual(new Set([200]));
});
