/** How often each of several things happened. */
export type Tally = Record<string, number>;

/** Counts one more of a kind. */
export function countUp(tally: Tally, kind: string): void {
  tally[kind] = (tally[kind] ?? 0) + 1;
}

/** The probability of a count so many standard deviations below the mean is far below one in a million. */
const DEVIATIONS = 6;
/** So is that of no case at all where as many are expected. */
const NEVER_NONE_OF = 18;

/**
 * What happened too rarely to be chance: a test whose requests are all refused in the same way means nothing.
 *
 * @param expectedOf1000 how many of 1,000 requests are of a kind at least, on average
 */
export function findRare(tally: Tally, expectedOf1000: Readonly<Tally>, requests: number): string[] {
  return Object.entries(expectedOf1000).flatMap(([kind, rate]) => {
    const mean = (rate * requests) / 1_000;
    const count = tally[kind] ?? 0;
    const isRare = count < mean - DEVIATIONS * Math.sqrt(mean) || (count === 0 && mean >= NEVER_NONE_OF);
    return isRare ? [`${kind}: ${count} instead of ${mean}`] : [];
  });
}
