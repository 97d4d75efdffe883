import { LRUCache } from 'lru-cache';

/** A longer text is not worth its memory: none that is sent again and again is as long. */
const MAX_LENGTH = 256;

/**
 * Remembers results of a function that depends on nothing but its argument.
 *
 * @param max number of results: those that were used last. Undefined is not remembered.
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
