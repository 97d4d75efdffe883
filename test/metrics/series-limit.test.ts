import { afterEach, expect, it } from '@jest/globals';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { readSamples } from '../helpers/samples.js';
import { closeSubscribers, readAll, subscribe } from '../http/helpers/subscribers.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

const CANARY = 'zq7canary';
const MAX_SERIES = 1_500;
const ROUNDS = 150;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'M-SEARCH'];
const PATHS = ['/graphql', '/graphql/stream', '/', `/${CANARY}`, `/graphql/explorer/${CANARY}`];

/** What callers may choose, different in each round. */
function requestsOf(round: number, graphqlUrl: string): (() => Promise<unknown>)[] {
  const own = `${CANARY}_${round}`;
  const headers = {
    'content-type': 'application/json',
    'apollographql-client-name': own,
    'apollographql-client-version': own,
    'user-agent': own,
    [`x-${CANARY}-${round}`]: own,
    traceparent: `00-${'a'.repeat(24)}${String(round).padStart(8, '0')}-${'b'.repeat(16)}-01`,
  };
  const send = (body: unknown) => fetch(graphqlUrl, { method: 'POST', headers, body: JSON.stringify(body) });
  const path = PATHS[round % PATHS.length] ?? '/';
  const method = METHODS[round % METHODS.length] ?? 'GET';
  const elsewhere = new URL(`${path}?${own}=${own}`, graphqlUrl);
  return [
    // A name that is refused keeps DLI out of most of them.
    () => send({ query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, name: `${own} ` } } }),
    () => send({ query: `query ${own} { ${own}: datasourceConnection(id: "${own}") { id } }`, operationName: own }),
    () => send({ query: `{ ${own} }` }),
    () => send({ query: `query ${own} { __typename }`, operationName: `${own}x` }),
    () => send(round % 2 === 0 ? own : [own]),
    () => fetch(elsewhere, { method, headers: { ...headers, accept: own } }),
    () => fetch(elsewhere, { headers: { accept: `text/${own}` } }),
    () => fetch(graphqlUrl, { method: 'POST', headers: { 'content-type': `text/${own}` }, body: own }),
  ];
}

it('whatever callers send and DLI answers, there are at most 1,500 series, without any of it', async () => {
  const { graphqlUrl, adminUrl, emulator, create } = await startGateway({ env: { OPERATION_TIMEOUT_MS: '1000' } });
  for (let round = 0; round < ROUNDS; round += 1) {
    const responses = await Promise.all(requestsOf(round, graphqlUrl).map(request => request()));
    await Promise.all(responses.map(response => (response as Response).arrayBuffer()));
  }
  for (let status = 400; status < 600; status += 20) {
    const body = { error_code: `DLI.${CANARY}${status}`, error_msg: CANARY };
    emulator.inject({ operation: 'any', status, body, times: 2 });
    await create({ name: `${CANARY}_${status}`, idempotencyKey: `${CANARY}-key-${status}` });
    emulator.clearFaults();
  }
  const own = `subscription ${CANARY} { ${CANARY}: datasourceConnection(id: "${CANARY}") { id } }`;
  await readAll(subscribe('graphql-ws', graphqlUrl, { query: own, operationName: CANARY }));
  await readAll(subscribe('graphql-sse', graphqlUrl, { query: own, operationName: CANARY }));
  const { text, series } = await readSamples(adminUrl);

  expect(series.length).toBeGreaterThan(200);
  expect(series.length).toBeLessThanOrEqual(MAX_SERIES);
  expect(text.split('\n').filter(line => line.includes(CANARY))).toEqual([]);
});
