import type { CredentialVerdict } from '../huawei-cloud/authenticator.js';
import type { UpstreamResponse } from '../huawei-cloud/response-collector.js';
import type { TransportFailure } from '../huawei-cloud/transport-error.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { CallDetails, UpstreamCall } from '../huawei-cloud/upstream-log.js';
import type { TraceContext } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import type { CreateVerdict } from './classify-create.js';
import { classifyCreate, provesCredential, refusesCredential } from './classify-create.js';
import type { CreateOperation, FailedResult, UnknownReason } from './dli-error.js';
import { failedResult, RETRY_AFTER_AUTH_FAILED_SECONDS, unknownReasonOfFailure } from './dli-error.js';
import type { ConfidentialTexts, ErrorBody } from './sanitize.js';
import { readErrorBody, readRetryAfterSeconds, requestIdOf, shownMessage } from './sanitize.js';

/** The proven result of a create. */
export type CreateResult =
  /** `message`: DLI's hint. */
  | { kind: 'created'; connectionId: string; message: string | null }
  /** Nothing was created. */
  | FailedResult
  /** A request may have created the connection: the refusal stands unless DLI's list shows it. */
  | { kind: 'unconfirmed'; reason: UnknownReason; refusal: Refused | Forbidden }
  /** The connection may have been created. */
  | { kind: 'unknown'; reason: UnknownReason; requestId?: string | undefined };

/** The results of kind `K`. */
export type ResultOf<K extends CreateResult['kind']> = Extract<CreateResult, { kind: K }>;

/** A refusal that any repeat would get again. */
export type Refused = FailedResult & { code: 'NAME_TAKEN' | 'REJECTED' };

/** A refusal of the gateway's rights, which lasts until its operators act. */
export type Forbidden = FailedResult & { code: 'AUTH_FAILED' };

/** The result of one POST, with what the log and the retry policy need. */
export interface CreateAttempt {
  /** `notSent`: proven that no byte of the request left this process. */
  verdict: CreateVerdict | { kind: 'notSent' };
  callDetails: Omit<CallDetails, 'outcome' | 'mayHaveBeenSent'>;
  retryAfterSeconds?: number | undefined;
  /** Why there was no response. */
  failure?: TransportFailure;
  /** Whether a new token may be accepted. */
  mayReauthenticate?: boolean;
}

const RETRY_AFTER_UNREACHABLE_SECONDS = 5;
/** Shorter waits, because a connection soon becomes free, and the breaker lets one probe through every second. */
const RETRY_AFTER_SECONDS: ReadonlyMap<TransportFailure, number> = new Map([
  ['OVERLOADED', 1],
  ['BREAKER_OPEN', 1],
]);

/** The attempt that ended with a response. */
export function completeAttempt(
  response: UpstreamResponse,
  projectId: string,
  clock: Clock,
  confidential: ConfidentialTexts,
): CreateAttempt {
  const { status, text } = response;
  const classified = classifyCreate(status, text);
  const isCreated = classified.kind === 'created';
  const verdict = isCreated ? { ...classified, message: shownMessage(classified.message, confidential) } : classified;
  const error: Partial<ErrorBody> = isCreated ? {} : readErrorBody(status, text, confidential);
  const upstreamRequestId = requestIdOf(response.header('x-request-id'), projectId);
  return {
    verdict,
    callDetails: { status, upstreamCode: error.loggedCode, upstreamMessage: error.upstreamMessage, upstreamRequestId },
    retryAfterSeconds: readRetryAfterSeconds(response.header('retry-after'), clock),
  };
}

/** The attempt that ended without a response. */
export function failedAttempt(error: unknown): CreateAttempt {
  if (!(error instanceof TransportError)) {
    // An error of unknown origin proves nothing.
    const detail = error instanceof Error ? error.name : 'unknown error';
    return { verdict: { kind: 'unknown', reason: 'UNREADABLE_RESPONSE' }, callDetails: { detail } };
  }
  const { failure, causeCode } = error;
  const details = { failure, callDetails: { errorType: failure, causeCode } };
  if (!error.mayHaveBeenSent) {
    const wait = RETRY_AFTER_SECONDS.get(failure) ?? RETRY_AFTER_UNREACHABLE_SECONDS;
    return { verdict: { kind: 'notSent' }, retryAfterSeconds: wait, ...details };
  }
  return { verdict: { kind: 'unknown', reason: unknownReasonOfFailure(failure) }, ...details };
}

/** Whether the credential was refused, so that a new one may be accepted. */
export function isAuthRefusal({ verdict }: CreateAttempt): boolean {
  return verdict.kind === 'refused' && verdict.refusal === 'AUTH';
}

/** The verdict of an attempt on its credential. */
export function credentialVerdict(attempt: CreateAttempt): CredentialVerdict {
  const { verdict } = attempt;
  if (verdict.kind === 'created' || verdict.kind === 'unsuccessful') return 'ACCEPTED';
  const refusal = verdict.kind === 'refused' ? verdict.refusal : undefined;
  if (refusesCredential(attempt.callDetails.status, refusal)) return 'REFUSED';
  const upstreamCode = 'upstreamCode' in verdict ? verdict.upstreamCode : undefined;
  return upstreamCode !== undefined && provesCredential(upstreamCode) ? 'ACCEPTED' : 'UNPROVEN';
}

/**
 * The result of a create whose last attempt this was.
 *
 * @param isResent whether DLI refused an earlier request of the same create
 */
export function toResult(attempt: CreateAttempt, isResent = false): CreateResult {
  const { verdict } = attempt;
  const { upstreamRequestId: requestId, upstreamMessage } = attempt.callDetails;
  switch (verdict.kind) {
    case 'created':
      return { kind: 'created', connectionId: verdict.connectionId, message: verdict.message };
    case 'notSent':
      return toUnavailable(attempt);
    case 'refused': {
      const { refusal, upstreamCode } = verdict;
      const isAuthFailure = refusal === 'AUTH' || refusal === 'AUTH_FAILED';
      const wait = isAuthFailure ? RETRY_AFTER_AUTH_FAILED_SECONDS : attempt.retryAfterSeconds;
      const details = { upstreamCode, requestId, retryAfterSeconds: wait, upstreamMessage };
      // The earlier request may have taken the name.
      if (isResent && refusal === 'NAME_TAKEN')
        return { kind: 'unconfirmed', reason: 'UPSTREAM_ERROR', refusal: failedResult(refusal, details) };
      return failedResult(isAuthFailure ? 'AUTH_FAILED' : refusal, details);
    }
    case 'unsuccessful':
      return {
        kind: 'unconfirmed',
        reason: 'UNREADABLE_RESPONSE',
        refusal: failedResult('REJECTED', { requestId, upstreamMessage }),
      };
    case 'forbidden': {
      const { upstreamCode } = verdict;
      const details = { upstreamCode, requestId, retryAfterSeconds: RETRY_AFTER_AUTH_FAILED_SECONDS };
      return { kind: 'unconfirmed', reason: 'UPSTREAM_ERROR', refusal: failedResult('AUTH_FAILED', details) };
    }
    case 'unknown':
      return { kind: 'unknown', reason: verdict.reason, requestId };
  }
}

/** The result of a create that sent nothing. */
export function toUnavailable({ retryAfterSeconds: wait }: CreateAttempt): FailedResult {
  return failedResult('UNAVAILABLE', { retryAfterSeconds: wait });
}

/** The call of an attempt, for the log. */
export function toUpstreamCall(
  operation: CreateOperation,
  { verdict, callDetails }: CreateAttempt,
  trace: TraceContext,
  durationMs: number,
): UpstreamCall {
  return {
    trace,
    target: 'dli',
    operation,
    outcome: loggedOutcome(verdict),
    durationMs,
    mayHaveBeenSent: verdict.kind !== 'notSent',
    ...callDetails,
  };
}

function loggedOutcome(verdict: CreateAttempt['verdict']): string {
  if (verdict.kind === 'refused') return verdict.refusal;
  return verdict.kind === 'unknown' ? verdict.reason : verdict.kind;
}
