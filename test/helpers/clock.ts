import type { Clock } from '../../src/lib/time.js';

/** A clock that a test advances. */
export interface TestClock extends Clock {
  /** Lets time pass, in milliseconds; timers of the system do not notice. */
  advance(ms: number): void;
}

/** A clock that runs like the system's, plus what the test adds. */
export function createTestClock(): TestClock {
  let addedMs = 0;
  return {
    epochMs: () => Date.now() + addedMs,
    monotonicMs: () => performance.now() + addedMs,
    advance(ms) {
      addedMs += ms;
    },
  };
}
