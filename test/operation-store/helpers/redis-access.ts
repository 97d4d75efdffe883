import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer, connect as openSocket } from 'node:net';
import { afterEach } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RedisTimeouts } from '../../../src/operation-store/redis-store.js';
import { RedisStore } from '../../../src/operation-store/redis-store.js';
import { listen } from '../../helpers/listening-server.js';
import { startRedisServer } from '../../helpers/redis-server.js';

/** How the keys of the store begin. */
export const PREFIX = 'dli-gateway:{once}:';

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** So patient that no machine is too slow for a Redis that works. */
const PATIENT_MS = { command: 30_000, operation: 60_000 };

/** The store at this address, which waits for Redis as long as it takes; it closes after the test. */
export async function connect(
  url: string,
  problems?: string[],
  timeoutsMs: RedisTimeouts = PATIENT_MS,
): Promise<RedisStore> {
  const store = await RedisStore.connect(url, problem => problems?.push(problem), undefined, timeoutsMs);
  opened.push(store);
  return store;
}

/** A client that looks at the keys themselves. */
export function openClient(url: string): Redis {
  const client = new Redis(url, { disconnectTimeout: 20 });
  // Without a listener ioredis prints them; commands fail all the same.
  client.on('error', () => undefined);
  opened.push({ close: async () => client.disconnect() });
  return client;
}

/**
 * The commands that Redis receives from now on, and runs in scripts, as its MONITOR quotes them.
 *
 * ioredis's own monitor fails when a command arrives while it begins.
 */
export async function watch({ port }: { port: number }) {
  const socket = openSocket(port, '127.0.0.1').setEncoding('utf8');
  opened.push({ close: async () => void socket.destroy() });
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

/** Where the only gateway of this Redis counts what it has begun. */
export async function countKey(client: Redis): Promise<string> {
  const [key = 'none', ...others] = await client.keys(`${PREFIX}count:*`);
  return others.length === 0 ? key : 'several';
}

/** Repeats until it works: the store is back. */
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

/** A Redis and its replica, which follows it. */
export async function startPair(program: string) {
  // Replicas are otherwise waited for, 5 s long.
  const master = await startRedisServer(program, { arguments: ['--repl-diskless-sync-delay', '0'] });
  const follow = ['--replicaof', '127.0.0.1', String(master.port)];
  return { master, replica: await startRedisServer(program, { arguments: follow }) };
}

/** Stands between the store and Redis: can keep an answer to itself, and lead new connections to another server. */
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
