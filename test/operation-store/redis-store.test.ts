import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { StoreUnavailableError } from '../../src/operation-store/operation-store.js';
import type { SendingRecord } from '../../src/operation-store/record-format.js';
import type { RedisStore } from '../../src/operation-store/redis-store.js';
import { REDIS_TIMEOUTS_MS } from '../../src/operation-store/redis-store.js';
import { closedPort, listen } from '../helpers/listening-server.js';
import {
  connect,
  countKey,
  eventually,
  openClient,
  PREFIX,
  shareRedisServer,
  startProxy,
} from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import {
  BEGUN,
  describeOperationStore,
  makeRecord,
  PROJECT_ID,
  randomHash,
  succeeded,
} from './helpers/operation-store-contract.js';
import type { HealthLine } from './helpers/store-health.js';
import { createStoreHealth } from './helpers/store-health.js';

const NOW_MS = Date.now();
// Ten times the documented maximum, to allow for busy machines.
const LIMIT_MS = 5_000;
/** Short, for tests in which Redis does not respond. */
const SHORT_TIMEOUTS_MS = { command: 100, operation: 172 };

function claimTimes({ expiresAtMs }: SendingRecord) {
  return { nowMs: NOW_MS, expiresAtMs };
}

/** Every operation of the store, for a record; `begin` uses a new one. */
function operations(store: RedisStore, record: SendingRecord): Record<string, () => Promise<unknown>> {
  return {
    secret: () => store.secret(),
    find: () => store.find(record.id, NOW_MS),
    begin: () => store.begin(makeRecord(), NOW_MS),
    replace: () => store.replace(succeeded(record)),
    takeOver: () => store.takeOver(record, randomUUID(), NOW_MS),
    remove: () => store.remove(record),
    claimConnection: () => store.claimConnection(randomUUID(), record, claimTimes(record)),
    noteDeletion: () => store.noteDeletion(record.id, claimTimes(record)),
    hasDeletion: () => store.hasDeletion(record.id, NOW_MS),
    hasAbandoned: () => store.hasAbandoned(NOW_MS),
    findAbandoned: () => store.findAbandoned(PROJECT_ID, NOW_MS),
    findOpen: () => store.findOpen(NOW_MS),
  };
}

async function expectUnavailable(store: RedisStore, record: SendingRecord): Promise<void> {
  for (const run of Object.values(operations(store, record))) {
    const startMs = performance.now();
    await expect(run()).rejects.toThrow(StoreUnavailableError);
    expect(performance.now() - startMs).toBeLessThan(LIMIT_MS);
  }
}

describeWithProgram('redis-server', 'RedisStore', program => {
  const shared = shareRedisServer(program);

  /** The shared Redis, with a client for direct access to it. */
  function emptyRedis() {
    const { server, admin } = shared();
    return { ...server, client: admin };
  }

  let databases = 0;
  describeOperationStore('RedisStore', async () => {
    // A test may need several empty stores; Redis has 16 databases.
    databases = (databases + 1) % 16;
    const url = `${shared().server.url}/${databases}`;
    const health = createStoreHealth();
    return {
      store: await connect(url, health),
      health,
      openAnother: () => connect(url),
      putText: async (id, text) => {
        await openClient(url).set(`${PREFIX}record:${id}`, text);
      },
    };
  });

  describe('keys', () => {
    it('share one slot of a cluster and expire by themselves', async () => {
      const { url, client } = emptyRedis();
      const store = await connect(url);
      const [kept, removed] = [makeRecord(), makeRecord()];
      await store.secret();
      for (const record of [kept, removed]) await store.begin(record, NOW_MS);
      await store.claimConnection('a', kept, claimTimes(kept));
      await store.noteDeletion('a', claimTimes(kept));
      await store.remove(removed);
      const record = `${PREFIX}record:${kept.id}`;
      const name = `${PREFIX}name:${kept.nameId}`;
      const connection = `${PREFIX}connection:a`;
      const deletion = `${PREFIX}deletion:a`;
      expect((await client.keys('*')).toSorted()).toEqual(
        [
          ...[record, name, connection, deletion],
          ...[`${PREFIX}open`, `${PREFIX}secret`, `${PREFIX}server`, await countKey(client)],
        ].toSorted(),
      );
      for (const key of [record, name, connection, deletion])
        expect(await client.call('PEXPIRETIME', key)).toBe(kept.expiresAtMs);
      await store.replace(succeeded(kept));
      expect(await client.call('PEXPIRETIME', record)).toBe(succeeded(kept).expiresAtMs);
      expect(await client.exists(name)).toBe(0);
      expect(await client.zcard(`${PREFIX}open`)).toBe(0);
    });

    it('of another data type are unreadable', async () => {
      const { url, client } = emptyRedis();
      const store = await connect(url);
      const record = makeRecord();
      await client.lpush(`${PREFIX}record:${record.id}`, 'x');
      await client.lpush(`${PREFIX}name:${record.nameId}`, 'x');
      await client.lpush(`${PREFIX}connection:a`, 'x');
      await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'unreadable' });
      await expect(store.begin(record, NOW_MS)).resolves.toEqual({ kind: 'unreadable' });
      const sameName = makeRecord({ nameId: record.nameId });
      await expect(store.begin(sameName, NOW_MS)).resolves.toEqual({ kind: 'unreadable' });
      await expect(store.replace(record)).resolves.toBe(false);
      await expect(store.remove(record)).resolves.toBe(false);
      await expect(store.takeOver(record, 'b', NOW_MS)).resolves.toBeUndefined();
      await expect(store.claimConnection('a', record, claimTimes(record))).resolves.toBe(false);
      await expect(store.claimConnection('b', sameName, claimTimes(sameName))).resolves.toBe(false);
      await client.lpush(`${PREFIX}deletion:a`, 'x');
      await expect(store.hasDeletion('a', NOW_MS)).resolves.toBe(false);
    });

    it('are not written at all if the key of the open records has another data type', async () => {
      const { url, client } = emptyRedis();
      const store = await connect(url);
      await client.set(`${PREFIX}open`, 'x');
      const record = makeRecord();
      await expect(store.begin(record, NOW_MS)).rejects.toThrow(StoreUnavailableError);
      await expect(store.findAbandoned(PROJECT_ID, NOW_MS)).rejects.toThrow(StoreUnavailableError);
      expect((await client.keys('*')).toSorted()).toEqual([`${PREFIX}open`, `${PREFIX}server`]);
    });

    it('that have already expired on the clock of Redis are reported as unavailable', async () => {
      const store = await connect(emptyRedis().url);
      const longAgoMs = NOW_MS - 10 * 24 * 3_600_000;
      const record = makeRecord({ expiresAtMs: longAgoMs + 1_000 });
      await expect(store.begin(record, longAgoMs)).rejects.toThrow(StoreUnavailableError);
      const times = { nowMs: longAgoMs, expiresAtMs: longAgoMs + 1_000 };
      await expect(store.noteDeletion('a', times)).rejects.toThrow(StoreUnavailableError);
    });
  });

  describe('a lost response of Redis', () => {
    it.each(['swallow', 'end'] as const)('is replaced by reading the record again: %s', async whenAnswered => {
      const { url, plan } = await startProxy(emptyRedis().port);
      // Long enough to reconnect on a slow machine.
      const store = await connect(url, createStoreHealth(), { command: 500, operation: 60_000 });
      for (let run = 0; run < 3; run++) {
        const record = makeRecord();
        plan.whenAnswered = whenAnswered;
        await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN);
        await expect(store.replace(succeeded(record))).resolves.toBe(true);
      }
    });

    it('does not hide the record of an earlier owner', async () => {
      const { url, plan } = await startProxy(emptyRedis().port);
      const store = await connect(url);
      const record = makeRecord();
      await store.begin(record, NOW_MS);
      plan.whenAnswered = 'end';
      const repeat = makeRecord({ id: record.id });
      await expect(store.begin(repeat, NOW_MS)).resolves.toEqual({ kind: 'exists', record });
    });
  });

  describe('while Redis is unavailable', () => {
    it('fails in bounded time and recovers: Redis is killed and restarted', async () => {
      const server = await startRedisServer(program);
      const store = await connect(server.url);
      const record = makeRecord();
      await store.begin(record, NOW_MS);
      const secret = await store.secret();
      await server.kill();
      await expectUnavailable(store, record);
      await startRedisServer(program, { port: server.port });
      await expect(eventually(() => store.begin(record, NOW_MS))).resolves.toMatchObject({ kind: 'begun' });
      expect(await store.secret()).toEqual(secret);
    });

    it('fails in bounded time and recovers: Redis is paused', async () => {
      const server = await startRedisServer(program);
      const lines: HealthLine[] = [];
      const store = await connect(server.url, createStoreHealth(lines), SHORT_TIMEOUTS_MS);
      const record = makeRecord();
      await eventually(() => store.begin(record, NOW_MS));
      for (const name of Object.keys(operations(store, record))) {
        server.pause();
        const startMs = performance.now();
        await expect(operations(store, record)[name]?.()).rejects.toThrow(StoreUnavailableError);
        expect({ name, isLate: performance.now() - startMs >= LIMIT_MS }).toEqual({ name, isLate: false });
        server.resume();
        await eventually(() => store.find(record.id, NOW_MS));
      }
      server.pause();
      await expectUnavailable(store, record);
      server.resume();
      await eventually(() => store.find(record.id, NOW_MS));
      expect(lines[0]).toMatchObject({ detail: 'noReply', msg: 'REDIS_URL: Redis does not answer in time.' });
    });

    it('fails in bounded time with 200 concurrent operations', async () => {
      const server = await startRedisServer(program);
      const store = await connect(server.url, createStoreHealth(), REDIS_TIMEOUTS_MS);
      server.pause();
      const startMs = performance.now();
      const results = await Promise.allSettled(Array.from({ length: 200 }, () => store.begin(makeRecord(), NOW_MS)));
      expect(performance.now() - startMs).toBeLessThan(LIMIT_MS);
      expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['rejected']));
      server.resume();
    });

    it('recovers if Redis was unavailable at the start', async () => {
      const port = await closedPort();
      const store = await connect(`redis://127.0.0.1:${port}`);
      await expectUnavailable(store, makeRecord());
      await startRedisServer(program, { port });
      await expect(eventually(() => store.begin(makeRecord(), NOW_MS))).resolves.toEqual(BEGUN);
    });

    it('fails if Redis is out of memory, but can still read and remove records', async () => {
      const { url } = await startRedisServer(program, { arguments: ['--maxmemory', '3mb'] });
      const lines: HealthLine[] = [];
      const store = await connect(url, createStoreHealth(lines));
      const client = openClient(url);
      const record = makeRecord();
      await store.begin(record, NOW_MS);
      const fill = async () => {
        for (let count = 0; count < 1_000; count++) await client.append('ballast', 'x'.repeat(10_000));
      };
      await expect(fill()).rejects.toThrow('OOM');
      await expect(store.begin(makeRecord(), NOW_MS)).rejects.toThrow(StoreUnavailableError);
      await expect(store.replace(succeeded(record))).rejects.toThrow(StoreUnavailableError);
      await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
      await expect(store.remove(record)).resolves.toBe(true);
      expect(lines[0]).toMatchObject({
        detail: 'refused',
        msg: 'REDIS_URL: Redis refuses commands of the gateway (OOM).',
      });
      expect((await client.keys('*')).toSorted()).toEqual(
        ['ballast', `${PREFIX}server`, await countKey(client)].toSorted(),
      );
    });
  });

  describe('connect', () => {
    it.each(['allkeys-lru', 'volatile-ttl'])('refuses a Redis with the eviction policy %s', async policy => {
      const { url, client } = emptyRedis();
      await client.config('SET', 'maxmemory-policy', policy);
      await expect(connect(url)).rejects.toThrow(
        `REDIS_URL: maxmemory-policy of this Redis is "${policy}" and must be "noeviction"`,
      );
    });

    it('is unavailable while a Redis that started later has a wrong eviction policy', async () => {
      const port = await closedPort();
      const health = createStoreHealth();
      const store = await connect(`redis://127.0.0.1:${port}`, health);
      const server = await startRedisServer(program, {
        port,
        arguments: ['--maxmemory-policy', 'allkeys-lfu'],
      });
      await eventually(async () => expect(health.problem).toBe('misconfigured'));
      await expectUnavailable(store, makeRecord());
      await server.kill();
      await startRedisServer(program, { port });
      await expect(eventually(() => store.begin(makeRecord(), NOW_MS))).resolves.toEqual(BEGUN);
    });
  });
});

describe('RedisStore.connect', () => {
  it('returns in bounded time if a server accepts connections but never responds', async () => {
    const { host } = await listen(createServer());
    const startMs = performance.now();
    const store = await connect(`redis://${host}`);
    expect(performance.now() - startMs).toBeLessThan(25_000);
    await expectUnavailable(store, makeRecord({ id: randomHash() }));
  });
});
