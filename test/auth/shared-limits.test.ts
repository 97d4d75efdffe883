import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { GraphqlAnswer } from '../helpers/gateway.js';
import { until } from '../helpers/idempotency-gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { openClient, PREFIX } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { codeIn, startTokenGateway } from '../helpers/token-gateway.js';

// A slow machine must not be mistaken for an outage of Redis.
const SLOW_REDIS = { limits: { redisTimeoutMs: 2_000 } };
const CREATED = 'CreateDatasourceConnectionSuccess';
const MALFORMED_TOKEN = 'a.b.c';
const LIMIT = { RATE_LIMIT_CREATES_PER_SECOND: '1', RATE_LIMIT_CREATES_BURST: '30' };

/** Sends creates to all gateways in turn, and counts those that the limit allows. */
async function countAllowed(gateways: readonly TokenGateway[], token: string, offered: number): Promise<number> {
  let passed = 0;
  for (let index = 0; index < offered; index += gateways.length) {
    const answers = await Promise.all(
      gateways.map(gateway => gateway.createAs(token, { idempotencyKey: 'order-4711-attempt-1' })),
    );
    passed += answers.filter(answer => codeIn(answer) !== 'RATE_LIMITED').length;
  }
  return passed;
}

const PER_SECOND = 10;
const OFFERED_PER_SECOND = proofSize(50, 200);
const OFFERED_FOR_MS = proofSize(1_500, 10_000);
const SECOND_MS = 1_000;

/**
 * Sends creates to all gateways in turn for some time, at a rate that does not depend on their answers. Returns how
 * many the limit allows, and how many seconds have begun by the last answer.
 */
async function offer(gateways: readonly TokenGateway[], token: string) {
  const answers: Promise<GraphqlAnswer>[] = [];
  const startMs = performance.now();
  for (let passedMs = 0; passedMs < OFFERED_FOR_MS; passedMs = performance.now() - startMs) {
    const due = Math.ceil((passedMs * OFFERED_PER_SECOND) / SECOND_MS);
    while (answers.length < due) {
      const gateway = gateways[answers.length % gateways.length];
      if (gateway !== undefined) answers.push(gateway.createAs(token, { idempotencyKey: 'order-4711-attempt-1' }));
    }
    await delay(SECOND_MS / OFFERED_PER_SECOND);
  }
  const passed = (await Promise.all(answers)).filter(answer => codeIn(answer) !== 'RATE_LIMITED').length;
  // A window begins with a create and lasts for at least a second, so no more windows can have begun.
  return { offered: answers.length, passed, seconds: Math.floor((performance.now() - startMs) / SECOND_MS) + 1 };
}

describeWithProgram('redis-server', 'gateways that share Redis', program => {
  async function startTwo(overrides = SLOW_REDIS) {
    const redis = await startRedisServer(program);
    const env = { ...LIMIT, REDIS_URL: redis.url };
    const first = await startTokenGateway(env, overrides);
    const second = await startTokenGateway(env, { ...first, ...overrides });
    return { redis, gateways: [first, second], token: await first.sign() };
  }

  it('apply one limit together', async () => {
    const { gateways, token } = await startTwo();

    expect(await countAllowed(gateways, token, 40)).toBe(30);
  });

  it('together allow 10 creates a second under more load, and at most twice as many while Redis is down', async () => {
    const redis = await startRedisServer(program);
    const limit = String(PER_SECOND);
    const env = { RATE_LIMIT_CREATES_PER_SECOND: limit, RATE_LIMIT_CREATES_BURST: limit, REDIS_URL: redis.url };
    // A stall of the machine must not make the gateways count alone.
    const patient = { limits: { redisTimeoutMs: 60_000 } };
    const first = await startTokenGateway(env, patient);
    const gateways = [first, await startTokenGateway(env, { ...first, ...patient })];
    const token = await first.sign();
    const shared = await offer(gateways, token);
    await redis.kill();
    await Promise.all(gateways.map(({ logged }) => logged('every gateway counts its callers alone')));
    const alone = await offer(gateways, token);
    process.stderr.write(`limit of ${PER_SECOND} a second: ${JSON.stringify({ shared, alone })}\n`);

    expect(shared.passed).toBeGreaterThanOrEqual(PER_SECOND);
    expect(shared.passed).toBeLessThanOrEqual(PER_SECOND * shared.seconds);
    expect(alone.passed).toBeGreaterThanOrEqual(PER_SECOND);
    expect(alone.passed).toBeLessThanOrEqual(2 * PER_SECOND * alone.seconds);
  });

  it.each(['kill', 'pause'] as const)('apply one limit each after a %s of Redis, and log it', async what => {
    // No command has to succeed after the outage has begun.
    const { redis, gateways, token } = await startTwo({ limits: { redisTimeoutMs: 500 } });
    await redis[what]();
    const passed = await countAllowed(gateways, token, 70);

    expect(passed).toBeGreaterThanOrEqual(30);
    expect(passed).toBeLessThanOrEqual(60);
    await Promise.all(gateways.map(({ logged }) => logged('every gateway counts its callers alone')));
    for (const gateway of gateways)
      expect(gateway.log().match(/every gateway counts its callers alone/g)).toHaveLength(1);
  });

  it('share the counters again when Redis is back', async () => {
    const { redis, gateways, token } = await startTwo();
    const logged = (line: string) => Promise.all(gateways.map(gateway => gateway.logged(line)));
    // Makes both read the secret that names the counters, which they read over another connection than the counters.
    expect((await Promise.all(gateways.map(gateway => gateway.createAs(token)))).map(codeIn)).toEqual([
      CREATED,
      CREATED,
    ]);
    await redis.kill();
    await logged('every gateway counts its callers alone');
    await startRedisServer(program, { port: redis.port });
    await logged('gateways count callers together again');

    expect(await countAllowed(gateways, token, 40)).toBe(30);
  });

  it('store no tenant names in Redis, and only keys with a TTL', async () => {
    const { gateways, token, redis } = await startTwo();
    await countAllowed(gateways, token, 2);
    const client = openClient(redis.url);
    const keys = await client.keys('*{limits}*');
    const lives = await Promise.all(keys.map(key => client.pttl(key)));

    // Keyed by the secret of the store, like the records: a plain hash of a name can be guessed.
    const secret = Buffer.from((await client.get(`${PREFIX}secret`)) ?? '', 'hex');
    const hash = createHmac('sha256', secret).update('["createLimit","alice"]').digest('base64url');
    expect(keys).toEqual([`dli-gateway:{limits}:create:${hash}`]);
    expect(lives[0]).toBeGreaterThan(0);
    expect(lives[0]).toBeLessThanOrEqual(30_000);
  });
});

describeWithProgram('redis-server', 'refused tokens of one address', program => {
  async function startTwo() {
    const redis = await startRedisServer(program);
    const env = { RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '3', REDIS_URL: redis.url };
    const first = await startTokenGateway(env, SLOW_REDIS);
    const second = await startTokenGateway(env, { ...first, ...SLOW_REDIS });
    return { redis, first, second };
  }

  it('are counted together by gateways that share Redis, without storing addresses', async () => {
    const { redis, first, second } = await startTwo();
    for (const gateway of [first, second, first]) expect((await gateway.ask(MALFORMED_TOKEN)).status).toBe(401);

    expect((await first.ask(MALFORMED_TOKEN)).status).toBe(429);
    expect((await second.ask(MALFORMED_TOKEN)).status).toBe(429);
    const client = openClient(redis.url);
    const keys = await client.keys('*:login*');
    const lives = await Promise.all(keys.map(key => client.ttl(key)));
    expect(keys).toEqual([expect.stringMatching(/^dli-gateway:\{limits\}:login:\d{1,5}$/)]);
    expect(lives[0]).toBeGreaterThan(0);
    expect(lives[0]).toBeLessThanOrEqual(60);
  });

  it('are counted by each gateway while Redis is down', async () => {
    const { redis, first } = await startTwo();
    await redis.kill();
    const received = () => first.log().includes('"operation":"limits","outcome":"alone"');
    await until(async () => first.send({ query: '{ __typename }' }), received);
    for (let count = 0; count < 3; count += 1) expect((await first.ask(MALFORMED_TOKEN)).status).toBe(401);

    expect((await first.ask(MALFORMED_TOKEN)).status).toBe(429);
    expect((await first.ask(await first.sign())).status).toBe(200);
  });
});
