import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { clientsOf, connect, eventually } from '../helpers/redis-access.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { BEGUN, makeRecord } from './helpers/operation-store-contract.js';
import type { RedisCluster } from './helpers/redis-cluster.js';
import { startRedisCluster } from './helpers/redis-cluster.js';
import type { HealthLine } from './helpers/store-health.js';
import { createStoreHealth } from './helpers/store-health.js';
import { startUsedGateway, waitForParts } from './helpers/used-gateway.js';

const NOW_MS = Date.now();
const BEGUN_AFTER_LOSS = { kind: 'begun', hasLostRecords: true };
const IS_CLUSTER =
  'this Redis is a cluster and another node has the data: use redis-cluster:// with several of its nodes.';

afterEach(closeGateways);

describeWithProgram('redis-server', 'RedisStore in a cluster', program => {
  const clusters: RedisCluster[] = [];

  // The nodes of a cluster take seconds to agree, but little CPU.
  beforeAll(async () => {
    clusters.push(...(await Promise.all([1, 2, 3, 4].map(() => startRedisCluster(program)))));
  });

  /** A cluster for one test only. */
  function takeCluster(): RedisCluster {
    const cluster = clusters.pop();
    if (cluster === undefined) throw new Error('No cluster is left.');
    return cluster;
  }

  it('finds the node that holds the records, follows a failover to its successor, and reports a loss', async () => {
    const cluster = takeCluster();
    const store = await connect(cluster.url());
    const secret = await store.secret();
    const record = makeRecord();
    await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN);
    expect(await cluster.holder.client.dbsize()).toBeGreaterThan(0);
    await cluster.holder.client.wait(1, 60_000);

    await cluster.failOver();
    await expect(eventually(() => store.begin(makeRecord(), NOW_MS))).resolves.toEqual(BEGUN_AFTER_LOSS);
    await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
    await expect(store.secret()).resolves.toEqual(secret);
    await expect((await connect(cluster.url())).secret()).resolves.toEqual(secret);
  });

  it('proves new credentials, and detects wrong ones, at a node that is alive if the first one is not', async () => {
    const { holder, others, url } = takeCluster();
    for (const { client } of [holder, ...others]) await client.config('SET', 'requirepass', 'second');
    await others[0].server.kill();
    const address = url().replace('//', '//:first@');
    const clients = clientsOf(address);
    expect(await clients.replaceCredentials({ username: undefined, password: 'third' })).toBe('refused');
    expect(await clients.replaceCredentials({ username: undefined, password: 'second' })).toBe('accepted');
    const health = createStoreHealth();
    await connect(address, health).catch(() => undefined);
    await eventually(async () => expect(health.problem).toBe('misconfigured'));
  });

  it('works alongside counters and leases, which are on other nodes', async () => {
    const { holder, others, url } = takeCluster();
    const gateway = await startUsedGateway(url());
    const clients = [holder, ...others].map(({ client }) => client);
    await waitForParts(clients);
    const sizes = await Promise.all(clients.map(client => client.dbsize()));
    expect(sizes.filter(size => size > 0).length).toBeGreaterThan(1);
    expect(gateway.log()).not.toMatch(/"level":[45]0/);
  });

  it('follows the records to another node, and rejects a single-node address that no longer holds them', async () => {
    const cluster = takeCluster();
    const { holder, others } = cluster;
    const REDIS_URL = others[0].server.url;
    await expect(connect(REDIS_URL)).rejects.toThrow(`REDIS_URL: ${IS_CLUSTER}`);
    await expect(startGateway({ env: { REDIS_URL } })).rejects.toThrow(`REDIS_URL ${IS_CLUSTER}`);
    const lines: HealthLine[] = [];
    const single = await connect(holder.server.url, createStoreHealth(lines));
    const store = await connect(cluster.url([others[0]]));
    const record = makeRecord();
    await expect(single.begin(record, NOW_MS)).resolves.toEqual(BEGUN);

    await cluster.moveSlot(others[1]);
    await expect(single.find(record.id, NOW_MS)).rejects.toThrow();
    expect(lines.map(({ msg }) => msg)).toEqual([`REDIS_URL: ${IS_CLUSTER}`]);
    await expect(single.begin(makeRecord(), NOW_MS)).rejects.toMatchObject({ mayHaveWritten: false });
    await expect(eventually(() => store.find(record.id, NOW_MS))).resolves.toEqual({ kind: 'found', record });
    expect(await others[1].client.dbsize()).toBeGreaterThan(0);
  });
});
