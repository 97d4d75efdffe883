import { expect, it } from '@jest/globals';
import {
  KEY,
  NAME_TAKEN,
  startIdempotencyGateway,
  startUpstream,
  UNKNOWN,
  until,
} from '../helpers/idempotency-gateway.js';
import { closedPort } from '../helpers/listening-server.js';
import { openClient, PREFIX, startPair, startProxy } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

const CALL = { idempotencyKey: KEY };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };

// Longer than the deadline of the operation, but shorter than the 12 s timeout of a list read in the background.
const TOO_LATE_MS = 10_000;

async function flushRedis(url: string): Promise<void> {
  await openClient(url).flushall();
}

describeWithProgram('redis-server', 'a Redis that lost its records', program => {
  async function start() {
    const redis = await startRedisServer(program);
    const gateway = await startIdempotencyGateway({ env: { REDIS_URL: redis.url } });
    return { ...gateway, lose: () => flushRedis(redis.url) };
  }

  it('does not cause a repeat to be sent again: the connection is found', async () => {
    const { create, posts, lose } = await start();
    const { connectionId } = await create(CALL);
    await lose();
    const payload = await create(CALL);
    expect(payload).toMatchObject({ ...SUCCESS, connectionId, reconciled: true });
    expect(await create(CALL)).toEqual(payload);
    expect(posts()).toBe(1);
  });

  it('is detected by every gateway that used it, no matter which one calls it first', async () => {
    const redis = await startRedisServer(program);
    const upstream = await startUpstream();
    const env = { REDIS_URL: redis.url, DLI_ENDPOINT: upstream.url };
    const [one, other] = [await startIdempotencyGateway({ env }), await startIdempotencyGateway({ env })];
    const { connectionId } = await one.create(CALL);
    await other.create({ name: 'other' });
    await flushRedis(redis.url);
    await one.create({ name: 'first_after_the_loss' });
    expect(await other.create(CALL)).toMatchObject({ ...SUCCESS, connectionId, reconciled: true });
    expect(upstream.posts()).toBe(3);
  });

  it('is detected by a gateway whose own records are safe, even if the one that lost some is gone', async () => {
    const { master, replica } = await startPair(program);
    const [proxy, proxyOfOne] = [await startProxy(master.port), await startProxy(master.port)];
    const upstream = await startUpstream({ uniqueNames: false });
    const env = { REDIS_URL: proxy.url, DLI_ENDPOINT: upstream.url };
    const other = await startIdempotencyGateway({ env });
    await other.create({ name: 'before' });
    const one = await startIdempotencyGateway({ env: { ...env, REDIS_URL: proxyOfOne.url } });
    const client = openClient(replica.url);
    await until(
      () => client.keys(`${PREFIX}record:*`),
      keys => keys.length === 1,
    );
    await client.replicaof('NO', 'ONE');
    expect(await one.create(CALL)).toMatchObject(SUCCESS);
    // From now on it reaches no Redis, as if it had been killed.
    proxyOfOne.plan.port = await closedPort();
    proxy.plan.port = replica.port;
    await master.kill();
    const payload = await other.createUntil(SUCCESS.__typename, CALL);
    expect(payload).toMatchObject({ connectionId: upstream.applied()[1], reconciled: true });
    expect(upstream.posts()).toBe(2);
  });

  it('makes a new create read the list once, and then succeed', async () => {
    const { create, emulator, posts, applied, lose } = await start();
    await create(CALL);
    expect(emulator.ledger.count('listConnections')).toBe(0);
    await lose();
    const payload = await create({ name: 'new_after_the_loss' });
    expect(payload).toMatchObject({ ...SUCCESS, connectionId: applied()[1], reconciled: false });
    expect([posts(), emulator.ledger.count('listConnections')]).toEqual([2, 1]);
  });

  it('leaves a repeat unknown and unsent while the list cannot be read', async () => {
    const { create, emulator, posts, lose } = await start();
    const { connectionId } = await create(CALL);
    await lose();
    emulator.inject({ operation: 'listConnections', status: 500 });
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'STORE_LOST', retryAfterSeconds: 5 });
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId });
    expect(posts()).toBe(1);
  });

  it('does not delay a repeat beyond its deadline while the list hangs', async () => {
    const redis = await startRedisServer(program);
    const env = { REDIS_URL: redis.url, OPERATION_TIMEOUT_MS: '2000' };
    const { create, emulator, posts, close } = await startIdempotencyGateway({ env });
    await create(CALL);
    await flushRedis(redis.url);
    emulator.inject({ operation: 'listConnections', behaviour: 'hang', times: 0 });
    const startMs = performance.now();
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'STORE_LOST' });
    await close();
    expect(performance.now() - startMs).toBeLessThan(TOO_LATE_MS);
    expect(posts()).toBe(1);
  });

  it('does not hide a connection with a marker tag, even if the loss was not detected', async () => {
    const redis = await startRedisServer(program);
    const env = { REDIS_URL: redis.url, DLI_MARKER_TAG: 'true' };
    const { create, emulator, applied, log } = await startIdempotencyGateway({ env });
    const { connectionId } = await create(CALL);
    const client = openClient(redis.url);
    await client.del(await client.keys(`${PREFIX}record:*`));
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId, reconciled: true });
    expect(log()).toContain('create found after a refusal of its name');
    expect(log()).not.toContain('after a loss of records');
    // Not found in the list beforehand: a second create was sent, and DLI refused its name.
    expect([emulator.ledger.count('createConnection'), applied()]).toEqual([2, [connectionId]]);
  });

  it('does not cause a second create if the marker tags change with the secret of the store', async () => {
    const redis = await startRedisServer(program);
    const upstream = await startUpstream({ uniqueNames: false });
    const env = { REDIS_URL: redis.url, DLI_ENDPOINT: upstream.url, DLI_MARKER_TAG: 'true' };
    const { create } = await startIdempotencyGateway({ env });
    upstream.emulator.inject({ operation: 'createConnection', behaviour: 'reset', apply: true });
    expect(await create({ name: 'proves-the-filter' })).toMatchObject({ reconciled: true });
    await create(CALL);
    await flushRedis(redis.url);
    const other = await startIdempotencyGateway({ env });
    await other.create({ name: 'stores-another-secret' });
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'STORE_LOST' });
    expect(upstream.posts()).toBe(3);
  });

  it('does not attribute a connection of the same name, created by another client, to a create', async () => {
    const { create, emulator, lose } = await start();
    await create({ name: 'before' });
    await lose();
    emulator.seedConnection({ name: 'orders_pg', service: 'RDS', destination: '192.168.0.99:5432' });
    expect(await create(CALL)).toMatchObject(NAME_TAKEN);
  });
});
