import { expect, it } from '@jest/globals';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { until } from '../idempotency/helpers/idempotency-gateway.js';
import { openClient } from '../operation-store/helpers/redis-access.js';
import { startTokenGateway } from './helpers/token-gateway.js';

const NO_TOKEN_OF_OURS = 'a.b.c';

describeWithProgram('redis-server', 'refused tokens of one address', program => {
  async function startTwo() {
    const redis = await startRedisServer(program);
    const env = { RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '3', REDIS_URL: redis.url };
    // A slow machine must not be mistaken for an outage of Redis.
    const slowRedis = { limits: { redisTimeoutMs: 2_000 } };
    const first = await startTokenGateway(env, slowRedis);
    const second = await startTokenGateway(env, { ...first, ...slowRedis });
    return { redis, first, second };
  }

  it('are counted together by gateways that share Redis, without storing addresses', async () => {
    const { redis, first, second } = await startTwo();
    for (const gateway of [first, second, first]) expect((await gateway.ask(NO_TOKEN_OF_OURS)).status).toBe(401);

    expect((await first.ask(NO_TOKEN_OF_OURS)).status).toBe(429);
    expect((await second.ask(NO_TOKEN_OF_OURS)).status).toBe(429);
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
    for (let count = 0; count < 3; count += 1) expect((await first.ask(NO_TOKEN_OF_OURS)).status).toBe(401);

    expect((await first.ask(NO_TOKEN_OF_OURS)).status).toBe(429);
    expect((await first.ask(await first.sign())).status).toBe(200);
  });
});
