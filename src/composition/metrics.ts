import type { Config } from '../config/config.js';
import type { Authenticator } from '../huawei-cloud/authenticator.js';
import type { ClockSkew } from '../huawei-cloud/clock-skew.js';
import type { Logger } from '../lib/logger.js';
import { logBug } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import type { Readiness, Reading } from '../metrics/catalog.js';
import { READINGS } from '../metrics/catalog.js';
import type { Metrics } from '../metrics/metrics.js';
import { NO_METRICS } from '../metrics/metrics.js';
import type { OpenCreate, OperationStore } from '../operation-store/operation-store.js';
import { ifAvailable } from '../operation-store/operation-store.js';
import type { StoreHealth } from '../operation-store/store-health.js';

/** Open creates are read from the store at most this often, no matter how often the metrics are scraped. */
const OPEN_CREATES_LIFE_MS = 5_000;

/** Creates the metrics of a gateway. Their library is loaded only if metrics are enabled. */
export async function openMetrics({ hasMetrics, buildCommit }: Config, log: Logger<object>): Promise<Metrics> {
  if (!hasMetrics) return NO_METRICS;
  const { PrometheusMetrics } = await import('../metrics/prometheus-metrics.js');
  return new PrometheusMetrics(buildCommit, (metric, error) => logBug(log, { operation: 'metrics', metric }, error));
}

/** The reading of `dli_gateway_ready`: 1 for the current readiness, 0 for the others. */
export function readinessReading(current: Readiness): Reading<'dli_gateway_ready'> {
  const { values } = READINGS.dli_gateway_ready.label;
  return Object.fromEntries(values.map(reason => [reason, Number(reason === current)]));
}

interface MetricSources {
  clock: Clock;
  skew: ClockSkew;
  authenticator: Authenticator;
  store: OperationStore;
  storeHealth: StoreHealth;
}

/** Registers the metrics that are read from components below HTTP, which do not know about metrics. */
export function registerBackendMetrics(
  metrics: Metrics,
  { clock, skew, authenticator, store, storeHealth }: MetricSources,
): void {
  metrics.read('dli_gateway_clock_skew_seconds', () => {
    const { minMs, maxMs } = skew.bounds ?? {};
    return { min: toSeconds(minMs), max: toSeconds(maxMs) };
  });
  metrics.read('dli_gateway_credentials_usable', () => Number(authenticator.status.isUsable));
  metrics.read('dli_gateway_credentials_expiry_timestamp_seconds', () => toSeconds(authenticator.status.expiresAtMs));
  const openCreates = reuse(OPEN_CREATES_LIFE_MS, clock, () => ifAvailable(store.findOpen(clock.epochMs())));
  metrics.read('dli_gateway_creates_open', async () => countByState(await openCreates()));
  metrics.read('dli_gateway_oldest_open_create_seconds', async () => {
    const creates = await openCreates();
    if (creates === undefined) return undefined;
    const oldestMs = Math.min(clock.epochMs(), ...creates.map(({ sentAtMs }) => sentAtMs));
    return (clock.epochMs() - oldestMs) / 1_000;
  });
  metrics.read('dli_gateway_store_bytes', () => ifAvailable(store.sizeBytes()));
  metrics.read('dli_gateway_store_up', () => ({ [storeHealth.backend]: Number(storeHealth.isUp) }));
  metrics.read('dli_gateway_store_unreadable_total', () => storeHealth.unreadable);
  metrics.read('dli_gateway_store_losses_total', () => storeHealth.losses);
}

function countByState(creates: readonly OpenCreate[] | undefined): Reading<'dli_gateway_creates_open'> {
  if (creates === undefined) return {};
  const unknown = creates.filter(({ state }) => state === 'UNKNOWN').length;
  return { SENDING: creates.length - unknown, UNKNOWN: unknown };
}

function toSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}

/** Reuses a result, or a failure, for `lifeMs`. */
function reuse<T>(lifeMs: number, clock: Clock, read: () => Promise<T>): () => Promise<T> {
  let current: { result: Promise<T>; untilMs: number } | undefined;
  return () => {
    const nowMs = clock.monotonicMs();
    if (current === undefined || nowMs >= current.untilMs) current = { result: read(), untilMs: nowMs + lifeMs };
    return current.result;
  };
}
