import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer, connect as openSocket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisClients } from '../../src/lib/redis-client.js';
import type { RedisSettings } from '../../src/lib/redis-url.js';
import { parseRedisUrl } from '../../src/lib/redis-url.js';
import { SYSTEM_CLOCK } from '../../src/lib/time.js';
import type { RedisTimeouts } from '../../src/operation-store/redis-store.js';
import { RedisStore } from '../../src/operation-store/redis-store.js';
import type { StoreHealth } from '../../src/operation-store/store-health.js';
import { createStoreHealth } from '../operation-store/helpers/store-health.js';
import { createCleanup } from './clean-up.js';
import { listen } from './listening-server.js';
import type { RedisServer } from './redis-server.js';
import { startRedisServer, startSentinel } from './redis-server.js';

/** The prefix of the store's keys. */
export const PREFIX = 'dli-gateway:{once}:';

const opened = createCleanup();

afterEach(opened.run);

/** Long enough for a slow machine. */
const LONG_TIMEOUTS_MS = { command: 30_000, operation: 60_000 };

/** Opens the store at this address, by default with long timeouts; it closes after the test. */
export async function connect(
  url: string,
  health: StoreHealth = createStoreHealth(),
  timeoutsMs: RedisTimeouts = LONG_TIMEOUTS_MS,
  settings: Omit<RedisSettings, 'address'> = {},
): Promise<RedisStore> {
  const store = await RedisStore.connect(clientsOf(url, settings), health, SYSTEM_CLOCK, timeoutsMs);
  opened.add(() => store.close());
  return store;
}

/** The Redis clients that a store uses to connect. */
export function clientsOf(url: string, settings: Omit<RedisSettings, 'address'> = {}): RedisClients {
  return new RedisClients({ ...settings, address: parseRedisUrl(url) });
}

/** Opens a client for direct access to the keys; it closes after the test, or after all tests if opened before them. */
export function openClient(url: string): Redis {
  const client = newClient(url);
  opened.add(() => client.disconnect());
  return client;
}

function newClient(url: string): Redis {
  const client = new Redis(url, { disconnectTimeout: 20 });
  // Without a listener ioredis prints errors; commands fail either way.
  return client.on('error', () => undefined);
}

/** A Redis that all tests of a group share, because its start is most of the cost of a test. */
export interface SharedRedis {
  server: RedisServer;
  /** A client with all rights, even while a test requires a password. */
  admin: Redis;
}

/**
 * Starts a Redis for all tests of a group. Before each test it is emptied and reset: no password, a user `gateway`
 * without any rights, and the eviction policy `noeviction`.
 */
export function shareRedisServer(program: string): () => SharedRedis {
  let shared: SharedRedis | undefined;
  const redis = () => {
    if (shared === undefined) throw new Error('Redis is started before the first test.');
    return shared;
  };
  beforeAll(async () => {
    const server = await startRedisServer(program);
    shared = { server, admin: newClient(server.url) };
  });
  beforeEach(async () => {
    const { admin } = redis();
    await admin.config('SET', 'requirepass', '', 'maxmemory-policy', 'noeviction');
    await admin.call('ACL', 'SETUSER', 'gateway', 'reset');
    await admin.call('ACL', 'LOG', 'RESET');
    await admin.flushall();
  });
  afterAll(() => shared?.admin.disconnect());
  return redis;
}

/**
 * Observes the commands that Redis receives from now on, including those in scripts, as MONITOR prints them.
 *
 * ioredis's own monitor fails if a command arrives while it starts.
 */
export async function watch({ port }: { port: number }) {
  const socket = openSocket(port, '127.0.0.1').setEncoding('utf8');
  opened.add(() => socket.destroy());
  let text = '';
  socket.on('data', chunk => {
    text += chunk;
  });
  const has = (script: string) => text.includes(script.replaceAll('\n', '\\n'));
  async function saw(script: string): Promise<void> {
    while (!has(script)) await once(socket, 'data');
  }
  socket.write('MONITOR\r\n');
  await saw('+OK');
  return { has, saw };
}

/** The key of the begin counter of the only gateway that uses this Redis. */
export async function countKey(client: Redis): Promise<string> {
  const [key = 'none', ...others] = await client.keys(`${PREFIX}count:*`);
  return others.length === 0 ? key : 'several';
}

/** Repeats an action until it succeeds, for at most a minute. */
export async function eventually<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt === 1_200) throw error;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}

/** Starts a Redis and its replica. */
export async function startPair(program: string) {
  // By default, Redis waits 5 s for further replicas.
  const master = await startRedisServer(program, { arguments: ['--repl-diskless-sync-delay', '0'] });
  const follow = ['--replicaof', '127.0.0.1', String(master.port)];
  return { master, replica: await startRedisServer(program, { arguments: follow }) };
}

/**
 * Starts a master named `main` with its replica and a Sentinel.
 *
 * @param sentinelSettings further lines of the Sentinel's configuration; its password, if any, is `of-sentinels`
 */
export async function startReplicated(program: string, sentinelSettings: readonly string[] = []) {
  const { master, replica } = await startPair(program);
  await eventually(async () => {
    const info = await openClient(master.url).info('replication');
    if (!/slave0:.*state=online/.test(info)) throw new Error('not replicated yet');
  });
  const sentinel = await startSentinel(program, master.port, sentinelSettings);
  const hasPassword = sentinelSettings.some(line => line.startsWith('requirepass'));
  const client = openClient(hasPassword ? sentinel.url.replace('//', '//:of-sentinels@') : sentinel.url);
  await eventually(async () => {
    if (((await client.call('SENTINEL', 'REPLICAS', 'main')) as unknown[]).length !== 1)
      throw new Error('no replica is known yet');
  });
  return {
    master,
    replica,
    url: `redis-sentinel://127.0.0.1:${sentinel.port}/0#main`,
    /** Kills the master and waits until the Sentinel names the replica. */
    async failOver() {
      await master.kill();
      // At once, unless the Sentinel has noticed already.
      await client.call('SENTINEL', 'FAILOVER', 'main').catch(() => undefined);
      await eventually(async () => {
        const [, port] = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main')) as string[];
        if (Number(port) !== replica.port) throw new Error('not failed over yet');
      });
    },
  };
}

/** Starts a proxy for Redis that can drop a response, and forward new connections to another server. */
export async function startProxy(port: number) {
  const plan: { port: number; whenAnswered: 'forward' | 'swallow' | 'end' } = {
    port,
    whenAnswered: 'forward',
  };
  const server = createServer((caller: Socket) => {
    const redis = openSocket(plan.port, '127.0.0.1');
    caller.pipe(redis);
    redis.on('data', chunk => {
      const { whenAnswered } = plan;
      plan.whenAnswered = 'forward';
      if (whenAnswered === 'forward') caller.write(chunk);
      if (whenAnswered === 'end') caller.destroy();
    });
    redis.on('error', () => caller.destroy());
    redis.on('close', () => caller.destroy());
    caller.on('close', () => redis.destroy());
  });
  const { host } = await listen(server);
  return { url: `redis://${host}`, plan };
}
