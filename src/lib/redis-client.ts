import type { RedisOptions } from 'ioredis';
import { Redis } from 'ioredis';
import type { OutageLines } from './outage-log.js';
import { OutageLog } from './outage-log.js';

const CONNECT_TIMEOUT_MS = 2_000;
const COMMAND_TIMEOUT_MS = 250;
const RECONNECT_MS = { first: 50, max: 2_000 };

/**
 * Opens a fail-fast connection to Redis for features that also work without it. A command fails immediately while
 * Redis is unreachable, or without a reply within the `commandTimeout` of the address (default 250 ms).
 *
 * Separate from the connection of the operation store, so that neither delays the commands of the other. An
 * unreachable server does not fail the call: reconnection continues in the background.
 *
 * @param lines the log lines when Redis becomes unavailable, and when it is available again
 * @param logWindowMs time between two of them during an outage, in milliseconds; a minute by default
 */
export async function connectBestEffort(
  address: RedisOptions,
  lines: OutageLines,
  logWindowMs?: number,
): Promise<Redis> {
  const { commandTimeout = COMMAND_TIMEOUT_MS } = address;
  const redis = new Redis({
    ...address,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout,
    // Detects a dead server, which does not close the connection: otherwise every command would time out.
    socketTimeout: commandTimeout,
    disconnectTimeout: 20,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    retryStrategy: attempt =>
      Math.min(RECONNECT_MS.max, RECONNECT_MS.first * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
  });
  const outage = new OutageLog(lines, logWindowMs);
  const firstAttempt = new Promise<void>(resolve => {
    redis.once('ready', resolve).once('close', resolve);
  });
  redis.on('ready', () => outage.back());
  // Errors of ioredis contain commands, so they are not passed on.
  redis.on('error', () => outage.lost());
  redis.on('end', () => outage.close());
  await firstAttempt;
  return redis;
}

/** Closes a connection without waiting for pending replies. */
export async function closeRedis(redis: Redis): Promise<void> {
  const isOpen = redis.status === 'ready' || redis.status === 'connect';
  const ended = isOpen ? new Promise(resolve => redis.once('end', resolve)) : undefined;
  redis.disconnect();
  await ended;
}
