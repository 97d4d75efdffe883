import { z } from 'zod';
import { isObject, parseJson, repeatsKey } from '../lib/json.js';
import { CONNECTION_ID } from './connection.js';
import type { FailureCode, UnknownReason } from './dli-error.js';
import { unknownReasonOfStatus } from './dli-error.js';
import { readErrorCode } from './sanitize.js';

/**
 * The verdict of a response to a create.
 *
 * The list of connections decides after `unsuccessful`, a 2xx that reports a failure without a connection, and after
 * `forbidden`, a 403 that is not listed as a refusal.
 */
export type CreateVerdict =
  /** `message`: DLI's hint. */
  | { kind: 'created'; connectionId: string; message: string | null }
  | { kind: 'refused'; refusal: Refusal; upstreamCode: string | undefined }
  | { kind: 'unsuccessful' }
  | { kind: 'forbidden'; upstreamCode: string | undefined }
  | { kind: 'unknown'; reason: UnknownReason; upstreamCode?: string | undefined };

// DLI documents every field as optional, and a missing `is_success` as true.
const createBody = z.object({
  is_success: z.boolean().default(true),
  message: z.string().nullish(),
  connection_id: z.string().nullish(),
  // A body that is both success and error is neither.
  error_code: z.never().optional(),
});

/**
 * Classifies DLI's response to a create: `POST /v2.0/{project_id}/datasource-connection`, or
 * `…/datasource/enhanced-connections` without the names of pools and queues, so that its refusals are as definite.
 *
 * Only an id proves that a connection was created, and only a listed pair of status and code proves the opposite.
 */
export function classifyCreate(status: number, text: string): CreateVerdict {
  if (status >= 200 && status < 300) return classifySuccess(status, text);
  const reason = unknownReasonOfStatus(status);
  if (reason === 'UNEXPECTED_REDIRECT') return { kind: 'unknown', reason };
  const upstreamCode = readErrorCode(text);
  const refusal = provenRefusal(status, text, upstreamCode);
  if (refusal !== undefined) return { kind: 'refused', refusal, upstreamCode };
  if (status === 403 && !SERVER_ERRORS.has(upstreamCode ?? '') && !contradictsItself(text))
    return { kind: 'forbidden', upstreamCode };
  return { kind: 'unknown', reason, upstreamCode };
}

function classifySuccess(status: number, text: string): CreateVerdict {
  const body = createBody.safeParse(parseJson(text)).data;
  const unreadable: CreateVerdict = { kind: 'unknown', reason: 'UNREADABLE_RESPONSE' };
  if (status === 204 || body === undefined || repeatsKey(text)) return unreadable;
  const connectionId = body.connection_id;
  if (!body.is_success) return connectionId ? unreadable : { kind: 'unsuccessful' };
  if (!connectionId || !CONNECTION_ID.test(connectionId)) return unreadable;
  return { kind: 'created', connectionId, message: body.message ?? null };
}

/** Whether an error response also claims that a connection exists, or can be read in two ways. */
function contradictsItself(text: string): boolean {
  const body = parseJson(text);
  if (!isObject(body)) return false;
  const { connection_id: id, is_success: isSuccess = false } = body;
  return id !== undefined || isSuccess !== false || repeatsKey(text);
}

/** The kind of a proven refusal. AUTH: the credential was refused; a new one may be accepted. */
export type Refusal = 'AUTH' | Exclude<FailureCode, 'AUTH_UNAVAILABLE'>;

/**
 * Pairs of HTTP status and error code that prove that a request was not executed, because these checks come before any
 * work. They are our reading of the error code tables of DLI and API Gateway (docs/sources.md); DLI.0009 and DLI.0012
 * are the least certain.
 *
 * Status and code must both match. An unlisted pair proves nothing, which includes the server-side errors that DLI
 * sends with status 400, see {@link SERVER_ERRORS}. `GATEWAY.` stands for both `APIG.` and `APIGW.`.
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

/**
 * The refusal of a POST or DELETE that a response proves, so that nothing was done.
 *
 * @param upstreamCode the error code of the text
 * @returns undefined when the response proves nothing
 */
export function provenRefusal(status: number, text: string, upstreamCode: string | undefined): Refusal | undefined {
  // A rate limiter in front of DLI may send no body.
  if (status === 429 && text === '') return 'THROTTLED';
  const code = upstreamCode?.replace(/^APIGW?\./, 'GATEWAY.') ?? '-';
  return DEFINITE_REFUSALS.get(`${status} ${code}`);
}

/** Whether a response refuses the credential. A 401 of unknown form may count towards the lockout of the credential. */
export function refusesCredential(status: number | undefined, refusal: Refusal | undefined): boolean {
  return status === 401 || refusal === 'AUTH';
}

// From DLI's own checks of the caller, which follow those of API Gateway.
const DLI_AUTH_ERRORS: ReadonlySet<string> = new Set(['DLI.0013', 'DLI.0014', 'DLI.0015']);

/**
 * Whether an error code proves that the credential was accepted: DLI itself, which is reached only through API Gateway,
 * responded and did not refuse it either. API Gateway's own codes prove nothing, because some of its checks come before
 * that of the credential.
 */
export function provesCredential(upstreamCode: string): boolean {
  return upstreamCode.startsWith('DLI.') && !DLI_AUTH_ERRORS.has(upstreamCode);
}

/** Codes of server-side errors, which may come after the work. */
export const SERVER_ERRORS: ReadonlySet<string> = new Set(['DLI.0019', 'DLI.0999', 'DLI.10001']);
