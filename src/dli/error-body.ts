import { z } from 'zod';
import { isObject, parseJson } from '../lib/json.js';
import { shownMessage } from './sanitize.js';

/** What an error response says. */
export interface ErrorBody {
  /** The code of DLI or its API gateway, to decide on. Undefined when the body is not an unambiguous error of theirs. */
  code: string | undefined;
  /** The code of any component of Huawei Cloud, for logs only. */
  loggedCode: string | undefined;
  /** The component's own words, if they may be shown. */
  reason: string | undefined;
}

const PROVEN_CODE = /^(?:DLI|APIGW?)\.\d{4,5}$/;
const MAX_CODE_LENGTH = 64;
// Control, format, private-use and unassigned characters, lone surrogates, and line separators.
const UNPRINTABLE = /[\p{C}\u2028\u2029]/gu;
const CODE = /^[\p{L}\p{N}][\p{L}\p{N}._:-]*/u;
// May be a key, a token or an id.
const LONG_RUN = /(?=\p{L}*\p{N})[\p{L}\p{N}]{13,}/gu;
// Such as an address or an id.
const ADDRESS_OR_ID = /\d{1,3}(?:\.\d{1,3}){3}|[\da-f]{8}(?:-[\da-f]{4}){3}/i;
// Every string and brace of a JSON text. A key is followed by a colon.
const STRINGS_AND_BRACES = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]/g;

const provenError = z.object({
  error_code: z.string().regex(PROVEN_CODE),
  connection_id: z.never().optional(),
  is_success: z.literal(false).optional(),
});

/** Reads the body of a response that is no usable success. A 2xx gives a reason only if it reports a failure. */
export function readErrorBody(status: number, text: string): ErrorBody {
  const body = parseJson(text);
  if (!isObject(body)) return { code: undefined, loggedCode: undefined, reason: undefined };
  const code = provenError.safeParse(body).data?.error_code;
  // IAM nests its errors.
  const error = isObject(body['error']) ? body['error'] : body;
  return {
    code: code !== undefined && !repeatsKey(text) ? code : undefined,
    loggedCode: printableCode(error['error_code'] ?? error['code']),
    reason:
      status >= 400 || body['is_success'] === false ? readReason(error['error_msg'] ?? error['message']) : undefined,
  };
}

/** Whether an error response also says that there is a connection, or can be read in two ways. */
export function contradictsItself(text: string): boolean {
  const body = parseJson(text);
  if (!isObject(body)) return false;
  const { connection_id: id, is_success: isSuccess = false } = body;
  return id !== undefined || isSuccess !== false || repeatsKey(text);
}

/** Whether an object of a valid JSON text has a key twice: JSON.parse keeps the last, which DLI may not have meant. */
export function repeatsKey(text: string): boolean {
  /** The keys of each object that is open, the innermost last. */
  const open: Set<unknown>[] = [];
  for (const [token, string, colon] of text.matchAll(STRINGS_AND_BRACES)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (string !== undefined && colon !== undefined) {
      const keys = open.at(-1);
      const key: unknown = JSON.parse(string);
      if (keys?.has(key)) return true;
      keys?.add(key);
    }
  }
  return false;
}

function printableCode(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  // Cut first, which bounds the work.
  const printable = String(value)
    .slice(0, 4 * MAX_CODE_LENGTH)
    .replace(UNPRINTABLE, '');
  const [code] = CODE.exec(printable) ?? [];
  if (code === undefined || ADDRESS_OR_ID.test(code)) return undefined;
  return code.slice(0, MAX_CODE_LENGTH).replace(LONG_RUN, run => `${run.slice(0, 4)}…`);
}

function readReason(value: unknown): string | undefined {
  return typeof value === 'string' ? (shownMessage(value) ?? undefined) : undefined;
}
