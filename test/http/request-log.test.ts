import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { linesWith } from '../helpers/log-lines.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { graphqlRequest, openConnection } from '../helpers/raw-connection.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import type { Transport } from '../helpers/subscribers.js';
import { closeSubscribers, nextOf, readAll, subscribe, WATCH } from '../helpers/subscribers.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

const HEX_32 = expect.stringMatching(/^[0-9a-f]{32}$/);
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_SPAN = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE_ID}-${PARENT_SPAN}-01`;
/** The fields of every line of a POST. */
const LINE = {
  level: 30,
  time: expect.any(Number),
  requestId: HEX_32,
  traceId: HEX_32,
  spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
  method: 'POST',
  route: '/graphql',
  status: 200,
  durationMs: expect.any(Number),
  bytesIn: expect.any(Number),
  bytesOut: expect.any(Number),
  msg: 'request',
};

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

/** The request lines after the first ones, once `count` of them have been logged. */
async function requestsOf(gateway: TestGateway, count = 1, first = 0): Promise<Record<string, unknown>[]> {
  await gateway.logged('"msg":"request"', first + count);
  return linesWith(gateway.log(), 'request').slice(first);
}

describe('the log line of an operation', () => {
  const shared = shareGateway();
  let linesBefore = 0;
  const requestsOfTest = (count = 1) => requestsOf(shared(), count, linesBefore);

  beforeEach(() => {
    linesBefore = linesWith(shared().log(), 'request').length;
  });

  it('of a query names its fields and the number of bytes received and sent', async () => {
    const body = JSON.stringify({
      query: '{ ...Two __typename } fragment Two on Query { datasourceServices { service } }',
    });
    const { headers } = await shared().send(body);
    expect(await requestsOfTest()).toEqual([
      {
        ...LINE,
        kind: 'query',
        field: 'datasourceServices',
        fields: 2,
        outcome: 'OK',
        bytesIn: body.length,
        bytesOut: Number(headers.get('content-length')),
      },
    ]);
  });

  it('of a mutation has the type of its payload', async () => {
    const gateway = shared();
    await gateway.create();
    gateway.emulator.inject({ operation: 'createConnection', error: 'DLI.0006' });
    await gateway.create({ name: 'other' });
    const mutation = { ...LINE, kind: 'mutation', field: 'createDatasourceConnection' };
    expect(await requestsOfTest(2)).toEqual([
      { ...mutation, outcome: 'CreateDatasourceConnectionSuccess' },
      { ...mutation, outcome: 'NameTakenError', code: 'NAME_CONFLICT' },
    ]);
  });

  it('of a query that fails has the first error code', async () => {
    const gateway = shared();
    gateway.emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    gateway.emulator.inject({ operation: 'listEnhancedConnections', status: 500, times: 0 });
    await gateway.send({ query: '{ datasourceConnections { items { id } } }' });
    expect(await requestsOfTest()).toEqual([
      { ...LINE, kind: 'query', field: 'datasourceConnections', outcome: 'ERROR', code: 'UPSTREAM_UNAVAILABLE' },
    ]);
  });

  it.each<[what: string, request: { method?: string; path?: string; body?: string }, refused: object]>([
    ['a document that cannot be parsed', { body: '{"query":"{"}' }, { status: 400, code: 'GRAPHQL_PARSE_FAILED' }],
    ['an unknown field', { body: '{"query":"{ a }"}' }, { status: 400, code: 'GRAPHQL_VALIDATION_FAILED' }],
    ['a body that is not JSON', { body: '{' }, { status: 400, code: 'BAD_REQUEST' }],
    ['another method', { method: 'PUT' }, { status: 405, code: 'METHOD_NOT_ALLOWED' }],
    ['another path', { path: '/nothing' }, { status: 404, code: 'NOT_FOUND', route: null }],
    ['a path that cannot be decoded', { path: '/%zz' }, { status: 400, code: 'BAD_REQUEST', route: null }],
  ])(
    'of a refused request says why: %s',
    async (_what, { method = 'POST', path = '/graphql', body = '{}' }, refused) => {
      const response = await fetch(new URL(path, shared().graphqlUrl), {
        method,
        body,
        headers: { 'content-type': 'application/json' },
      });
      await response.text();
      expect(await requestsOfTest()).toEqual([{ ...LINE, method, outcome: 'ERROR', ...refused }]);
    },
  );

  it('has the name and version of the client if they are plain text', async () => {
    const names = [
      { 'apollographql-client-name': 'orders-web', 'apollographql-client-version': '1.2.3' },
      { 'graphql-client-name': '@acme/orders worker', 'graphql-client-version': '7' },
      { 'apollographql-client-name': 'x'.repeat(65), 'apollographql-client-version': '"},{"level":60' },
      {},
    ];
    for (const headers of names) await shared().send({ query: '{ __typename }' }, headers);
    const lines = await requestsOfTest(names.length);
    expect(lines.map(({ clientName, clientVersion }) => [clientName, clientVersion])).toEqual([
      ['orders-web', '1.2.3'],
      ['@acme/orders worker', '7'],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it('whose client has disconnected has status 499, and the audit line has the outcome', async () => {
    const gateway = await startGateway();
    gateway.emulator.inject({ operation: 'createConnection', delayMs: 500 });
    const caller = await openConnection(gateway.graphqlUrl);
    const input = JSON.stringify(VALID_INPUT)
      .replace(/"(\w+)":/g, '$1:')
      .replace('"RDS"', 'RDS');
    caller.write(graphqlRequest(`mutation { createDatasourceConnection(input: ${input}) { __typename } }`));
    await gateway.emulator.ledger.waitFor('createConnection', 1);
    caller.destroy();
    await once(caller, 'close');
    const [line] = await requestsOf(gateway);
    expect(line).toMatchObject({ status: 499, kind: 'mutation', field: 'createDatasourceConnection' });
    await gateway.logged('"msg":"audit"');
    const { requestId } = line ?? {};
    expect(linesWith(gateway.log(), 'audit', { requestId })).toMatchObject([
      { outcome: 'CreateDatasourceConnectionSuccess', connectionId: expect.any(String) },
    ]);
  });

  it('is written at level info, and those of pages, preflight requests and probes at level debug', async () => {
    const gateway = await startGateway({ env: { EXPLORER: 'graphiql' } });
    await (await fetch(gateway.graphqlUrl, { headers: { accept: 'text/html' } })).text();
    await fetch(gateway.graphqlUrl, { method: 'OPTIONS' });
    await (await fetch(new URL('/livez', gateway.adminUrl))).text();
    await (await fetch(new URL('/readyz', gateway.adminUrl))).text();
    await gateway.send({ query: '{ __typename }' });
    const lines = await requestsOf(gateway, 5);
    expect(lines.map(({ level, route }) => [level, route]).sort()).toEqual([
      [20, '/graphql'],
      [20, '/graphql'],
      [20, '/livez'],
      [20, '/readyz'],
      [30, '/graphql'],
    ]);
  });
});

describe.each<[Transport, object]>([
  ['graphql-ws', { method: 'GET', status: 101 }],
  ['graphql-sse', { method: 'POST', status: 200 }],
])('the log line of a subscription by %s', (transport, place) => {
  const subscription = {
    level: 30,
    requestId: HEX_32,
    traceId: HEX_32,
    route: '/graphql',
    kind: 'subscription',
    ...place,
  };

  it('is written when it ends, with the number of its events', async () => {
    const gateway = await startGateway();
    await readAll(subscribe(transport, gateway.graphqlUrl, { query: WATCH, variables: { id: 'none' } }));
    expect(await requestsOf(gateway)).toEqual([
      expect.objectContaining({ ...subscription, field: 'datasourceConnection', outcome: 'OK', events: 1 }),
    ]);
  });

  it('is written when its caller ends it, and not before', async () => {
    const gateway = await startGateway({ emulator: { creationMs: 3_600_000 } });
    const { connectionId: id } = gateway.emulator.seedConnection({ name: 'orders' });
    const events = subscribe(transport, gateway.graphqlUrl, { query: WATCH, variables: { id } });
    await nextOf(events);
    expect(linesWith(gateway.log(), 'request')).toEqual([]);
    await events.return?.();
    expect(await requestsOf(gateway)).toMatchObject([{ ...subscription, outcome: 'OK', events: 1 }]);
  });

  it('has the code of its last event', async () => {
    const clock = createTestClock();
    const dliClock = createManualClock();
    const gateway = await startGateway({
      clock,
      env: { FOLLOW_INTERVAL_MS: '100' },
      emulator: { creationMs: 500, now: dliClock.epochMs },
    });
    const { connectionId: id } = gateway.emulator.seedConnection();
    const events = subscribe(transport, gateway.graphqlUrl, { query: WATCH, variables: { id } });
    await nextOf(events);
    clock.advance(30 * 60_000);
    dliClock.advance(500);
    await readAll(events);
    const [line] = await requestsOf(gateway);
    expect(line).toMatchObject({ ...subscription, outcome: 'ERROR', code: 'SUBSCRIPTION_ENDED', events: 2 });
  });

  it('that is refused says why', async () => {
    const gateway = await startGateway();
    await readAll(subscribe(transport, gateway.graphqlUrl, { query: 'subscription { nothing }' }));
    const [line] = await requestsOf(gateway);
    expect(line).toMatchObject({ ...place, outcome: 'ERROR', code: 'GRAPHQL_VALIDATION_FAILED' });
    expect(line).not.toHaveProperty('kind');
  });
});

describe('the ids of requests', () => {
  it('tell two creates with one traceparent apart', async () => {
    const gateway = await startGateway();
    const createNamed = (name: string) =>
      gateway.send(
        { query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, name } } },
        { traceparent: TRACEPARENT },
      );
    const answers = await Promise.all(['first', 'second'].map(createNamed));
    for (const { headers } of answers) expect(headers.get('x-request-id')).toBe(TRACE_ID);
    const requests = await requestsOf(gateway, 2);
    expect(new Set(requests.map(({ requestId }) => requestId)).size).toBe(2);
    expect(new Set(requests.map(({ spanId }) => spanId)).size).toBe(2);
    for (const { requestId, traceId, spanId } of requests) {
      const ids = { requestId, traceId, spanId };
      expect(ids).toMatchObject({ traceId: TRACE_ID });
      expect(spanId).not.toBe(PARENT_SPAN);
      expect(linesWith(gateway.log(), 'upstream', ids)).toHaveLength(1);
      expect(linesWith(gateway.log(), 'audit', ids)).toHaveLength(1);
    }
  });

  it('are in the audit line and the line of a request that was refused', async () => {
    const gateway = await startTokenGateway();
    await gateway.send({ query: '{ __typename }' }, { ...bearer('no-token'), traceparent: TRACEPARENT });
    const [request] = await requestsOf(gateway);
    expect(request).toMatchObject({ traceId: TRACE_ID, status: 401, outcome: 'ERROR', code: 'UNAUTHENTICATED' });
    expect(gateway.audit()).toMatchObject([{ requestId: request?.['requestId'], traceId: TRACE_ID }]);
  });
});
