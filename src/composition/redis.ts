import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.js';
import { ConfigError } from '../config/config.js';
import type { Rotation } from '../config/credential-watcher.js';
import { CredentialWatcher } from '../config/credential-watcher.js';
import type { RedisPollLeaseDependencies } from '../connection-reads/redis-poll-lease.js';
import type { PollLease } from '../connection-reads/watcher.js';
import { LOCAL_LEASE } from '../connection-reads/watcher.js';
import type { Logger } from '../lib/logger.js';
import type { RedisClients } from '../lib/redis-client.js';
import type { RedisAddress } from '../lib/redis-url.js';
import { parseRedisUrl } from '../lib/redis-url.js';
import type { Clock } from '../lib/time.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreConfigError } from '../operation-store/operation-store.js';
import type { StoreHealth } from '../operation-store/store-health.js';

/**
 * Prepares the connections to Redis, and watches the file that holds its URL; undefined without Redis.
 *
 * @param timeoutMs limit of a command; undefined for the default
 */
export async function openRedis(
  settings: Config['redis'],
  timeoutMs: number | undefined,
  clock: Clock,
  log: Logger<{ keys: readonly string[] }>,
) {
  if (settings === undefined) return undefined;
  const { RedisClients } = await import('../lib/redis-client.js');
  const { address, urlFile } = settings;
  const clients = new RedisClients(settings, timeoutMs);
  const rotation: Rotation<RedisAddress> = {
    parse: ({ REDIS_URL = '' }) => parseRedisUrl(REDIS_URL),
    findObstacle: (next, current) =>
      isDeepStrictEqual(withoutUser(next), withoutUser(current))
        ? undefined
        : 'only the user and the password of REDIS_URL can change without a restart: the last ones stay in use',
    // Redis locks nobody out, so refused credentials are tried again, too.
    rotate: async next => ((await clients.replaceCredentials(next)) === 'accepted' ? 'adopted' : 'unproven'),
  };
  const files = urlFile === undefined ? {} : { REDIS_URL: urlFile };
  return { clients, watcher: new CredentialWatcher<RedisAddress>(files, address, { rotation, clock, log }) };
}

function withoutUser({ username: _, password: __, ...rest }: RedisAddress): object {
  return rest;
}

/**
 * Opens the operation store: Redis if it is configured, otherwise a folder.
 *
 * @throws {ConfigError} if it must not be used
 */
export async function openStore(
  dataDir: string,
  clients: RedisClients | undefined,
  redisTimeoutMs: number | undefined,
  clock: Clock,
  health: StoreHealth,
): Promise<OperationStore> {
  try {
    if (clients === undefined) {
      const { LmdbStore } = await import('../operation-store/lmdb-store.js');
      return LmdbStore.open(dataDir, health);
    }
    const { RedisStore } = await import('../operation-store/redis-store.js');
    const limits =
      redisTimeoutMs === undefined ? undefined : { command: redisTimeoutMs, operation: 2 * redisTimeoutMs };
    return await RedisStore.connect(clients, health, clock, limits);
  } catch (error) {
    if (!(error instanceof StoreConfigError)) throw error;
    throw new ConfigError([{ key: error.setting, rule: error.problem }]);
  }
}

/** Connects gateways that share Redis, so that they share polls; without Redis, each polls on its own. */
export async function openPollLease(
  clients: RedisClients | undefined,
  dependencies: Omit<RedisPollLeaseDependencies, 'clients'>,
): Promise<PollLease> {
  if (clients === undefined) return LOCAL_LEASE;
  const { openRedisPollLease } = await import('../connection-reads/redis-poll-lease.js');
  return openRedisPollLease({ clients, ...dependencies });
}
