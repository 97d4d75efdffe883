import type { Logger } from 'pino';
import type { CallerAuthenticator } from './auth/caller.js';
import { ANONYMOUS, NO_CREATE_LIMIT } from './auth/caller.js';
import type { SharedCounters } from './auth/rate-limits.js';
import type { AuthConfig } from './config/auth-config.js';
import type { Transport } from './huawei-cloud/transport.js';
import type { RedisClients } from './lib/redis-client.js';
import type { Clock } from './lib/time.js';

/** Connects to the rate-limit counters in Redis; undefined when there are no limits or no Redis. */
export async function openSharedCounters(
  { tokens, createLimit }: AuthConfig,
  clients: RedisClients | undefined,
  secret: SharedCounters['secret'],
  log: Logger,
  logWindowMs: number | undefined,
): Promise<(SharedCounters & { close(): Promise<void> }) | undefined> {
  if (clients === undefined || (tokens === undefined && createLimit === undefined)) return undefined;
  const [{ connectBestEffort, closeRedis }, { COUNTER_PREFIX }] = await Promise.all([
    import('./lib/redis-client.js'),
    import('./auth/rate-limits.js'),
  ]);
  const lines = {
    lost: (fields: object) =>
      log.warn({ operation: 'limits', outcome: 'alone', ...fields }, 'REDIS_URL: every gateway counts creates alone'),
    back: (fields: object) =>
      log.info({ operation: 'limits', outcome: 'shared', ...fields }, 'gateways count creates together again'),
  };
  const redis = await connectBestEffort(clients, COUNTER_PREFIX, lines, logWindowMs);
  return { redis, secret, close: () => closeRedis(redis) };
}

/** Creates what authenticates callers. Its libraries are loaded only if callers need access tokens. */
export async function createCallerAuthenticator(
  { tokens, failedLoginsPerMinute }: AuthConfig,
  issuerTransport: Transport,
  counters: SharedCounters | undefined,
  verificationsPerSecond: number | undefined,
  clock: Clock,
  log: Logger,
): Promise<CallerAuthenticator> {
  if (tokens === undefined) return ANONYMOUS;
  const [{ JwtAuthenticator }, { JwksCache, createJwksFetcher }, { FailedLoginLimit, VerificationQueue }] =
    await Promise.all([
      import('./auth/jwt-authenticator.js'),
      import('./auth/jwks.js'),
      import('./auth/rate-limits.js'),
    ]);
  const jwks = new JwksCache(createJwksFetcher(tokens, issuerTransport), clock, log);
  const failedLoginLimit = new FailedLoginLimit(failedLoginsPerMinute, counters);
  const queue = new VerificationQueue(clock, verificationsPerSecond);
  return new JwtAuthenticator(jwks, tokens, failedLoginLimit, queue, clock);
}

/** Creates the limit of mutations per tenant. */
export async function createCreateLimit({ createLimit }: AuthConfig, counters: SharedCounters | undefined) {
  if (createLimit === undefined) return NO_CREATE_LIMIT;
  const { TenantCreateLimit } = await import('./auth/rate-limits.js');
  return new TenantCreateLimit(createLimit, counters);
}
