import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SYSTEM_CLOCK } from '../../src/lib/time.js';
import { LmdbStore } from '../../src/operation-store/lmdb-store.js';
import type { RedisTimeouts } from '../../src/operation-store/redis-store.js';
import { RedisStore } from '../../src/operation-store/redis-store.js';
import { onCleanup } from '../helpers/clean-up.js';
import { closedPort } from '../helpers/listening-server.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { clientsOf, connect, eventually, openClient, PREFIX, startPair, startProxy } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startEarly } from '../helpers/start-early.js';
import { BEGUN, makeRecord } from './helpers/operation-store-contract.js';
import type { HealthLine } from './helpers/store-health.js';
import { createStoreHealth } from './helpers/store-health.js';

const NOW_MS = Date.now();
const BACK = { level: 'info', outcome: 'available', msg: 'the operation records can be used again' };
/** Short, for tests in which Redis does not respond. */
const SHORT_TIMEOUTS_MS: RedisTimeouts = { command: 100, operation: 172 };

async function waitForHealth(health: { isUp: boolean }, isUp: boolean): Promise<void> {
  await eventually(async () => expect(health.isUp).toBe(isUp));
}

describe('the log about a store', () => {
  it('has one line when it is lost, one as a reminder in each window, and one when it is back', async () => {
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines, { windowMs: 50 });
    health.markAvailable();
    for (let count = 0; count < 100; count++) health.markUnavailable('diskFull', 'DATA_DIR: full.');
    const lost = {
      level: 'warn',
      operation: 'store',
      outcome: 'unavailable',
      detail: 'diskFull',
      msg: 'DATA_DIR: full.',
    };
    expect(lines).toEqual([lost]);
    await eventually(async () => expect(lines.length).toBeGreaterThanOrEqual(3));
    health.markAvailable();
    expect(lines).toEqual([...Array.from({ length: lines.length - 1 }, () => lost), { operation: 'store', ...BACK }]);
  });

  it('has two lines about a store that keeps coming and going, and then one with the number of outages', async () => {
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines, { windowMs: 200 });
    for (let count = 0; count < 100; count++) {
      health.markUnavailable('unreachable', 'REDIS_URL: gone.');
      health.markAvailable();
    }
    expect(lines.map(({ outcome }) => outcome)).toEqual(['unavailable', 'available']);
    await eventually(async () => expect(lines).toHaveLength(3));
    expect(lines[2]).toMatchObject({ ...BACK, count: 99 });
  });

  it('says whether the store can be used, and why not', () => {
    const health = createStoreHealth();
    expect([health.isUp, health.problem]).toEqual([false, undefined]);
    health.markAvailable();
    health.markUnavailable('readOnly', 'DATA_DIR: read-only.');
    expect([health.isUp, health.problem]).toEqual([false, 'readOnly']);
  });

  it('counts each text that cannot be read once, in one line at once and one in each window', async () => {
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines, { windowMs: 50 });
    for (let count = 0; count < 300; count++) health.recordUnreadable(`text ${count % 100}`);
    expect(lines.map(({ count }) => count)).toEqual([1]);
    await eventually(async () => expect(lines).toHaveLength(2));
    expect(lines[1]).toMatchObject({ level: 'warn', outcome: 'unreadable', count: 99 });
    expect(health.unreadable).toBe(100);
  });
});

describe('the readiness of a store', () => {
  it('lasts for 5 s after Redis was lost, and returns when Redis is back', () => {
    const clock = createManualClock();
    const health = createStoreHealth([], { clock });
    health.markUnavailable('unreachable', 'REDIS_URL: not there yet.');
    expect(health.isUsable).toBe(false);
    health.markAvailable();
    health.markUnavailable('unreachable', 'REDIS_URL: gone.');
    clock.advance(3_000);
    health.markUnavailable('noReply', 'REDIS_URL: still gone.');
    clock.advance(1_999);
    expect([health.isUp, health.isUsable, health.problem]).toEqual([false, true, 'noReply']);
    clock.advance(1);
    expect(health.isUsable).toBe(false);
    health.markAvailable();
    expect(health.isUsable).toBe(true);
  });

  it('ends as soon as LMDB cannot write', () => {
    const health = createStoreHealth([], { backend: 'lmdb', clock: createManualClock() });
    health.markAvailable();
    health.markUnavailable('diskFull', 'DATA_DIR: full.');
    expect(health.isUsable).toBe(false);
  });
});

const folderBack = startEarly(async () => {
  const parent = mkdtempSync(join(QUICK_FOLDER, 'health-'));
  onCleanup(() => rmSync(parent, { recursive: true, force: true }));
  const [folder, elsewhere] = [join(parent, 'data'), join(parent, 'elsewhere')];
  const lines: HealthLine[] = [];
  const health = createStoreHealth(lines, { backend: 'lmdb' });
  const store = LmdbStore.open(folder, health);
  onCleanup(() => store.close());
  expect(health.isUp).toBe(true);
  return async () => {
    renameSync(folder, elsewhere);
    await waitForHealth(health, false);
    await expect(store.begin(makeRecord(), NOW_MS)).rejects.toMatchObject({ mayHaveWritten: false });
    renameSync(elsewhere, folder);
    await waitForHealth(health, true);
    await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
    return lines;
  };
});

const folderReplaced = startEarly(async () => {
  const folder = mkdtempSync(join(QUICK_FOLDER, 'health-'));
  onCleanup(() => rmSync(folder, { recursive: true, force: true }));
  const health = createStoreHealth([], { backend: 'lmdb' });
  const store = LmdbStore.open(folder, health);
  onCleanup(() => store.close());
  rmSync(folder, { recursive: true });
  const other = LmdbStore.open(folder, createStoreHealth());
  onCleanup(() => other.close());
  return async () => {
    await waitForHealth(health, false);
    return { store, other };
  };
});

describeWithProgram('redis-server', 'Redis', program => {
  const fullMemory = startEarly(async () => {
    const { url } = await startRedisServer(program, { arguments: ['--maxmemory', '3mb'] });
    const health = createStoreHealth();
    const store = await connect(url, health);
    const client = openClient(url);
    return async () => {
      const fill = async () => {
        for (let count = 0; count < 1_000; count++) await client.append('ballast', 'x'.repeat(10_000));
      };
      await expect(fill()).rejects.toThrow('OOM');
      await expect(store.begin(makeRecord(), NOW_MS)).rejects.toThrow();
      await waitForHealth(health, false);
      const { problem } = health;
      await client.del('ballast');
      await waitForHealth(health, true);
      return { problem, probes: await client.exists(`${PREFIX}probe`) };
    };
  });

  it('that was killed and restarted is available again without a call', async () => {
    const server = await startRedisServer(program);
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines);
    await connect(server.url, health);
    await waitForHealth(health, true);
    await server.kill();
    await waitForHealth(health, false);
    expect(health.problem).toBe('unreachable');
    await startRedisServer(program, { port: server.port });
    await waitForHealth(health, true);
    expect(lines).toMatchObject([{ level: 'warn', detail: 'unreachable' }, BACK]);
  });

  it('that hangs is logged as lost once, and is available again without a call', async () => {
    const server = await startRedisServer(program);
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines);
    const store = await connect(server.url, health, SHORT_TIMEOUTS_MS);
    await waitForHealth(health, true);
    server.pause();
    await eventually(() => expect(store.hasAbandoned(NOW_MS)).rejects.toThrow());
    await waitForHealth(health, false);
    // Long enough to detect that a new connection hangs, too.
    await eventually(async () => expect(health.problem).toBe('noReply'));
    server.resume();
    await waitForHealth(health, true);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    expect(lines.at(-1)).toMatchObject(BACK);
  });

  it('that is busy with a script is logged as such', async () => {
    const server = await startRedisServer(program, { arguments: ['--lua-time-limit', '1'] });
    const script = openClient(server.url).eval('while true do end', 0);
    script.catch(() => undefined);
    const other = openClient(server.url);
    await eventually(() => expect(other.get('any')).rejects.toThrow('BUSY'));
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines);
    await connect(server.url, health, SHORT_TIMEOUTS_MS);
    await waitForHealth(health, false);
    await other.call('SCRIPT', 'KILL');
    await waitForHealth(health, true);
    const msg = 'REDIS_URL: Redis cannot execute commands now (BUSY).';
    expect(lines).toMatchObject([{ level: 'warn', detail: 'noReply', msg }, BACK]);
  });

  it('is available again after a bug in its check, which is logged', async () => {
    const server = await startRedisServer(program);
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines);
    let failures = 1;
    const epochMs = () => {
      if (failures-- > 0) throw new TypeError('The clock broke.');
      return Date.now();
    };
    const store = await RedisStore.connect(clientsOf(server.url), health, { ...SYSTEM_CLOCK, epochMs });
    onCleanup(() => store.close());
    await waitForHealth(health, true);
    expect(lines).toMatchObject([{ level: 'error', outcome: 'INTERNAL', errorName: 'TypeError' }]);
  });

  it('that answered one command too late is available again as soon as it is reconnected', async () => {
    const { port } = await startRedisServer(program);
    const { url, plan } = await startProxy(port);
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines);
    const store = await connect(url, health, { command: 500, operation: 60_000 });
    await waitForHealth(health, true);
    plan.whenAnswered = 'swallow';
    await expect(store.hasAbandoned(NOW_MS)).rejects.toThrow();
    await waitForHealth(health, true);
    expect(lines).toMatchObject([{ level: 'warn', detail: 'noReply' }, BACK]);
  });

  it('does not count as lost if a read for the metrics is late or refused', async () => {
    const server = await startRedisServer(program);
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines);
    const store = await connect(server.url, health, { command: 200, operation: 60_000 });
    await waitForHealth(health, true);
    const admin = openClient(server.url);
    const connections = async () => String(await admin.call('CLIENT', 'LIST')).match(/\bid=\d+/g);
    const before = await connections();
    server.pause();
    await expect(store.findOpen(NOW_MS)).rejects.toThrow();
    server.resume();
    await admin.call('ACL', 'SETUSER', 'default', '-zrangebyscore');
    await expect(store.findOpen(NOW_MS)).rejects.toThrow();
    expect([health.isUp, lines, await connections()]).toEqual([true, [], before]);
  });

  it('that is a replica is not usable until it is promoted', async () => {
    const { replica } = await startPair(program);
    const health = createStoreHealth();
    await connect(replica.url, health);
    await eventually(async () => expect(health.problem).toBe('refused'));
    expect(health.isUp).toBe(false);
    await openClient(replica.url).replicaof('NO', 'ONE');
    await waitForHealth(health, true);
  });

  it('that keeps coming and going causes only a few log lines', async () => {
    const port = await closedPort();
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines);
    await connect(`redis://127.0.0.1:${port}`, health);
    for (let count = 0; count < 4; count++) {
      const server = await startRedisServer(program, { port });
      await waitForHealth(health, true);
      await server.kill();
      await waitForHealth(health, false);
    }
    // The number of further outages follows at the end of the minute.
    expect(lines.map(({ outcome }) => outcome)).toEqual(['unavailable', 'available']);
  });

  it('that lost its records is counted as a loss once by each gateway', async () => {
    const { url } = await startRedisServer(program);
    const lines: HealthLine[] = [];
    const healths = [createStoreHealth(lines), createStoreHealth()];
    const stores = await Promise.all(healths.map(health => connect(url, health)));
    for (const store of stores) await store.begin(makeRecord(), NOW_MS);
    expect(healths.map(({ losses }) => losses)).toEqual([0, 0]);
    await openClient(url).flushall();
    for (const store of [...stores, ...stores]) await store.begin(makeRecord(), NOW_MS);
    expect(healths.map(({ losses }) => losses)).toEqual([1, 1]);
    expect(lines).toMatchObject([{ level: 'warn', outcome: 'lost' }]);
  });

  it('that was restarted is counted as a loss on reconnection', async () => {
    const server = await startRedisServer(program);
    const health = createStoreHealth();
    const store = await connect(server.url, health);
    await store.begin(makeRecord(), NOW_MS);
    await server.kill();
    await startRedisServer(program, { port: server.port });
    await eventually(async () => expect(health.losses).toBe(1));
  });

  it('whose memory is full is unavailable, and available again without a call when it has room', async () => {
    expect(await fullMemory()).toEqual({ problem: 'refused', probes: 0 });
  });
});

it('LMDB whose folder was lost is available again, without a call, once the folder is back', async () => {
  expect(await folderBack()).toMatchObject([{ level: 'warn', detail: 'folderGone' }, BACK]);
});

it('LMDB stays unavailable after its folder was replaced', async () => {
  const { store, other } = await folderReplaced();
  await expect(store.begin(makeRecord(), NOW_MS)).rejects.toMatchObject({ mayHaveWritten: false });
  await expect(other.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
});
