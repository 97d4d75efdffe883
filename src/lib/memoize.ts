import { LRUCache } from 'lru-cache';

/** Results of longer texts are not remembered, so that the memory is bounded. */
const MAX_LENGTH = 256;

/**
 * Remembers results of a function that depends on nothing but its argument.
 *
 * @param max number of results: those that were used last. Not remembered: undefined, and results of texts of more than
 *   256 characters.
 */
export function memoize<T extends NonNullable<unknown>>(
  max: number,
  compute: (text: string) => T | undefined,
): (text: string) => T | undefined {
  const results = new LRUCache<string, T>({ max });
  return text => {
    if (text.length > MAX_LENGTH) return compute(text);
    const known = results.get(text);
    if (known !== undefined) return known;
    const result = compute(text);
    if (result !== undefined) results.set(text, result);
    return result;
  };
}
