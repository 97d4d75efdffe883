import { expect } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.js';

/** Allows for rounding and for the difference between two clocks of a machine. */
const TOLERANCE_MS = 20;

/**
 * Checks that the calls stayed within a rate limit with a burst of one second.
 *
 * @param startedMs milliseconds since the epoch, taken before the first request
 */
export function expectCallsWithin({ ledger }: Emulator, perSecond: number, startedMs: number): void {
  for (const [index, { atMs }] of ledger.entries('getConnection').entries())
    expect(atMs - startedMs).toBeGreaterThanOrEqual(((index - perSecond) * 1_000) / perSecond - TOLERANCE_MS);
}
