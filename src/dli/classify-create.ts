import { z } from 'zod';
import { parseJson } from '../lib/json.js';
import { isConnectionId } from './connection.js';
import type { UnknownReason } from './dli-error.js';

/**
 * What an answer to a create proves.
 *
 * `unsuccessful` is a 2xx that says it failed and names no connection: the list of connections decides.
 */
export type CreateVerdict =
  | { kind: 'created'; connectionId: string; message: string }
  | { kind: 'refused'; refusal: Refusal; upstreamCode: string | undefined }
  | { kind: 'unsuccessful' }
  | { kind: 'unknown'; reason: UnknownReason; upstreamCode: string | undefined };

// Every string of a valid JSON text; a key is one that a colon follows.
const STRINGS = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?/g;
const ERROR_CODE = /^(?:DLI|APIGW?)\.\d{4,5}$/;

// DLI documents every field as optional, and a missing `is_success` as true.
const createBody = z.object({
  is_success: z.boolean().default(true),
  message: z.string().nullish(),
  connection_id: z.string().nullish(),
  // Success and error do not mix; an answer that is both is neither.
  error_code: z.never().optional(),
});
const errorBody = z.object({
  error_code: z.string().regex(ERROR_CODE),
  connection_id: z.never().optional(),
  is_success: z.literal(false).optional(),
});

/**
 * Reads DLI's answer to `POST /v2.0/{project_id}/datasource-connection`.
 *
 * Only an id proves a yes and only a listed pair of status and code proves a no.
 */
export function classifyCreate(status: number, text: string): CreateVerdict {
  if (status >= 200 && status < 300) return readSuccess(status, text);
  if (status >= 300 && status < 400) {
    return { kind: 'unknown', reason: 'UNEXPECTED_REDIRECT', upstreamCode: undefined };
  }
  const upstreamCode = readErrorCode(text);
  // A limiter in front of DLI may refuse without a word.
  const isBareThrottle = status === 429 && text === '';
  const refusal = isBareThrottle ? 'THROTTLED' : definiteRefusal(status, upstreamCode);
  if (refusal !== undefined) return { kind: 'refused', refusal, upstreamCode };
  return { kind: 'unknown', reason: 'UPSTREAM_ERROR', upstreamCode };
}

/** The error code of an error answer by DLI or its API gateway; undefined when there is none to read. */
function readErrorCode(text: string): string | undefined {
  const code = errorBody.safeParse(parseJson(text)).data?.error_code;
  return code !== undefined && !repeatsKey(text) ? code : undefined;
}

function readSuccess(status: number, text: string): CreateVerdict {
  const body = createBody.safeParse(parseJson(text)).data;
  const unreadable: CreateVerdict = {
    kind: 'unknown',
    reason: 'UNREADABLE_RESPONSE',
    upstreamCode: undefined,
  };
  if (status === 204 || body === undefined || repeatsKey(text)) return unreadable;
  const connectionId = body.connection_id;
  if (!body.is_success) return connectionId ? unreadable : { kind: 'unsuccessful' };
  if (!connectionId || !isConnectionId(connectionId)) return unreadable;
  return { kind: 'created', connectionId, message: body.message ?? '' };
}

// JSON.parse silently keeps the last of two equal keys; which one DLI meant cannot be known.
function repeatsKey(text: string): boolean {
  const keys = [...text.matchAll(STRINGS)].flatMap(([, string = '', colon]) =>
    colon ? [parseJson(string)] : [],
  );
  return new Set(keys).size < keys.length;
}

/**
 * What a refusal means for the create that met it.
 *
 * AUTH: our credential was refused, a fresh one may pass. The others are the codes of DliError.
 */
export type Refusal = 'AUTH' | 'AUTH_FAILED' | 'NAME_TAKEN' | 'REJECTED' | 'THROTTLED' | 'UNAVAILABLE';

/**
 * The pairs of HTTP status and error code that we take for proof that a request was not executed: they tell of
 * checks that come before any work. That is our reading of the tables; DLI.0009 and DLI.0012 are its least certain.
 *
 * Status and code must both match. Whatever is not listed proves nothing, and that includes the
 * server-side errors that DLI sends with status 400: DLI.0999, DLI.0019 and DLI.10001.
 * `GATEWAY.` stands for both spellings of API Gateway's codes, `APIG.` and `APIGW.`.
 * Source: the error code tables of DLI and of API Gateway.
 */
const DEFINITE_REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  ['401 DLI.0013', 'AUTH'],
  ['401 DLI.0014', 'AUTH'],
  ['401 GATEWAY.0301', 'AUTH'],
  ['401 GATEWAY.0303', 'AUTH'],
  ['401 GATEWAY.0305', 'AUTH'],
  ['401 GATEWAY.0307', 'AUTH'],
  ['400 DLI.0015', 'AUTH'],
  ['400 DLI.0016', 'REJECTED'],
  ['403 GATEWAY.0302', 'AUTH_FAILED'],
  ['403 GATEWAY.0304', 'AUTH_FAILED'],
  ['403 GATEWAY.0306', 'AUTH_FAILED'],
  ['403 GATEWAY.0310', 'AUTH_FAILED'],
  ['403 GATEWAY.0402', 'AUTH_FAILED'],
  ['403 GATEWAY.0802', 'AUTH_FAILED'],
  ['503 GATEWAY.0613', 'UNAVAILABLE'],
  ['429 GATEWAY.0308', 'THROTTLED'],
  ['400 DLI.0006', 'NAME_TAKEN'],
  ['400 DLI.0001', 'REJECTED'],
  ['400 DLI.0002', 'REJECTED'],
  ['400 DLI.0007', 'REJECTED'],
  ['400 DLI.0009', 'REJECTED'],
  ['400 DLI.0012', 'REJECTED'],
  ['400 DLI.1028', 'REJECTED'],
  ['400 DLI.10003', 'REJECTED'],
  ['400 GATEWAY.0106', 'REJECTED'],
  ['400 GATEWAY.0602', 'REJECTED'],
  ['404 GATEWAY.0101', 'REJECTED'],
  ['413 GATEWAY.0201', 'REJECTED'],
  ['414 GATEWAY.0201', 'REJECTED'],
  ['494 GATEWAY.0201', 'REJECTED'],
]);

/** What a status and error code prove; undefined when they prove nothing. */
export function definiteRefusal(status: number, upstreamCode: string | undefined): Refusal | undefined {
  const code = upstreamCode?.replace(/^APIGW?\./, 'GATEWAY.') ?? '-';
  return DEFINITE_REFUSALS.get(`${status} ${code}`);
}
