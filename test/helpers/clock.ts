import type { Clock } from '../../src/lib/time.js';

/** A clock that a test advances. */
export interface TestClock extends Clock {
  /** Advances the clock, in milliseconds; system timers are not affected. */
  advance(ms: number): void;
}

/** A clock that runs like the system's, and that the test advances in addition. */
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
