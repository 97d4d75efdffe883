import type { Logger } from 'pino';
import type { AuditLog } from '../auth/audit-log.js';
import type { CallerAuthenticator } from '../auth/caller.js';
import { ANONYMOUS, NO_MUTATION_LIMIT } from '../auth/caller.js';
import type { SharedCounters } from '../auth/rate-limits.js';
import type { AuthConfig } from '../config/auth-config.js';
import type { ConnectionKind } from '../dli/connection.js';
import type { Transport } from '../huawei-cloud/transport.js';
import type { UpstreamLog } from '../huawei-cloud/upstream-log.js';
import type { CreateOutcome } from '../idempotency/outcome.js';
import { recordedOutcome } from '../idempotency/outcome.js';
import type { LateEndListener } from '../idempotency/reconciliation-schedule.js';
import type { RedisClients } from '../lib/redis-client.js';
import type { Clock } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';

interface SharedCountersDependencies {
  clients: RedisClients | undefined;
  /** Keys the hashes under which callers are counted. */
  secret: SharedCounters['secret'];
  log: Logger;
  /** Time between two lines about Redis, in milliseconds; undefined for the default. */
  logWindowMs: number | undefined;
}

/** Connects to the rate-limit counters in Redis; undefined when there are no limits or no Redis. */
export async function openSharedCounters(
  { tokens, mutationLimit }: AuthConfig,
  { clients, secret, log, logWindowMs }: SharedCountersDependencies,
): Promise<(SharedCounters & { close(): Promise<void> }) | undefined> {
  if (clients === undefined || (tokens === undefined && mutationLimit === undefined)) return undefined;
  const [{ connectBestEffort, closeRedis }, { COUNTER_PREFIX }] = await Promise.all([
    import('../lib/redis-client.js'),
    import('../auth/rate-limits.js'),
  ]);
  const lines = {
    start: (fields: object) =>
      log.warn(
        { operation: 'limits', outcome: 'alone', ...fields },
        'REDIS_URL: every gateway counts its callers alone',
      ),
    end: (fields: object) =>
      log.info({ operation: 'limits', outcome: 'shared', ...fields }, 'gateways count callers together again'),
  };
  const redis = await connectBestEffort(clients, COUNTER_PREFIX, lines, logWindowMs);
  return { redis, secret, close: () => closeRedis(redis) };
}

interface AuthenticatorDependencies {
  issuerTransport: Transport;
  upstream: UpstreamLog;
  counters: SharedCounters | undefined;
  /** Signature checks per second for an address with too many refused tokens; undefined for the default. */
  verificationsPerSecond: number | undefined;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** Creates the authenticator of callers. Its libraries are loaded only if callers need access tokens. */
export async function createCallerAuthenticator(
  { tokens, failedLoginsPerMinute }: AuthConfig,
  { issuerTransport, upstream, counters, verificationsPerSecond, clock, log, metrics }: AuthenticatorDependencies,
): Promise<CallerAuthenticator> {
  if (tokens === undefined) return ANONYMOUS;
  const [{ JwtAuthenticator }, { JwksCache, createJwksFetcher }, { FailedLoginLimit, VerificationQueue }] =
    await Promise.all([
      import('../auth/jwt-authenticator.js'),
      import('../auth/jwks.js'),
      import('../auth/rate-limits.js'),
    ]);
  const jwks = new JwksCache(createJwksFetcher(tokens, { transport: issuerTransport, upstream, clock }), clock, log);
  metrics.read('dli_gateway_jwks_age_seconds', () => jwks.ageSeconds);
  const failedLoginLimit = new FailedLoginLimit(failedLoginsPerMinute, counters);
  const queue = new VerificationQueue(clock, verificationsPerSecond);
  return new JwtAuthenticator(jwks, tokens, failedLoginLimit, queue, clock);
}

/** Creates the limit of mutations per tenant. */
export async function createMutationLimit({ mutationLimit }: AuthConfig, counters: SharedCounters | undefined) {
  if (mutationLimit === undefined) return NO_MUTATION_LIMIT;
  const { TenantMutationLimit } = await import('../auth/rate-limits.js');
  return new TenantMutationLimit(mutationLimit, counters);
}

/** Describes the outcome of a create for the audit log: the `__typename` of its payload, and the code of a failure. */
export type DescribeOutcome = (outcome: CreateOutcome, kind: ConnectionKind) => { outcome: string; code?: string };

// The mutation that creates each kind.
const CREATE_FIELDS = { CLASSIC: 'createDatasourceConnection', ENHANCED: 'createEnhancedDatasourceConnection' };

/** Creates the listener that writes the late ends of creates to the audit log. */
export function createLateEndListener(
  audit: AuditLog,
  clock: Clock,
  describeOutcome: DescribeOutcome,
): LateEndListener {
  return (record, trace) => {
    const { id: operationId, connectionId, sentAtMs: startedAtMs } = record;
    const { kind = 'CLASSIC' } = record.wanted;
    const times = { startedAtMs, durationMs: clock.epochMs() - startedAtMs };
    const outcome = describeOutcome(recordedOutcome(record), kind);
    audit.writeLate({ trace, operationId, connectionId, operation: CREATE_FIELDS[kind], ...outcome, ...times });
  };
}
