import type { ConnectionTag } from './stored-connection.js';

/** Reads a filter like `k=v,k2=v2`; undefined when it is not of this form. */
export function parseTagFilter(filter: string): ConnectionTag[] | undefined {
  const tags: ConnectionTag[] = [];
  for (const pair of filter.split(',')) {
    const equals = pair.indexOf('=');
    if (equals < 1) return undefined;
    tags.push({ key: pair.slice(0, equals), value: pair.slice(equals + 1) });
  }
  return tags;
}

/** Do these tags satisfy every pair of the filter? */
export function matchesTags(tags: readonly ConnectionTag[], filter: readonly ConnectionTag[]): boolean {
  return filter.every(wanted => tags.some(tag => tag.key === wanted.key && tag.value === wanted.value));
}
