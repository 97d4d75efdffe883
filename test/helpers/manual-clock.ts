import type { TestClock } from './clock.js';

/** A clock that stands still until the test advances it, for tests with exact times. Deadlines never pass. */
export function createManualClock(): TestClock {
  const startEpochMs = Date.now();
  let addedMs = 0;
  return {
    epochMs: () => startEpochMs + addedMs,
    monotonicMs: () => addedMs,
    advance(ms) {
      addedMs += ms;
    },
  };
}
