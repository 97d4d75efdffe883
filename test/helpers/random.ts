import { hash, randomInt } from 'node:crypto';

/** Numbers from 0 to 1 (exclusive) that a seed determines. */
export type Random = () => number;

/** The seed of this run; `PROOF_SEED` repeats an earlier run. */
export function chooseSeed(): string {
  return process.env['PROOF_SEED'] ?? String(randomInt(1_000_000_000));
}

/** A generator of the same numbers for the same seed (mulberry32). */
export function randomOf(seed: string): Random {
  let state = Number.parseInt(hash('sha256', seed).slice(0, 8), 16);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Picks a random value. */
export function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('Nothing to pick from.');
  return value;
}
