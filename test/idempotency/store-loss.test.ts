import { expect, it } from '@jest/globals';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { openClient, PREFIX, startPair, startProxy } from '../operation-store/helpers/redis-access.js';
import {
  KEY,
  NAME_TAKEN,
  postCreate,
  startIdempotencyGateway,
  startUpstream,
  UNKNOWN,
  until,
} from './helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };

// Between the second of the operation and the 12 s for which a hanging list is waited for when nobody is in a hurry.
const TOO_LATE_MS = 10_000;

async function forgetEverything(url: string): Promise<void> {
  await openClient(url).flushall();
}

describeWithProgram('redis-server', 'D32: a Redis that lost its records', program => {
  async function start() {
    const redis = await startRedisServer(program);
    const gateway = await startIdempotencyGateway({ env: { REDIS_URL: redis.url } });
    return { ...gateway, lose: () => forgetEverything(redis.url) };
  }

  it('does not let a repeated create be sent again: its connection is found', async () => {
    const { create, posts, lose } = await start();
    const { connectionId } = await create(CALL);
    await lose();
    const payload = await create(CALL);
    expect(payload).toMatchObject({ ...SUCCESS, connectionId, reconciled: true });
    expect(await create(CALL)).toEqual(payload);
    expect(posts()).toBe(1);
  });

  it('is noticed by every gateway that used it, whichever meets it first', async () => {
    const redis = await startRedisServer(program);
    const upstream = await startUpstream();
    const env = { REDIS_URL: redis.url, DLI_ENDPOINT: upstream.url };
    const [one, other] = [await startIdempotencyGateway({ env }), await startIdempotencyGateway({ env })];
    const { connectionId } = await one.create(CALL);
    await other.create({ name: 'other' });
    await forgetEverything(redis.url);
    await one.create({ name: 'first_after_the_loss' });
    expect(await other.create(CALL)).toMatchObject({ ...SUCCESS, connectionId, reconciled: true });
    expect(upstream.posts()).toBe(3);
  });

  it('is noticed by a gateway that lost nothing, after the one that did was killed', async () => {
    const { master, replica } = await startPair(program);
    const { url: REDIS_URL, plan } = await startProxy(master.port);
    const upstream = await startUpstream({ uniqueNames: false });
    const other = await startIdempotencyGateway({ env: { REDIS_URL, DLI_ENDPOINT: upstream.url } });
    await other.create({ name: 'before' });
    const one = startGatewayProcess({ ...environmentFor(upstream.url), REDIS_URL });
    const { graphqlUrl } = await one.addresses();
    const client = openClient(replica.url);
    await until(
      () => client.keys(`${PREFIX}record:*`),
      keys => keys.length === 1,
    );
    await client.replicaof('NO', 'ONE');
    expect(await (await postCreate(graphqlUrl, CALL)).text()).toContain(SUCCESS.__typename);
    one.signal('SIGKILL');
    await one.end();
    plan.port = replica.port;
    await master.kill();
    const payload = await other.createUntil(SUCCESS.__typename, CALL);
    expect(payload).toMatchObject({ connectionId: upstream.applied()[1], reconciled: true });
    expect(upstream.posts()).toBe(2);
  });

  it('costs new creates a look at the list, and nothing else', async () => {
    const { create, emulator, posts, applied, lose } = await start();
    await create(CALL);
    expect(emulator.ledger.count('listConnections')).toBe(0);
    await lose();
    const payload = await create({ name: 'new_after_the_loss' });
    expect(payload).toMatchObject({ ...SUCCESS, connectionId: applied()[1], reconciled: false });
    expect([posts(), emulator.ledger.count('listConnections')]).toEqual([2, 1]);
  });

  it('leaves a repeat unknown and unsent while no list can be read', async () => {
    const { create, emulator, posts, lose } = await start();
    const { connectionId } = await create(CALL);
    await lose();
    emulator.inject({ operation: 'listConnections', status: 500 });
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'STORE_LOST', retryAfterSeconds: 5 });
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId });
    expect(posts()).toBe(1);
  });

  it('is answered before its deadline while the list hangs', async () => {
    const redis = await startRedisServer(program);
    const env = { REDIS_URL: redis.url, OPERATION_TIMEOUT_MS: '2000' };
    const { create, emulator, posts, close } = await startIdempotencyGateway({ env });
    await create(CALL);
    await forgetEverything(redis.url);
    emulator.inject({ operation: 'listConnections', behaviour: 'hang', times: 0 });
    const startMs = performance.now();
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'STORE_LOST' });
    await close();
    expect(performance.now() - startMs).toBeLessThan(TOO_LATE_MS);
    expect(posts()).toBe(1);
  });

  it('D23: lets the marker find the connection even when the loss was not noticed', async () => {
    const redis = await startRedisServer(program);
    const env = { REDIS_URL: redis.url, DLI_MARKER_TAG: 'true' };
    const { create, emulator, applied } = await startIdempotencyGateway({ env });
    const { connectionId } = await create(CALL);
    const client = openClient(redis.url);
    await client.del(await client.keys(`${PREFIX}record:*`));
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId, reconciled: true });
    // It was not found by a look before: DLI refused the name.
    expect([emulator.ledger.count('createConnection'), applied()]).toEqual([2, [connectionId]]);
  });

  it('does not make somebody else\u2019s connection of the same name ours', async () => {
    const { create, emulator, lose } = await start();
    await create({ name: 'before' });
    await lose();
    emulator.seedConnection({ name: 'orders_pg', service: 'RDS', destination: '192.168.0.99:5432' });
    expect(await create(CALL)).toMatchObject(NAME_TAKEN);
  });
});
