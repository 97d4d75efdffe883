import type { RedisOptions } from 'ioredis';
import { Redis } from 'ioredis';
import type { CallersLog } from './callers-log.js';

const CONNECT_TIMEOUT_MS = 2_000;
const COMMAND_TIMEOUT_MS = 250;
const RECONNECT_MS = { first: 50, most: 2_000 };

/**
 * A connection to Redis for counters: what cannot be sent or is not answered in 250 ms fails at once.
 *
 * Apart from the connection of the operation records, whose commands must not wait behind counters. A server that
 * cannot be reached is waited for in the background.
 */
export async function connectLimitsRedis(address: RedisOptions, log: CallersLog): Promise<Redis> {
  const redis = new Redis({
    ...address,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // A server that is gone ends no connection by itself; without this every create would wait for the time-out.
    socketTimeout: COMMAND_TIMEOUT_MS,
    disconnectTimeout: 20,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    retryStrategy: attempt =>
      Math.min(RECONNECT_MS.most, RECONNECT_MS.first * 2 ** Math.min(attempt, 10)) *
      (0.5 + Math.random() / 2),
  });
  let isTold = false;
  const settled = new Promise<void>(resolve => {
    redis.once('ready', resolve).once('close', resolve);
  });
  redis.on('ready', () => {
    if (isTold) log.info({ operation: 'limits', outcome: 'shared' }, 'gateways count creates together again');
    isTold = false;
  });
  // Errors of ioredis carry commands, so they are not logged.
  redis.on('error', () => {
    if (!isTold)
      log.warn({ operation: 'limits', outcome: 'alone' }, 'REDIS_URL: every gateway counts creates alone');
    isTold = true;
  });
  await settled;
  return redis;
}
