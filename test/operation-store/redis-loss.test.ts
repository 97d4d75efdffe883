import { describe, expect, it } from '@jest/globals';
import { SYSTEM_CLOCK } from '../../src/lib/time.js';
import { RETENTION_MS } from '../../src/operation-store/operation-record.js';
import { StoreUnavailableError } from '../../src/operation-store/operation-store.js';
import { RedisStore } from '../../src/operation-store/redis-store.js';
import {
  clientsOf,
  connect,
  countKey,
  eventually,
  openClient,
  PREFIX,
  shareRedisServer,
  startPair,
  startProxy,
} from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { BEGUN, makeRecord, succeeded } from './helpers/operation-store-contract.js';
import { createStoreHealth } from './helpers/store-health.js';

const NOW_MS = Date.now();
const DAY_MS = 24 * 3_600_000;
const BEGUN_AFTER_LOSS = { kind: 'begun', hasLostRecords: true };

describeWithProgram('redis-server', 'RedisStore', program => {
  const shared = shareRedisServer(program);

  describe('when Redis has lost all records', () => {
    it('keeps its secret, and reports lost records for 72 hours', async () => {
      const { url } = shared().server;
      const store = await connect(url);
      const client = openClient(url);
      const secret = await store.secret();
      await client.flushall();
      await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
      await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
      await expect(store.secret()).resolves.toEqual(secret);
      const forMs = await client.pttl(`${PREFIX}loss`);
      expect(RETENTION_MS.SUCCEEDED).toBe(3 * DAY_MS);
      expect(forMs).toBeGreaterThan(RETENTION_MS.SUCCEEDED - 60_000);
      expect(forMs).toBeLessThanOrEqual(RETENTION_MS.SUCCEEDED);
      await client.del(`${PREFIX}loss`);
      await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
    });

    it('reports the loss to every gateway once one has detected it', async () => {
      const { url } = shared().server;
      const [store, another] = [await connect(url), await connect(url)];
      await store.secret();
      await openClient(url).flushall();
      await store.begin(makeRecord(), NOW_MS);
      await expect(another.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
      await expect((await connect(url)).begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
    });

    it('detects the loss when it reconnects, before it begins a record', async () => {
      const server = await startRedisServer(program);
      const store = await connect(server.url);
      const secret = await store.secret();
      await server.kill();
      await startRedisServer(program, { port: server.port });
      const client = openClient(server.url);
      await eventually(async () => expect(await client.exists(`${PREFIX}loss`)).toBe(1));
      const another = await connect(server.url);
      await expect(another.secret()).resolves.toEqual(secret);
      await expect(another.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
    });

    it('records the time of the loss, taken from the clock of the gateway', async () => {
      const server = await startRedisServer(program);
      const store = await RedisStore.connect(clientsOf(server.url), createStoreHealth(), {
        ...SYSTEM_CLOCK,
        epochMs: () => 4_711,
      });
      await store.secret();
      await server.kill();
      await startRedisServer(program, { port: server.port });
      const client = openClient(server.url);
      await eventually(async () => expect(await client.get(`${PREFIX}loss`)).toBe('4711'));
      await store.close();
    });

    it('detects the loss when it begins an existing record', async () => {
      const { url } = shared().server;
      const [store, another] = [await connect(url), await connect(url)];
      const record = makeRecord();
      await store.begin(makeRecord(), NOW_MS);
      await openClient(url).flushall();
      await expect(another.begin(record, NOW_MS)).resolves.toEqual(BEGUN);
      await expect(store.begin(record, NOW_MS)).resolves.toEqual({ kind: 'exists', record });
      await expect(another.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
    });

    it('detects the loss even if the response to a begin was lost', async () => {
      const { port, url: direct } = shared().server;
      const { url, plan } = await startProxy(port);
      const store = await connect(url);
      await store.secret();
      await openClient(direct).flushall();
      await store.begin(makeRecord(), NOW_MS);
      const record = makeRecord();
      plan.whenAnswered = 'end';
      await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
      await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
    });
  });

  describe('when Redis has lost all records and has a new secret', () => {
    it('stores nothing until the secret has been read again', async () => {
      const { url } = shared().server;
      const store = await connect(url);
      const client = openClient(url);
      const old = await store.secret();
      await client.flushall();
      const another = await connect(url);
      const secret = await another.secret();
      expect(secret).not.toEqual(old);
      const record = makeRecord();
      for (let attempt = 0; attempt < 2; attempt++)
        await expect(store.begin(record, NOW_MS)).resolves.toEqual({ kind: 'secretReplaced' });
      expect((await client.keys('*')).toSorted()).toEqual([`${PREFIX}loss`, `${PREFIX}secret`, `${PREFIX}server`]);
      await expect(another.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
      await expect(store.secret()).resolves.toEqual(secret);
      await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN_AFTER_LOSS);
    });
  });

  describe('when Redis has lost the latest records', () => {
    it('detects the loss after a failover to a replica, even if other gateways have begun records since', async () => {
      const { master, replica } = await startPair(program);
      const { url, plan } = await startProxy(master.port);
      const [store, another] = [await connect(url), await connect(url)];
      const kept = makeRecord();
      const secret = await store.secret();
      await store.begin(kept, NOW_MS);
      const client = openClient(replica.url);
      await eventually(async () => expect(await client.exists(`${PREFIX}record:${kept.id}`)).toBe(1));
      await client.replicaof('NO', 'ONE');
      const lost = makeRecord();
      await store.begin(lost, NOW_MS);
      plan.port = replica.port;
      await master.kill();
      for (let count = 0; count < 5; count++) await eventually(() => another.begin(makeRecord(), NOW_MS));
      await expect(eventually(() => store.begin(lost, NOW_MS))).resolves.toEqual(BEGUN_AFTER_LOSS);
      await expect(store.find(kept.id, NOW_MS)).resolves.toEqual({ kind: 'found', record: kept });
      await expect(store.secret()).resolves.toEqual(secret);
    });

    it('detects the loss after a failover even if the gateway that wrote the records is gone', async () => {
      const { master, replica } = await startPair(program);
      const { url, plan } = await startProxy(master.port);
      const [store, another] = [await connect(url), await connect(url)];
      for (const one of [store, another]) await one.secret();
      await another.begin(makeRecord(), NOW_MS);
      const client = openClient(replica.url);
      await eventually(async () => expect((await client.keys(`${PREFIX}record:*`)).length).toBe(1));
      await client.replicaof('NO', 'ONE');
      const lost = makeRecord();
      await expect(store.begin(lost, NOW_MS)).resolves.toEqual(BEGUN);
      await store.close();
      plan.port = replica.port;
      await master.kill();
      const late = await connect(replica.url);
      await expect(eventually(() => late.begin(lost, NOW_MS))).resolves.toEqual(BEGUN_AFTER_LOSS);
      await expect(eventually(() => another.begin(makeRecord(), NOW_MS))).resolves.toEqual(BEGUN_AFTER_LOSS);
    });
  });
});

describeWithProgram('redis-server', 'RedisStore, when Redis has lost no records,', program => {
  const shared = shareRedisServer(program);

  it('reports a loss after a restart of Redis, because it cannot know the cause', async () => {
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
    const server = await startRedisServer(program, { arguments: durable });
    const store = await connect(server.url);
    const record = makeRecord();
    await store.secret();
    await store.begin(record, NOW_MS);
    await server.kill();
    await startRedisServer(program, { port: server.port, folder: server.folder, arguments: durable });
    await expect(eventually(() => store.begin(makeRecord(), NOW_MS))).resolves.toEqual(BEGUN_AFTER_LOSS);
    await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
    await openClient(server.url).del(`${PREFIX}loss`);
    await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
  });

  it('reports no loss after it reconnects to the same Redis', async () => {
    const { port } = shared().server;
    const { url, plan } = await startProxy(port);
    const store = await connect(url);
    await store.begin(makeRecord(), NOW_MS);
    plan.whenAnswered = 'end';
    await expect(store.find(makeRecord().id, NOW_MS)).rejects.toThrow(StoreUnavailableError);
    await expect(eventually(() => store.begin(makeRecord(), NOW_MS))).resolves.toEqual(BEGUN);
  });

  it('reports no loss if the run_id of Redis cannot be read', async () => {
    const { url } = await startRedisServer(program);
    const client = openClient(url);
    await client.call('ACL', 'SETUSER', 'default', '-info');
    const store = await connect(url);
    await store.secret();
    for (let count = 0; count < 2; count++) await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
    expect(await client.exists(`${PREFIX}server`)).toBe(0);
  });

  it('counts every successful begin, even concurrent ones, but no refused one', async () => {
    const { url } = shared().server;
    const store = await connect(url);
    const client = openClient(url);
    const [record, broken] = [makeRecord(), makeRecord()];
    await store.secret();
    for (const one of [record, broken]) await store.begin(one, NOW_MS);
    await client.set(`${PREFIX}record:${broken.id}`, '');
    const refused = [record, broken, makeRecord({ nameId: record.nameId })];
    const kinds = await Promise.all(refused.map(async one => (await store.begin(one, NOW_MS)).kind));
    expect(kinds).toEqual(['exists', 'unreadable', 'nameHeld']);
    expect(await client.get(await countKey(client))).toBe('2');
    const many = Array.from({ length: 50 }, () => store.begin(makeRecord(), NOW_MS));
    expect(await Promise.all(many)).toEqual(many.map(() => BEGUN));
    expect(await client.get(await countKey(client))).toBe('52');
    await store.replace(succeeded(record));
    await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
  });

  it('reports no loss after the response to a begin was lost', async () => {
    const { port } = shared().server;
    const { url, plan } = await startProxy(port);
    const store = await connect(url);
    plan.whenAnswered = 'end';
    await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
    await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
  });

  it('reports no loss when its counter has expired after a week without a begin', async () => {
    const { url } = shared().server;
    const store = await connect(url);
    const client = openClient(url);
    await store.begin(makeRecord(), NOW_MS);
    const key = await countKey(client);
    expect(await client.pttl(key)).toBeGreaterThan(RETENTION_MS.UNKNOWN);
    await client.del(key);
    const laterMs = NOW_MS + RETENTION_MS.UNKNOWN;
    const record = makeRecord({ expiresAtMs: laterMs + DAY_MS });
    await expect(store.begin(record, laterMs)).resolves.toEqual(BEGUN);
  });
});
