import { expect } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectionOf } from '../../helpers/read-connections.js';
import { eventually } from '../../helpers/redis-access.js';
import type { TokenGateway } from '../../helpers/token-gateway.js';
import { startTokenGateway } from '../../helpers/token-gateway.js';

const PARTS = ['{once}:record', '{limits}:create', '{limits}:login', '{follow}:1'];

/** Waits until the gateway has written keys of all kinds. */
export async function waitForParts(clients: readonly Redis[]): Promise<void> {
  await eventually(async () => {
    const keys = await Promise.all(clients.map(client => client.keys('*')));
    expect(PARTS.filter(part => !keys.flat().join().includes(part))).toEqual([]);
  });
}

/** Starts a gateway and makes it use Redis for everything: records, counters of creates and refused tokens, leases. */
export async function startUsedGateway(url: string): Promise<TokenGateway> {
  // So that counters and leases outlive the test.
  const limits = { RATE_LIMIT_CREATES_PER_SECOND: '10', RATE_LIMIT_CREATES_BURST: '600' };
  const env = { REDIS_URL: url, ...limits, FOLLOW_INTERVAL_MS: '60000' };
  const gateway = await startTokenGateway(env, { limits: { redisTimeoutMs: 2_000 } });
  const token = await gateway.sign();
  const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
  await gateway.createAs(token);
  await gateway.ask('a.b.c');
  const send = (body: unknown) => gateway.send(body, { authorization: `Bearer ${token}` });
  await connectionOf({ send }, connectionId, 'waitSeconds: 1');
  return gateway;
}
