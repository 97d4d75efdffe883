/** Counts of events by kind. */
export type Tally = Record<string, number>;

/** Adds one to the count of a kind. */
export function countUp(tally: Tally, kind: string): void {
  tally[kind] = (tally[kind] ?? 0) + 1;
}

/** The probability of a count this many standard deviations below the mean is far below one in a million. */
const DEVIATIONS = 6;
/** So is the probability of no event at all when this many are expected. */
const NEVER_NONE_OF = 18;

/**
 * The kinds that occurred too rarely for chance: a test whose requests are all refused in the same way proves nothing.
 *
 * @param expectedOf1000 the minimum average number of requests of each kind per 1,000
 */
export function findRare(tally: Tally, expectedOf1000: Readonly<Tally>, requests: number): string[] {
  return Object.entries(expectedOf1000).flatMap(([kind, rate]) => {
    const mean = (rate * requests) / 1_000;
    const count = tally[kind] ?? 0;
    const isRare = count < mean - DEVIATIONS * Math.sqrt(mean) || (count === 0 && mean >= NEVER_NONE_OF);
    return isRare ? [`${kind}: ${count} instead of ${mean}`] : [];
  });
}
