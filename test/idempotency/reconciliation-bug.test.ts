import { expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import { freshCall, startIdempotencyGateway } from '../helpers/idempotency-gateway.js';

const SETTLE_MS = 1_000;

it('an internal error in background reconciliation is logged, and the create is decided once it is over', async () => {
  const time = createTestClock();
  let isBroken = false;
  const clock = {
    ...time,
    epochMs(): number {
      if (isBroken && /#decide/.test(new Error().stack ?? '')) throw new RangeError('The clock broke: sk=zq7canary');
      return time.epochMs();
    },
  };
  const gateway = await startIdempotencyGateway({ clock, emulator: { now: time.epochMs } });
  gateway.emulator.inject({ operation: 'createConnection', behaviour: 'reset' });
  expect(await gateway.create(freshCall())).toMatchObject({ __typename: 'OutcomeUnknownError' });
  isBroken = true;
  time.advance(SETTLE_MS);
  await gateway.logged('"msg":"internal error"', 2);
  isBroken = false;
  await gateway.logged('settled without trace');

  expect(gateway.log()).toMatch(/"operation":"reconcile","outcome":"INTERNAL","errorName":"RangeError","frames":/);
  expect(gateway.log()).not.toContain('zq7canary');
});
