import { afterEach, describe, expect, it } from '@jest/globals';
import { bearer, startTokenGateway } from '../auth/helpers/token-gateway.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { closeSubscribers, openSubscriber, WATCH } from '../http/helpers/subscribers.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

const SLOW = { FOLLOW_INTERVAL_MS: '60000' };
const OF_A_SOCKET = proofSize(100, 1_000);
const limits = { watchesPerTenant: 2.5 * OF_A_SOCKET };
const AT_A_TIME = 50;

/** Subscribes to one connection over sockets full of subscriptions, and counts their first events. */
async function fillSockets({ graphqlUrl, emulator }: TestGateway, sockets: number, token?: string) {
  const { connectionId: id } = emulator.seedConnection({ state: 'CREATING' });
  const counts: Record<string, number> = {};
  for (let socket = 0; socket < sockets; socket += 1) {
    const { say, hear } = await openSubscriber(graphqlUrl, bearer(token));
    for (let received = 0; received < OF_A_SOCKET; ) {
      // More at a time would delay the event loop, so that the gateway would shed load.
      if (received % AT_A_TIME === 0)
        for (let count = received; count < received + AT_A_TIME; count += 1)
          say({ type: 'subscribe', id: String(count), payload: { query: WATCH, variables: { id } } });
      let message = await hear();
      // A refusal is followed by the end of the subscription.
      while (message.type === 'complete') message = await hear();
      const [, code = 'followed'] = /"code":"(\w+)"/.exec(JSON.stringify(message.payload)) ?? [];
      counts[code] = (counts[code] ?? 0) + 1;
      received += 1;
    }
  }
  return counts;
}

describe('the number of watches', () => {
  it('is limited to 2,500 per tenant, without affecting other tenants', async () => {
    const gateway = await startTokenGateway(SLOW, { limits });
    const [many, one] = await Promise.all(['many', 'one'].map(sub => gateway.sign({ claims: { sub } })));
    expect(await fillSockets(gateway, 3, many)).toEqual({
      followed: 2.5 * OF_A_SOCKET,
      OVERLOADED: 0.5 * OF_A_SOCKET,
    });
    expect(await fillSockets(gateway, 1, one)).toEqual({ followed: OF_A_SOCKET });
  });

  it('is not limited per tenant if callers are anonymous', async () => {
    const gateway = await startGateway({ env: SLOW, limits });
    expect(await fillSockets(gateway, 3)).toEqual({ followed: 3 * OF_A_SOCKET });
  });
});
