import { z } from 'zod';
import { isConnectionId } from './connection-id.js';
import type { Refusal } from './definite-refusals.js';
import { definiteRefusal } from './definite-refusals.js';
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
export function readCreateAnswer(status: number, text: string): CreateVerdict {
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
