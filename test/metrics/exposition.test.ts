import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { COUNTERS, HISTOGRAMS, READINGS } from '../../src/metrics/catalog.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { openClient } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { readSamples } from '../helpers/samples.js';
import { closeSubscribers, nextOf, subscribe, WATCH } from '../helpers/subscribers.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

// Dashboards and alert rules rely on them.
const NAMES = [
  'http_server_request_duration_seconds',
  'http_server_active_requests',
  'http_server_request_body_size_bytes',
  'http_server_response_body_size_bytes',
  'dli_gateway_open_connections',
  'dli_gateway_refused_total',
  'graphql_operation_duration_seconds',
  'graphql_errors_total',
  'http_client_request_duration_seconds',
  'dli_gateway_pool_waiting',
  'dli_gateway_pool_wait_seconds',
  'dli_gateway_dli_errors_total',
  'dli_gateway_breaker_open',
  'dli_gateway_retries_total',
  'dli_gateway_credentials_usable',
  'dli_gateway_credentials_expiry_timestamp_seconds',
  'dli_gateway_credentials_reloads_total',
  'dli_gateway_clock_skew_seconds',
  'dli_gateway_creates_open',
  'dli_gateway_oldest_open_create_seconds',
  'dli_gateway_reconciliations_total',
  'dli_gateway_replays_total',
  'dli_gateway_store_up',
  'dli_gateway_store_operation_seconds',
  'dli_gateway_store_bytes',
  'dli_gateway_store_losses_total',
  'dli_gateway_store_unreadable_total',
  'dli_gateway_subscriptions',
  'dli_gateway_followed_connections',
  'dli_gateway_reads_total',
  'dli_gateway_follow_lag_seconds',
  'dli_gateway_auth_total',
  'dli_gateway_rate_limited_total',
  'dli_gateway_jwks_age_seconds',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_gc_duration_seconds',
  'dli_gateway_accepted_share',
  'dli_gateway_ready',
  'dli_gateway_log_lines_dropped_total',
  'dli_gateway_build_info',
];

const READ = 'query Read($id: ID!) { datasourceConnection(id: $id) { id } }';

describe('the metrics', () => {
  it('show a create, a read, a subscription and a refusal', async () => {
    const gateway = await startGateway({
      env: { BUILD_COMMIT: '1a2b3c4', FOLLOW_INTERVAL_MS: '100' },
      // The subscriptions do not end by themselves.
      emulator: { creationMs: 3_600_000 },
    });
    const { connectionId: id } = await gateway.create({ idempotencyKey: 'metrics-key-000001' });
    await gateway.create({ idempotencyKey: 'metrics-key-000001' });
    await gateway.create({ name: 'no spaces' });
    await gateway.send({ query: READ, variables: { id } });
    await gateway.send('no JSON');
    await nextOf(subscribe('graphql-ws', gateway.graphqlUrl, { query: WATCH, variables: { id } }));
    await nextOf(subscribe('graphql-sse', gateway.graphqlUrl, { query: WATCH, variables: { id } }));
    const { contentType, names, series, value } = await readSamples(gateway.adminUrl);

    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(names).toEqual(expect.arrayContaining(NAMES));
    const post = 'http_request_method="POST",http_route="/graphql"';
    const create = 'type="mutation",field="createDatasourceConnection"';
    const labels = 'target="dli",operation="createConnection",status="2xx",error_type=""';
    expect(
      Object.fromEntries(
        [
          `http_server_request_duration_seconds_count{${post},http_response_status_code="200"}`,
          `http_server_request_duration_seconds_count{${post},http_response_status_code="400"}`,
          'http_server_request_body_size_bytes_count',
          'http_server_response_body_size_bytes_count',
          'dli_gateway_refused_total{reason="BAD_REQUEST"}',
          `graphql_operation_duration_seconds_count{${create},outcome="CreateDatasourceConnectionSuccess"}`,
          `graphql_operation_duration_seconds_count{${create},outcome="InvalidInputError"}`,
          'graphql_operation_duration_seconds_count{type="query",field="datasourceConnection",outcome="OK"}',
          'graphql_errors_total{code="BAD_USER_INPUT"}',
          `http_client_request_duration_seconds_count{${labels}}`,
          'dli_gateway_replays_total{result="created"}',
          'dli_gateway_reads_total{result="sent"}',
          'dli_gateway_store_operation_seconds_count{operation="begin",result="ok"}',
          'dli_gateway_subscriptions{transport="websocket"}',
          'dli_gateway_subscriptions{transport="sse"}',
          'dli_gateway_open_connections{kind="websocket"}',
          'dli_gateway_open_connections{kind="sse"}',
          'dli_gateway_followed_connections',
          'dli_gateway_pool_waiting{pool="creates"}',
          'dli_gateway_breaker_open',
          'dli_gateway_credentials_usable',
          'dli_gateway_creates_open{state="SENDING"}',
          'dli_gateway_creates_open{state="UNKNOWN"}',
          'dli_gateway_oldest_open_create_seconds',
          'dli_gateway_store_up{backend="lmdb"}',
          'dli_gateway_accepted_share',
          'dli_gateway_ready{reason="ready"}',
          'dli_gateway_ready{reason="overloaded"}',
        ].map(name => [name, value(name)]),
      ),
    ).toEqual({
      [`http_server_request_duration_seconds_count{${post},http_response_status_code="200"}`]: 4,
      [`http_server_request_duration_seconds_count{${post},http_response_status_code="400"}`]: 1,
      http_server_request_body_size_bytes_count: 5,
      http_server_response_body_size_bytes_count: 5,
      'dli_gateway_refused_total{reason="BAD_REQUEST"}': 1,
      [`graphql_operation_duration_seconds_count{${create},outcome="CreateDatasourceConnectionSuccess"}`]: 2,
      [`graphql_operation_duration_seconds_count{${create},outcome="InvalidInputError"}`]: 1,
      'graphql_operation_duration_seconds_count{type="query",field="datasourceConnection",outcome="OK"}': 1,
      'graphql_errors_total{code="BAD_USER_INPUT"}': 1,
      [`http_client_request_duration_seconds_count{${labels}}`]: 1,
      'dli_gateway_replays_total{result="created"}': 1,
      'dli_gateway_reads_total{result="sent"}': 1,
      'dli_gateway_store_operation_seconds_count{operation="begin",result="ok"}': 1,
      'dli_gateway_subscriptions{transport="websocket"}': 1,
      'dli_gateway_subscriptions{transport="sse"}': 1,
      'dli_gateway_open_connections{kind="websocket"}': 1,
      'dli_gateway_open_connections{kind="sse"}': 1,
      dli_gateway_followed_connections: 1,
      'dli_gateway_pool_waiting{pool="creates"}': 0,
      dli_gateway_breaker_open: 0,
      dli_gateway_credentials_usable: 1,
      'dli_gateway_creates_open{state="SENDING"}': 0,
      'dli_gateway_creates_open{state="UNKNOWN"}': 0,
      dli_gateway_oldest_open_create_seconds: 0,
      'dli_gateway_store_up{backend="lmdb"}': 1,
      dli_gateway_accepted_share: 1,
      'dli_gateway_ready{reason="ready"}': 1,
      'dli_gateway_ready{reason="overloaded"}': 0,
    });
    expect(value('dli_gateway_store_bytes')).toBeGreaterThan(0);
    expect(value('dli_gateway_clock_skew_seconds{bound="max"}')).toEqual(expect.any(Number));
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(series).toContain(`dli_gateway_build_info{version="${version}",commit="1a2b3c4",node="${process.version}"}`);
  });

  it('are neither collected nor served with METRICS=false', async () => {
    const gateway = await startGateway({ env: { METRICS: 'false' } });
    const { __typename } = await gateway.create();
    const response = await fetch(new URL('/metrics', gateway.adminUrl));

    expect({ __typename, status: response.status }).toEqual({
      __typename: 'CreateDatasourceConnectionSuccess',
      status: 404,
    });
  });

  it('are those of one gateway, not of all in the process', async () => {
    const [first, second] = [await startGateway(), await startGateway()];
    await first.create();
    const begun = 'dli_gateway_store_operation_seconds_count{operation="begin",result="ok"}';

    expect((await readSamples(first.adminUrl)).value(begun)).toBe(1);
    expect((await readSamples(second.adminUrl)).value(begun)).toBeUndefined();
  });

  it('show a create of unknown outcome until it is decided', async () => {
    const gateway = await startGateway({ env: { RECONCILE_SETTLE_MS: '900000', OPERATION_TIMEOUT_MS: '1000' } });
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'hang', times: 1 });
    const { __typename } = await gateway.create();
    const { value } = await readSamples(gateway.adminUrl);

    expect(__typename).toBe('OutcomeUnknownError');
    expect(value('dli_gateway_creates_open{state="UNKNOWN"}')).toBe(1);
    expect(value('dli_gateway_oldest_open_create_seconds')).toBeGreaterThan(0);
  });

  it('are served without the one whose source fails, and the bug is logged', async () => {
    const gateway = await startGateway({
      droppedLogLines() {
        throw new RangeError('zq7canary');
      },
    });
    const { value } = await readSamples(gateway.adminUrl);

    expect(value('dli_gateway_log_lines_dropped_total')).toBeUndefined();
    expect(value('dli_gateway_store_up{backend="lmdb"}')).toBe(1);
    expect(gateway.log()).toMatch(
      /"operation":"metrics","metric":"dli_gateway_log_lines_dropped_total","errorName":"RangeError","frames":.*"internal error"/,
    );
    expect(gateway.log()).not.toContain('zq7canary');
  });

  it('have no size of the store while its folder is gone, which is not logged as a bug', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'dli-gateway-test-'));
    const gateway = await startGateway({ env: { DATA_DIR: dataDir } });
    await rm(dataDir, { recursive: true });
    const { value } = await readSamples(gateway.adminUrl);

    expect(value('dli_gateway_store_bytes')).toBeUndefined();
    expect(gateway.log()).not.toContain('internal error');
  });

  it('count the error codes of DLI, and unknown ones as OTHER', async () => {
    const gateway = await startGateway();
    const body = (code: string) => ({ error_code: code, error_msg: 'refused' });
    gateway.emulator.inject({ operation: 'createConnection', status: 400, body: body('DLI.0001'), times: 1 });
    await gateway.create();
    gateway.emulator.inject({ operation: 'createConnection', status: 404, body: body('APIGW.0101'), times: 1 });
    await gateway.create({ name: 'other_1' });
    gateway.emulator.inject({ operation: 'createConnection', status: 418, body: body('DLI.7777'), times: 1 });
    await gateway.create({ name: 'other_2' });
    const { series, value } = await readSamples(gateway.adminUrl);
    const count = (code: string) => value(`dli_gateway_dli_errors_total{operation="createConnection",code="${code}"}`);

    expect([count('DLI.0001'), count('APIG.0101'), count('OTHER')]).toEqual([1, 1, 1]);
    expect(series.join('\n')).not.toContain('7777');
  });
});

describe('the catalog of metrics', () => {
  const setsOf = ({ labels, maxLabelSets = Number.POSITIVE_INFINITY }: { labels: object; maxLabelSets?: number }) => {
    const sizes = Object.values(labels).map(values =>
      Array.isArray(values) ? values.length + 1 : Number.POSITIVE_INFINITY,
    );
    return Math.min(
      maxLabelSets,
      sizes.reduce((product, size) => product * size, 1),
    );
  };

  it('allows at most 1,350 series, which leaves 150 for those of Node', () => {
    const counters = Object.values(COUNTERS).map(setsOf);
    // Each label set has its buckets, the +Inf bucket, the sum and the count.
    const histograms = Object.values(HISTOGRAMS).map(metric => setsOf(metric) * (metric.buckets.length + 3));
    const readings = Object.values(READINGS).map(metric => ('label' in metric ? metric.label.values.length : 1));
    const sum = [...counters, ...histograms, ...readings].reduce((total, series) => total + series, 0);
    expect(sum).toBeLessThanOrEqual(1_350);
  });
});

describeWithProgram('redis-server', 'the metrics of creates, while Redis is down,', program => {
  it('have no value, which is not logged as a bug', async () => {
    const redis = await startRedisServer(program);
    const gateway = await startGateway({ env: { REDIS_URL: redis.url } });
    await redis.kill();
    await gateway.logged('"detail":"unreachable"');
    const { series, value } = await readSamples(gateway.adminUrl);

    expect(value('dli_gateway_store_up{backend="redis"}')).toBe(0);
    expect(series.filter(name => /^dli_gateway_(creates_open|oldest_open_create|store_bytes)/.test(name))).toEqual([]);
    expect(gateway.log()).not.toContain('internal error');
  });
});

describeWithProgram('redis-server', 'the age of the oldest open create', program => {
  it('counts from when it was sent, even after a loss of records', async () => {
    const redis = await startRedisServer(program);
    const env = { REDIS_URL: redis.url, RECONCILE_SETTLE_MS: '900000', OPERATION_TIMEOUT_MS: '4000' };
    const gateway = await startGateway({ env });
    await gateway.create({ name: 'before_the_loss' });
    await openClient(redis.url).flushall();
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'reset' });
    await gateway.create();
    const { value } = await readSamples(gateway.adminUrl);

    expect(value('dli_gateway_creates_open{state="UNKNOWN"}')).toBe(1);
    expect(value('dli_gateway_oldest_open_create_seconds')).toBeLessThan(600);
  });
});
