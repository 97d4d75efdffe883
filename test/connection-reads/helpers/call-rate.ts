import { expect } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.js';

/** Rounding, and what two clocks of a machine may differ by. */
const TOLERANCE_MS = 20;

/**
 * Checks that calls kept to a limit: as many at once after a rest as in a second, and then one after the other.
 *
 * @param startedMs milliseconds since the epoch, before the first call was asked for
 */
export function expectCallsWithin({ ledger }: Emulator, perSecond: number, startedMs: number): void {
  for (const [index, { atMs }] of ledger.entries('getConnection').entries())
    expect(atMs - startedMs).toBeGreaterThanOrEqual(((index - perSecond) * 1_000) / perSecond - TOLERANCE_MS);
}
