import { createHmac } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { openClient, PREFIX } from '../operation-store/helpers/redis-access.js';
import type { TokenGateway } from './helpers/token-gateway.js';
import { codeIn, startTokenGateway } from './helpers/token-gateway.js';

// A slow machine must not be mistaken for an outage of Redis.
const SLOW_REDIS = { limits: { redisTimeoutMs: 2_000 } };
const CREATED = 'CreateDatasourceConnectionSuccess';
const LIMIT = { RATE_LIMIT_CREATES_PER_SECOND: '1', RATE_LIMIT_CREATES_BURST: '30' };

/** Sends creates to all gateways in turn, and counts those that the limit allows. */
async function passedOf(gateways: readonly TokenGateway[], token: string, offered: number): Promise<number> {
  let passed = 0;
  for (let index = 0; index < offered; index += gateways.length) {
    const answers = await Promise.all(
      gateways.map(gateway => gateway.createAs(token, { idempotencyKey: 'order-4711-attempt-1' })),
    );
    passed += answers.filter(answer => codeIn(answer) !== 'RATE_LIMITED').length;
  }
  return passed;
}

describeWithProgram('redis-server', 'gateways that share Redis', program => {
  async function startTwo() {
    const redis = await startRedisServer(program);
    const env = { ...LIMIT, REDIS_URL: redis.url };
    const first = await startTokenGateway(env, SLOW_REDIS);
    const second = await startTokenGateway(env, { ...first, ...SLOW_REDIS });
    return { redis, gateways: [first, second], token: await first.sign() };
  }

  it('allow one limit together', async () => {
    const { gateways, token } = await startTwo();

    expect(await passedOf(gateways, token, 40)).toBe(30);
  });

  it.each(['kill', 'pause'] as const)('allow one limit each after a %s of Redis, and log it', async what => {
    const { redis, gateways, token } = await startTwo();
    await redis[what]();
    const passed = await passedOf(gateways, token, 70);

    expect(passed).toBeGreaterThanOrEqual(30);
    expect(passed).toBeLessThanOrEqual(60);
    await Promise.all(gateways.map(({ logged }) => logged('every gateway counts creates alone')));
    for (const gateway of gateways) expect(gateway.log().match(/every gateway counts creates alone/g)).toHaveLength(1);
  });

  it('share the counters again when Redis is back', async () => {
    const { redis, gateways, token } = await startTwo();
    const logged = (line: string) => Promise.all(gateways.map(gateway => gateway.logged(line)));
    // Both have read the secret that names the counters, which is not read through the connection of the counters.
    expect((await Promise.all(gateways.map(gateway => gateway.createAs(token)))).map(codeIn)).toEqual([
      CREATED,
      CREATED,
    ]);
    await redis.kill();
    await logged('every gateway counts creates alone');
    await startRedisServer(program, { port: redis.port });
    await logged('gateways count creates together again');

    expect(await passedOf(gateways, token, 40)).toBe(30);
  });

  it('store no tenant names in Redis, and only keys with a TTL', async () => {
    const { gateways, token, redis } = await startTwo();
    await passedOf(gateways, token, 2);
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
