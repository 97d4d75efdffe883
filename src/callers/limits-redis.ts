import type { RedisOptions } from 'ioredis';
import { connectImpatiently, endRedis } from '../lib/redis-client.js';
import type { CallersLog } from './callers-log.js';
import type { SharedCounters } from './failed-logins.js';

/** Counters in Redis, with a connection of their own. */
export async function openSharedCounters(
  address: RedisOptions,
  log: CallersLog,
): Promise<SharedCounters & { close(): Promise<void> }> {
  const redis = await connectImpatiently(address, isUsable => {
    if (isUsable)
      log.info({ operation: 'limits', outcome: 'shared' }, 'gateways count creates together again');
    else log.warn({ operation: 'limits', outcome: 'alone' }, 'REDIS_URL: every gateway counts creates alone');
  });
  // Its password is what the gateways of one Redis have in common, and nobody else knows.
  return { redis, secret: JSON.stringify(address), close: () => endRedis(redis) };
}
