import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Deadline } from '../../src/lib/time.js';
import { createManualClock } from '../helpers/manual-clock.js';

/** Starts timers on a clock that only the test advances, and that emits `read` whenever it is read. */
function startTimers() {
  const manual = createManualClock();
  const reads = new EventEmitter();
  const clock = {
    ...manual,
    monotonicMs() {
      reads.emit('read');
      return manual.monotonicMs();
    },
  };
  const start = ({ limitMs, timeoutMs }: { limitMs: number; timeoutMs: number }) => {
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
    return { timer, called, hasCalled: () => hasCalled };
  };
  return { clock, reads, start };
}

describe('a timer of a deadline', () => {
  it.each([
    ['its limit', { limitMs: 20, timeoutMs: 1_000 }],
    ['the deadline', { limitMs: 1_000, timeoutMs: 20 }],
  ])('calls back once %s has passed on its clock, and not before', async (_what, times) => {
    const { clock, reads, start } = startTimers();
    const { called, hasCalled } = start(times);
    clock.advance(19);
    // The timer of Node has ended, and the clock decides.
    await once(reads, 'read');
    expect(hasCalled()).toBe(false);
    clock.advance(1);
    await called;
  });

  it('does not call back after it was stopped', async () => {
    const { clock, start } = startTimers();
    const times = { limitMs: 20, timeoutMs: 1_000 };
    const { timer, hasCalled } = start(times);
    // Node ends timers of the same length in the order of their start.
    const later = start(times);
    clock.advance(20);
    timer.stop();
    await later.called;
    expect(hasCalled()).toBe(false);
  });
});
