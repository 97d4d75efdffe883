/** Smallest value that at least `share` (0 to 1) of `values` do not exceed; NaN if `values` is empty. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Middle value, or the mean of the two middle ones; NaN if there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/**
 * Median of the pairwise ratios of two series: whatever slows the machine down for a while slows both values of a pair.
 * NaN if one is empty.
 */
export function medianRatio(values: readonly number[], others: readonly number[]): number {
  return others.length === 0 ? Number.NaN : median(values.map((value, index) => value / (others[index] ?? Number.NaN)));
}
