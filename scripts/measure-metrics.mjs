import { PrometheusMetrics } from '../dist/metrics/prometheus-metrics.js';

// Prints how long it takes to record the metrics of one create, in microseconds of CPU time. Build first.

const ROUNDS = 20;
const CREATES = 20_000;
const metrics = new PrometheusMetrics('unknown');
const plain = { find: async () => undefined, begin: async () => undefined, replace: async () => true };
const store = metrics.timed(plain, ['find', 'begin', 'replace']);

const withMetrics = await measure(async () => {
  metrics.count('dli_gateway_auth_total', { result: 'authenticated' });
  await runStore(store);
  metrics.observe(
    'http_client_request_duration_seconds',
    { target: 'dli', operation: 'createConnection', status: '201', error_type: '' },
    0.3,
  );
  metrics.observe(
    'http_server_request_duration_seconds',
    { http_request_method: 'POST', http_route: '/graphql', http_response_status_code: '200' },
    0.31,
  );
  metrics.observe('http_server_request_body_size_bytes', {}, 900);
  metrics.observe('http_server_response_body_size_bytes', {}, 300);
  metrics.observe(
    'graphql_operation_duration_seconds',
    { type: 'mutation', field: 'createDatasourceConnection', outcome: 'CreateDatasourceConnectionSuccess' },
    0.31,
  );
});
const without = await measure(() => runStore(plain));
process.stdout.write(`${(withMetrics - without).toFixed(1)} µs of CPU time per create\n`);
process.exit();

async function runStore({ find, begin, replace }) {
  await find();
  await begin();
  await replace();
}

/** The median of the rounds. */
async function measure(create) {
  const results = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.cpuUsage();
    for (let count = 0; count < CREATES; count += 1) await create();
    const { user, system } = process.cpuUsage(start);
    results.push((user + system) / CREATES);
  }
  return results.sort((a, b) => a - b)[ROUNDS / 2] ?? 0;
}
