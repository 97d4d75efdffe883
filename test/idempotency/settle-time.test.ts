import { expect, it } from '@jest/globals';
import { EXECUTED_BUT_LOST, KEY, startIdempotencyGateway, UNKNOWN } from '../helpers/idempotency-gateway.js';

it('the settle time begins with the last request of a create, no matter how long after the first one', async () => {
  const gateway = await startIdempotencyGateway({
    env: { RECONCILE_SETTLE_MS: '20000' },
    emulator: { listLagMs: 18_000 },
  });
  const headers = { 'retry-after': '1' };
  gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0308', headers });
  gateway.emulator.inject(EXECUTED_BUT_LOST);
  const creating = gateway.create({ idempotencyKey: KEY });
  await gateway.emulator.ledger.waitFor('createConnection', 1);
  gateway.advance(15_000);
  expect(await creating).toMatchObject(UNKNOWN);
  gateway.advance(7_500);
  await gateway.waitForListReads(1);
  gateway.advance(7_500);
  // A repeat, because its answer shows that its read of the list has had its effect.
  await gateway.createUntilDecided({ idempotencyKey: KEY });
  gateway.advance(7_500);
  await gateway.logged('create reconciled');
  expect(gateway.log()).toContain('"outcome":"found"');
  expect(gateway.posts()).toBe(2);
});
