import { z } from 'zod';
import { isObject, parseJson, repeatsKey } from '../lib/json.js';
import type { Clock } from '../lib/time.js';
import type { ConnectionTag } from './connection.js';

/** The parsed body of an error response. */
export interface ErrorBody {
  /** The code of DLI or its API gateway, for decisions. Undefined if the body is not an unambiguous error of theirs. */
  code: string | undefined;
  /** The code of any component of Huawei Cloud, for logs only. */
  loggedCode: string | undefined;
  /** The component's own words, if they may be shown. */
  upstreamMessage: string | undefined;
}

const PROVEN_CODE = /^(?:DLI|APIGW?)\.\d{4,5}$/;
const MAX_CODE_LENGTH = 64;
/** A text of up to 200 characters may be shown; a code is checked before it is cut. */
const MAX_CHECKED_LENGTH = 4 * MAX_CODE_LENGTH;
// These can hide or reorder text in a log line: control, format, private-use, unassigned, separators.
const UNPRINTABLE = /[\p{C}\u2028\u2029]/gu;
const CODE = /^[\p{L}\p{N}][\p{L}\p{N}._:-]*/u;
// May be a key, a token or an id.
const LONG_RUN = /(?=\p{L}*\p{N})[\p{L}\p{N}]{13,}/gu;
const ADDRESS_OR_ID = /\d{1,3}(?:\.\d{1,3}){3}|[\da-f]{8}(?:-[\da-f]{4}){3}/i;

const provenError = z.object({
  error_code: z.string().regex(PROVEN_CODE),
  connection_id: z.never().optional(),
  is_success: z.literal(false).optional(),
});

/** Texts that must never be shown, such as the gateway's own credentials. */
export class ConfidentialTexts {
  readonly #patterns = new Map<string, RegExp>();

  /** Adds texts, which match in any case. Blank ones, and those longer than anything shown, are ignored. */
  add(texts: Iterable<string>): void {
    for (const text of texts) {
      const trimmed = text.trim();
      // V8 cannot compile a case-insensitive expression of many thousand letters.
      if (trimmed !== '' && trimmed.length <= MAX_CHECKED_LENGTH) this.#patterns.set(trimmed, patternOf(trimmed));
    }
  }

  /** Number of texts, which never decreases. */
  get count(): number {
    return this.#patterns.size;
  }

  /** Whether one of them is part of the text. */
  appearIn(text: string): boolean {
    return [...this.#patterns.values()].some(pattern => text.search(pattern) !== -1);
  }

  /** The text without them. */
  removeFrom(text: string): string {
    return [...this.#patterns.values()].reduce((rest, pattern) => rest.replace(pattern, ''), text);
  }
}

/** Matches a text in any case, but not as part of a longer word. Scripts without spaces have no word boundaries. */
function patternOf(text: string): RegExp {
  const escaped = text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const start = /^[a-z0-9]/i.test(text) ? '(?<![a-z0-9])' : '';
  const end = /[a-z0-9]$/i.test(text) ? '(?![a-z0-9])' : '';
  return new RegExp(`${start}${escaped}${end}`, 'giu');
}

/** Reads the body of a response that is not a usable success. A 2xx has a message only if it reports a failure. */
export function readErrorBody(status: number, text: string, confidential: ConfidentialTexts): ErrorBody {
  const body = parseErrorObject(text);
  if (body === undefined) return { code: undefined, loggedCode: undefined, upstreamMessage: undefined };
  // IAM nests its errors.
  const error = isObject(body['error']) ? body['error'] : body;
  return {
    code: provenCode(body, text),
    loggedCode: printableCode(error['error_code'] ?? error['code'], confidential),
    upstreamMessage:
      status >= 400 || body['is_success'] === false
        ? readUpstreamMessage(error['error_msg'] ?? error['message'], confidential)
        : undefined,
  };
}

/** The code and message of an error, for decisions. The message must not be shown; it is empty if there is none. */
export function readError(text: string): { code: string | undefined; message: string } {
  const body = parseErrorObject(text);
  const { error_msg: message } = body ?? {};
  return { code: provenCode(body, text), message: typeof message === 'string' ? message : '' };
}

// Some of DLI's operations send a list of one error.
function parseErrorObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  const body: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return isObject(body) ? body : undefined;
}

/** The code of DLI or its API gateway. Undefined when the body is not an unambiguous error of theirs. */
export function readErrorCode(text: string): string | undefined {
  return provenCode(parseJson(text), text);
}

function provenCode(body: unknown, text: string): string | undefined {
  const code = provenError.safeParse(body).data?.error_code;
  return code !== undefined && !repeatsKey(text) ? code : undefined;
}

function printableCode(value: unknown, confidential: ConfidentialTexts): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  // Cut first, to bound the cost of the expressions.
  const printable = String(value).slice(0, MAX_CHECKED_LENGTH).replace(UNPRINTABLE, '');
  // Removed before the code is extracted, which may be a part of a credential.
  const [code] = CODE.exec(confidential.removeFrom(printable)) ?? [];
  if (code === undefined || ADDRESS_OR_ID.test(code)) return undefined;
  return code.slice(0, MAX_CODE_LENGTH).replace(LONG_RUN, run => `${run.slice(0, 4)}…`);
}

function readUpstreamMessage(value: unknown, confidential: ConfidentialTexts): string | undefined {
  return typeof value === 'string' ? (shownMessage(value, confidential) ?? undefined) : undefined;
}

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
export function readRetryAfterSeconds(value: string | undefined, clock: Clock): number | undefined {
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
 * A text of DLI, if it may be shown to callers.
 *
 * @returns null for no text, for one that is not plain prose, which may hold an address or an id, and for one that
 *   holds a confidential text
 */
export function shownMessage(message: string | null, confidential: ConfidentialTexts): string | null {
  const text = message?.trim() ?? '';
  // The length check bounds the work of the expression.
  const isProse = text.length <= MAX_SHOWN_LENGTH && PLAIN_PROSE.test(text);
  return isProse && !confidential.appearIn(text) ? text : null;
}

/** The tags of a connection without those that hold a confidential text. Unlike messages, they need not be prose. */
export function shownTags(tags: ConnectionTag[] | null, confidential: ConfidentialTexts): ConnectionTag[] | null {
  if (tags === null) return null;
  return tags.filter(({ key, value }) => !confidential.appearIn(key) && !confidential.appearIn(value));
}
