import { expect, it } from '@jest/globals';
import { BEGIN, FIND, REMOVE } from '../../src/operation-store/redis-scripts.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import {
  EXECUTED_BUT_LOST,
  IN_PROGRESS,
  KEY,
  KEY_REUSED,
  startIdempotencyGateway,
  UNKNOWN,
  until,
} from '../helpers/idempotency-gateway.js';
import { openClient, watch } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

const CALL = { idempotencyKey: KEY };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const NO_STORE = { __typename: 'DliUnavailableError', code: 'IDEMPOTENCY_STORE_UNAVAILABLE' };
// Ten times the documented maximum, to allow for busy machines.
const LIMIT_MS = 5_000;

async function timed<T>(answer: Promise<T>): Promise<[answer: T, ms: number]> {
  const startMs = performance.now();
  return [await answer, performance.now() - startMs];
}

describeWithProgram('redis-server', 'a gateway with its records in Redis', program => {
  it('refuses every create at once, unsent, while Redis is down, and executes it when Redis is back', async () => {
    const redis = await startRedisServer(program);
    const { create, createUntil, send, posts } = await startIdempotencyGateway({ env: { REDIS_URL: redis.url } });
    await redis.kill();
    const [payload, ms] = await timed(create(CALL));
    expect(payload).toMatchObject({ ...NO_STORE, retryAfterSeconds: 1 });
    expect(ms).toBeLessThan(LIMIT_MS);
    expect(posts()).toBe(0);
    expect((await send({ query: '{ datasourceServices { service } }' })).status).toBe(200);
    await startRedisServer(program, { port: redis.port });
    expect(await createUntil(SUCCESS.__typename, CALL)).toMatchObject({ reconciled: false });
    expect(posts()).toBe(1);
  });

  it('has no record to remove when Redis is back after it refused a create', async () => {
    const redis = await startRedisServer(program);
    const { create, createUntil, close } = await startIdempotencyGateway({ env: { REDIS_URL: redis.url } });
    // Loads the secret, so that only the begin of the record fails.
    await create({ name: 'before' });
    await redis.kill();
    expect(await create(CALL)).toMatchObject(NO_STORE);
    await startRedisServer(program, { port: redis.port });
    const { has, saw } = await watch(redis);
    await createUntil(SUCCESS.__typename, { name: 'after' });
    await close();
    await openClient(redis.url).echo('the last');
    await saw('the last');
    expect([has(BEGIN), has(REMOVE)]).toEqual([true, false]);
  });

  it('returns a success although Redis stalls after the create was sent, and stores it later', async () => {
    const redis = await startRedisServer(program);
    const { create, emulator, posts, applied } = await startIdempotencyGateway({ env: { REDIS_URL: redis.url } });
    emulator.inject({ operation: 'createConnection', delayMs: 1_000 });
    const first = create(CALL);
    await emulator.ledger.waitFor('createConnection', 1);
    redis.pause();
    const payload = await first;
    expect(payload).toMatchObject({ ...SUCCESS, connectionId: applied()[0] });
    redis.resume();
    const repeat = await until(
      () => create(CALL),
      ({ code }) => code !== NO_STORE.code,
    );
    expect(repeat).toEqual(payload);
    expect(posts()).toBe(1);
  });

  it('answers a repeat from memory while Redis stalls after the create was sent', async () => {
    const redis = await startRedisServer(program);
    const { create, emulator, posts } = await startIdempotencyGateway({ env: { REDIS_URL: redis.url } });
    emulator.inject({ operation: 'createConnection', delayMs: 1_000 });
    const first = create(CALL);
    await emulator.ledger.waitFor('createConnection', 1);
    redis.pause();
    const payload = await first;
    expect(await create(CALL)).toEqual(payload);
    expect(await create({ ...CALL, name: 'other' })).toMatchObject(KEY_REUSED);
    expect(posts()).toBe(1);
    redis.resume();
  });

  it('reconciles an unknown create once Redis responds again', async () => {
    const redis = await startRedisServer(program);
    const { create, createUntil, emulator, posts, applied } = await startIdempotencyGateway({
      env: { REDIS_URL: redis.url },
    });
    emulator.inject({ ...EXECUTED_BUT_LOST, delayMs: 1_000 });
    const first = create(CALL);
    await emulator.ledger.waitFor('createConnection', 1);
    redis.pause();
    expect(await first).toMatchObject(UNKNOWN);
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    redis.resume();
    const payload = await createUntil(SUCCESS.__typename, CALL);
    expect(payload).toMatchObject({ connectionId: applied()[0], reconciled: true });
    expect(posts()).toBe(1);
  });

  it('answers a repeat as in progress while another gateway sends the create and Redis stalls', async () => {
    const redis = await startRedisServer(program);
    const upstream = await startHeldUpstream();
    const env = { REDIS_URL: redis.url, DLI_ENDPOINT: upstream.url };
    const [one, other] = [await startIdempotencyGateway({ env }), await startIdempotencyGateway({ env })];
    const first = one.create(CALL);
    await upstream.emulator.ledger.waitFor('createConnection', 1);
    const { saw } = await watch(redis);
    const repeat = other.create(CALL);
    // The begin has returned the existing record, which the repeat polls from now on.
    await saw(FIND);
    redis.pause();
    expect(await repeat).toMatchObject(IN_PROGRESS);
    redis.resume();
    upstream.release();
    expect(await first).toMatchObject(SUCCESS);
    expect(upstream.emulator.ledger.count('createConnection')).toBe(1);
  });

  it('refuses a create in time, unsent, while Redis stalls, and leaves its key free', async () => {
    const redis = await startRedisServer(program);
    const { create, createUntil, posts } = await startIdempotencyGateway({
      env: { REDIS_URL: redis.url },
      // The default, because it limits the wait under test.
      limits: { redisTimeoutMs: undefined },
    });
    // Loads the secret, so that only the begin of the record waits.
    await create({ name: 'before' });
    redis.pause();
    const [payload, ms] = await timed(create(CALL));
    expect(payload).toMatchObject({ ...NO_STORE, retryAfterSeconds: 1 });
    expect(ms).toBeLessThan(LIMIT_MS);
    expect(posts()).toBe(1);
    redis.resume();
    expect(await createUntil(SUCCESS.__typename, CALL)).toMatchObject({ reconciled: false });
    expect(posts()).toBe(2);
  });
});
