import { z } from 'zod';
import type { EmulatorSettings } from './settings.js';

/** A resource tag of a connection. */
export interface ConnectionTag {
  readonly key: string;
  readonly value: string;
}

const TAG_CHARACTERS = /^[\p{L}\p{N} _.:=+\-@]*$/u;

function tagText(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .regex(TAG_CHARACTERS)
    .refine(text => text.trim() === text, 'must not start or end with a space');
}

const tagSchema = z.object({
  key: tagText(128)
    .min(1)
    .refine(key => !key.startsWith('_sys_'), 'must not start with _sys_'),
  value: tagText(255),
});

/** Schema of the tags in a create body: at most `maxCount`, with different keys. */
export function tagsSchema(maxCount: number) {
  return z
    .array(tagSchema)
    .max(maxCount)
    .refine(tags => new Set(tags.map(tag => tag.key)).size === tags.length, 'must not repeat a key');
}

/** Reads the `tags` parameter of a query, such as `k=v,k2=v2`, or returns the message of its refusal. */
export function readTagFilter(query: string, treatment: EmulatorSettings['tagFilter']) {
  const text = new URLSearchParams(query).get('tags') ?? '';
  if (text !== '' && treatment === 'refused') return { problem: "Parameter 'tags' is not supported." };
  const filter = text === '' || treatment === 'ignored' ? [] : parseTagFilter(text);
  return filter === undefined ? { problem: "Parameter 'tags' is invalid." } : { filter };
}

function parseTagFilter(filter: string): ConnectionTag[] | undefined {
  const tags: ConnectionTag[] = [];
  for (const pair of filter.split(',')) {
    const equals = pair.indexOf('=');
    if (equals < 1) return undefined;
    tags.push({ key: pair.slice(0, equals), value: pair.slice(equals + 1) });
  }
  return tags;
}

/** Whether all tags of a filter are among the tags of a connection. */
export function hasTags(tags: readonly ConnectionTag[], filter: readonly ConnectionTag[]): boolean {
  return filter.every(({ key, value }) => tags.some(tag => tag.key === key && tag.value === value));
}
