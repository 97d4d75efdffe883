import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { buildSchema, isObjectType, isUnionType } from 'graphql';
import { HISTOGRAMS } from '../../src/metrics/catalog.js';
import { PrometheusMetrics } from '../../src/metrics/prometheus-metrics.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { post } from '../helpers/post.js';
import { proofSize } from '../helpers/proof-size.js';
import { readSamples } from '../helpers/samples.js';
import { closeSubscribers, readAll, subscribe } from '../helpers/subscribers.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

function createMetrics(): PrometheusMetrics {
  return new PrometheusMetrics('1a2b3c4', (_metric, error) => {
    throw error;
  });
}

const CANARY = 'zq7canary';
const MAX_SERIES = 1_500;
/** More rounds than any metric has label sets. */
const ROUNDS = proofSize(60, 150);
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'M-SEARCH'];
const PATHS = ['/graphql', '/graphql/stream', '/', `/${CANARY}`, `/graphql/explorer/${CANARY}`];

/** Requests with everything that callers may choose, different in each round. */
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
  const send = (body: unknown) => post(graphqlUrl, JSON.stringify(body), headers);
  const fetchAll = async (url: URL, init: RequestInit) => (await fetch(url, init)).arrayBuffer();
  const path = PATHS[round % PATHS.length] ?? '/';
  const method = METHODS[round % METHODS.length] ?? 'GET';
  const elsewhere = new URL(`${path}?${own}=${own}`, graphqlUrl);
  return [
    // An invalid name, because a valid create would take a call to DLI.
    () => send({ query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, name: `${own} ` } } }),
    () => send({ query: `query ${own} { ${own}: datasourceConnection(id: "${own}") { id } }`, operationName: own }),
    () => send({ query: `{ ${own} }` }),
    () => send({ query: `query ${own} { __typename }`, operationName: `${own}x` }),
    () => send(round % 2 === 0 ? own : [own]),
    () => fetchAll(elsewhere, { method, headers: { ...headers, accept: own } }),
    () => fetchAll(elsewhere, { headers: { accept: `text/${own}` } }),
    () => post(graphqlUrl, own, { 'content-type': `text/${own}` }),
  ];
}

it('there are at most 1,500 series, with no value from callers or DLI in them', async () => {
  const { graphqlUrl, adminUrl, emulator, create } = await startGateway({ env: { OPERATION_TIMEOUT_MS: '1000' } });
  for (let round = 0; round < ROUNDS; round += 1) {
    await Promise.all(requestsOf(round, graphqlUrl).map(request => request()));
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

describe('the metrics that alerts use', () => {
  const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));
  const GRAPHQL = 'graphql_operation_duration_seconds';
  /** The mutations with the outcomes that the alerts count as failures. */
  const failures = Object.entries(schema.getMutationType()?.getFields() ?? {}).flatMap(([field, { type }]) => {
    const payload = schema.getType(String(type).replace('!', ''));
    const members = isUnionType(payload) ? payload.getTypes().filter(isObjectType) : [];
    const failed = members
      .map(({ name }) => name)
      .filter(name => /DliUnavailableError|OutcomeUnknownError$/.test(name));
    return [...failed, 'ERROR'].map(outcome => ({ type: 'mutation' as const, field, outcome }));
  });

  /** Metrics whose limited tables are all filled with other label sets. */
  function createFull() {
    const metrics = createMetrics();
    for (let round = 0; round < 100; round += 1) {
      const own = `own_${round}`;
      metrics.observe(GRAPHQL, { type: 'query', field: own, outcome: 'OK' }, 1);
      const http = { http_request_method: 'GET', http_route: own, http_response_status_code: '404' } as const;
      metrics.observe('http_server_request_duration_seconds', http, 1);
      metrics.count('graphql_errors_total', { code: own });
      const call = { target: 'issuer', operation: own, status: '200', error_type: '' } as const;
      metrics.observe('http_client_request_duration_seconds', call, 1);
    }
    return metrics;
  }

  it('include the failures of every mutation', () => {
    expect(new Set(failures.map(({ field }) => field)).size).toBe(5);
    expect(HISTOGRAMS[GRAPHQL].reserved).toEqual(expect.arrayContaining(failures));
  });

  it('count each failure separately, even after callers have caused many others', async () => {
    const metrics = createFull();
    for (const failure of failures) metrics.observe(GRAPHQL, failure, 1);
    for (const status of ['500', '502', '503']) {
      const labels = { http_request_method: 'POST', http_route: '/graphql', http_response_status_code: status };
      metrics.observe('http_server_request_duration_seconds', labels, 1);
    }
    metrics.count('graphql_errors_total', { code: 'INTERNAL' });
    const call = { target: 'dli', operation: 'createConnection', status: '200', error_type: '' } as const;
    metrics.observe('http_client_request_duration_seconds', call, 1);
    const lines = (await metrics.text()).split('\n');

    const labelsOfPost = 'http_request_method="POST",http_route="/graphql",http_response_status_code=';
    expect(lines).toEqual(
      expect.arrayContaining([
        ...failures.map(
          ({ field, outcome }) => `${GRAPHQL}_count{type="mutation",field="${field}",outcome="${outcome}"} 1`,
        ),
        ...['500', '503', '5xx'].map(
          status => `http_server_request_duration_seconds_count{${labelsOfPost}"${status}"} 1`,
        ),
        'graphql_errors_total{code="INTERNAL"} 1',
        'http_client_request_duration_seconds_count{target="dli",operation="createConnection",status="200",error_type=""} 1',
      ]),
    );
  });

  it('have the value 0 from the start, so that the first failure is an increase', async () => {
    const lines = (await createMetrics().text()).split('\n');
    for (const { field, outcome } of failures)
      expect(lines).toContain(`${GRAPHQL}_count{type="mutation",field="${field}",outcome="${outcome}"} 0`);
  });
});
