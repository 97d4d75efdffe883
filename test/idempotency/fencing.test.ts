import { expect, it } from '@jest/globals';
import type { Clock } from '../../src/lib/time.js';
import { SYSTEM_CLOCK } from '../../src/lib/time.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { KEY, startIdempotencyGateway, UNAVAILABLE } from '../helpers/idempotency-gateway.js';

/** The clock of a machine that can sleep: the system time advances during sleep, the monotonic time does not. */
function createSleepingClock(): Clock & { sleep(ms: number): void } {
  let sleptMs = 0;
  return {
    epochMs: () => SYSTEM_CLOCK.epochMs() + sleptMs,
    monotonicMs: () => SYSTEM_CLOCK.monotonicMs(),
    sleep(ms) {
      sleptMs += ms;
    },
  };
}

it.each([
  ['sends nothing after the machine slept for a minute', 60_000, UNAVAILABLE, 0],
  [
    'continues after the system time was changed by a second',
    1_000,
    { __typename: 'CreateDatasourceConnectionSuccess' },
    1,
  ],
] as const)('a gateway that has recorded a create %s', async (_what, sleptMs, answer, posts) => {
  const clock = createSleepingClock();
  const gateway = await startIdempotencyGateway({ env: IAM_USER, clock });
  gateway.emulator.inject({ operation: 'issueToken', delayMs: 1_000 });
  const creating = gateway.create({ idempotencyKey: KEY });
  await gateway.emulator.ledger.waitFor('issueToken', 1);
  clock.sleep(sleptMs);
  expect(await creating).toMatchObject(answer);
  expect(gateway.posts()).toBe(posts);
});
