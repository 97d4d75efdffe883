import type { Redis, RedisOptions } from 'ioredis';
import { connectImpatiently } from '../impatient-redis.js';
import type { CallersLog } from './callers-log.js';

/** A connection to Redis for counters. */
export function connectLimitsRedis(address: RedisOptions, log: CallersLog): Promise<Redis> {
  return connectImpatiently(address, isUsable => {
    if (isUsable)
      log.info({ operation: 'limits', outcome: 'shared' }, 'gateways count creates together again');
    else log.warn({ operation: 'limits', outcome: 'alone' }, 'REDIS_URL: every gateway counts creates alone');
  });
}
