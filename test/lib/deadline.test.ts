import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Deadline } from '../../src/lib/time.js';
import { createManualClock } from '../helpers/manual-clock.js';

/** Starts a timer on a clock that only the test advances. */
function startTimer({ limitMs, timeoutMs }: { limitMs: number; timeoutMs: number }) {
  const clock = createManualClock();
  let hasCalled = false;
  let callBack = () => {};
  const called = new Promise<void>(resolve => {
    callBack = resolve;
  });
  const timer = new Deadline(clock, timeoutMs).timer(() => {
    hasCalled = true;
    callBack();
  });
  timer.start(limitMs);
  return { clock, timer, called, hasCalled: () => hasCalled };
}

describe('a timer of a deadline', () => {
  it.each([
    ['its limit', { limitMs: 20, timeoutMs: 1_000 }],
    ['the deadline', { limitMs: 1_000, timeoutMs: 20 }],
  ])('calls back once %s has passed on its clock, and not before', async (_what, times) => {
    const { clock, called, hasCalled } = startTimer(times);
    clock.advance(19);
    await delay(60);
    expect(hasCalled()).toBe(false);
    clock.advance(1);
    await called;
  });

  it('does not call back after it was stopped', async () => {
    const { clock, timer, hasCalled } = startTimer({ limitMs: 20, timeoutMs: 1_000 });
    clock.advance(20);
    timer.stop();
    await delay(60);
    expect(hasCalled()).toBe(false);
  });
});
