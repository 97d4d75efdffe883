import { LRUCache } from 'lru-cache';

/** Results of longer texts are not remembered, so that the memory is bounded. */
const MAX_LENGTH = 256;

/**
 * Remembers results of a function that depends on nothing but its argument.
 *
 * Not remembered: undefined, null, and results for texts of more than 256 characters.
 *
 * @param max maximum number of results; the least recently used is dropped
 */
export function memoize<T>(max: number, compute: (text: string) => T): (text: string) => T {
  const results = new LRUCache<string, NonNullable<T>>({ max });
  return text => {
    if (text.length > MAX_LENGTH) return compute(text);
    const known = results.get(text);
    if (known !== undefined) return known;
    const result = compute(text);
    if (result !== undefined && result !== null) results.set(text, result);
    return result;
  };
}
