import { expect, it } from '@jest/globals';
import { DONE_BUT_LOST, KEY, startIdempotencyGateway, UNKNOWN } from './helpers/idempotency-gateway.js';

it('the settle time runs from the last request, however long after the first one that was sent', async () => {
  const gateway = await startIdempotencyGateway({
    env: { RECONCILE_SETTLE_MS: '20000' },
    emulator: { listLagMs: 18_000 },
  });
  const headers = { 'retry-after': '1' };
  gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0308', headers });
  gateway.emulator.inject(DONE_BUT_LOST);
  const creating = gateway.create({ idempotencyKey: KEY });
  await gateway.emulator.ledger.waitFor('createConnection', 1);
  gateway.passMs(15_000);
  expect(await creating).toMatchObject(UNKNOWN);
  for (let look = 0; look < 2; look += 1) {
    gateway.passMs(7_500);
    await gateway.looks(1);
  }
  gateway.passMs(7_500);
  await gateway.logged('create reconciled');
  expect(gateway.log()).toContain('"outcome":"found"');
  expect(gateway.posts()).toBe(2);
});
