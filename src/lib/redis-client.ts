import type { RedisOptions } from 'ioredis';
import { Redis } from 'ioredis';

const CONNECT_TIMEOUT_MS = 2_000;
const COMMAND_TIMEOUT_MS = 250;
const RECONNECT_MS = { first: 50, most: 2_000 };

/**
 * A connection to Redis for what gateways do together when they can, and alone otherwise: what cannot be sent or is
 * not answered in 250 ms fails at once.
 *
 * Apart from the connection of the operation records, whose commands must not wait behind others. A server that
 * cannot be reached is waited for in the background.
 *
 * @param onChange told once when it cannot be used, and once when it can be again
 */
export async function connectBestEffort(
  address: RedisOptions,
  onChange: (isUsable: boolean) => void,
): Promise<Redis> {
  const redis = new Redis({
    ...address,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // A server that is gone ends no connection by itself; without this every command would wait for the time-out.
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
  let isUsable = true;
  const change = (isUsableNow: boolean) => {
    if (isUsableNow !== isUsable) onChange(isUsableNow);
    isUsable = isUsableNow;
  };
  const settled = new Promise<void>(resolve => {
    redis.once('ready', resolve).once('close', resolve);
  });
  redis.on('ready', () => change(true));
  // Errors of ioredis carry commands, so they are not passed on.
  redis.on('error', () => change(false));
  await settled;
  return redis;
}

/** Ends a connection for good. */
export async function closeRedis(redis: Redis): Promise<void> {
  const isOpen = redis.status === 'ready' || redis.status === 'connect';
  const ended = isOpen ? new Promise(resolve => redis.once('end', resolve)) : undefined;
  redis.disconnect();
  await ended;
}
