/** How often each of several things happened. */
export type Tally = Record<string, number>;

/** Counts one more of a kind. */
export function countUp(tally: Tally, kind: string): void {
  tally[kind] = (tally[kind] ?? 0) + 1;
}

/**
 * What happened too rarely to be chance, by four standard deviations: a test whose requests are all refused in the same
 * way means nothing.
 *
 * @param expectedOf1000 how many of 1,000 requests are of a kind at least, on average
 */
export function findRare(tally: Tally, expectedOf1000: Readonly<Tally>, requests: number): string[] {
  return Object.entries(expectedOf1000).flatMap(([kind, rate]) => {
    const mean = (rate * requests) / 1_000;
    const count = tally[kind] ?? 0;
    return count < mean - 4 * Math.sqrt(mean) ? [`${kind}: ${count} instead of ${mean}`] : [];
  });
}
