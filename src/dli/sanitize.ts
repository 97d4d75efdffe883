import type { Clock } from '../lib/time.js';

const REQUEST_ID = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/**
 * A request id of Huawei Cloud that may be shown to callers.
 *
 * @param header the value of `x-request-id`
 * @returns undefined for an id of unknown form, and for one that equals our project id
 */
export function requestIdOf(header: string | undefined, projectId: string): string | undefined {
  return header !== undefined && REQUEST_ID.test(header) && header !== projectId ? header : undefined;
}

const MAX_SECONDS = 300;
const DELAY = /^\d{1,10}$/;
// Date.parse accepts far more.
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * The wait of a `Retry-After` header, in whole seconds from 1 to 300.
 *
 * @param value seconds or an HTTP date (RFC 9110, 10.2.3)
 * @returns undefined when the header is absent or invalid
 */
export function retryAfterSeconds(value: string | undefined, clock: Clock): number | undefined {
  if (value === undefined) return undefined;
  const seconds = readSeconds(value.trim(), clock);
  if (!Number.isFinite(seconds)) return undefined;
  return Math.min(MAX_SECONDS, Math.max(1, Math.ceil(seconds)));
}

function readSeconds(value: string, clock: Clock): number {
  if (DELAY.test(value)) return Number(value);
  return HTTP_DATE.test(value) ? (Date.parse(value) - clock.epochMs()) / 1_000 : Number.NaN;
}

const MAX_SHOWN_LENGTH = 200;

// Longer runs of Latin letters may be a key. Chinese is written without spaces.
const LETTERS = '(?:\\p{Script=Latin}{1,25}(?!\\p{Script=Latin})|(?!\\p{Script=Latin})\\p{L})+';
// A word of letters, or a number too short to be an address, a port or an id.
const WORD = `(?:${LETTERS}(?:[-'’]${LETTERS})*|\\d{1,3})`;
const PLAIN_PROSE = new RegExp(
  `^["“(]*${WORD}(?:[,;:.!?)"”]* ["“(]*${WORD}|[，；：。！？、]+${WORD})*[,;:.!?)"”，；：。！？]*$`,
  'u',
);

/**
 * DLI's hint about a successful create, if it may be shown to callers.
 *
 * @returns null for an empty hint, and for one that is not plain prose: it may hold an address or an id
 */
export function shownMessage(message: string): string | null {
  const text = message.trim();
  // The length check bounds the work of the expression.
  return text.length <= MAX_SHOWN_LENGTH && PLAIN_PROSE.test(text) ? text : null;
}
