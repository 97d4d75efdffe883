import type { RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import type { CallerAuthenticator } from './auth/caller.js';
import { ANONYMOUS, NO_CREATE_LIMIT } from './auth/caller.js';
import type { SharedCounters } from './auth/rate-limits.js';
import type { AuthConfig } from './config/auth-config.js';
import type { Transport } from './huawei-cloud/transport.js';
import type { Clock } from './lib/time.js';
import type { Metrics } from './metrics/metrics.js';

/** Connects to the rate-limit counters in Redis; undefined when there are no limits or no Redis. */
export async function openSharedCounters(
  { tokens, createLimit }: AuthConfig,
  address: RedisOptions | undefined,
  secret: SharedCounters['secret'],
  log: Logger,
): Promise<(SharedCounters & { close(): Promise<void> }) | undefined> {
  if (address === undefined || (tokens === undefined && createLimit === undefined)) return undefined;
  const { connectBestEffort, closeRedis } = await import('./lib/redis-client.js');
  const redis = await connectBestEffort(address, isAvailable => {
    if (isAvailable) log.info({ operation: 'limits', outcome: 'shared' }, 'gateways count creates together again');
    else log.warn({ operation: 'limits', outcome: 'alone' }, 'REDIS_URL: every gateway counts creates alone');
  });
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
  metrics: Metrics,
): Promise<CallerAuthenticator> {
  if (tokens === undefined) return ANONYMOUS;
  const [{ JwtAuthenticator }, { JwksCache, createJwksFetcher }, { FailedLoginLimit, VerificationQueue }] =
    await Promise.all([
      import('./auth/jwt-authenticator.js'),
      import('./auth/jwks.js'),
      import('./auth/rate-limits.js'),
    ]);
  const jwks = new JwksCache(createJwksFetcher(tokens, issuerTransport), clock, log);
  metrics.read('dli_gateway_jwks_age_seconds', () => jwks.ageSeconds);
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
