import type { CredentialVerdict } from '../huawei-cloud/authentication.js';
import type { UpstreamAnswer } from '../huawei-cloud/transport.js';
import type { TransportFailure } from '../huawei-cloud/transport-error.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { CreateVerdict } from './create-answer.js';
import { readCreateAnswer } from './create-answer.js';
import type { UnknownReason } from './dli-error.js';
import { DliError } from './dli-error.js';
import type { DliCallRecord } from './dli-log.js';
import { requestIdOf } from './request-id.js';
import { retryAfterSeconds } from './retry-after.js';

const RETRY_AFTER_UNREACHABLE_SECONDS = 5;
/** Of what passes sooner: a slot becomes free, and the breaker lets one probe through every second. */
const RETRY_AFTER_SECONDS_OF: ReadonlyMap<TransportFailure, number> = new Map([
  ['OVERLOADED', 1],
  ['BREAKER_OPEN', 1],
]);
const RETRY_AFTER_AUTH_FAILED_SECONDS = 60;

/** What one request to create a connection came to, and what is worth a line in the log. */
export interface CreateAttempt {
  /** `notSent`: proven that no byte of the request left this process. */
  verdict: CreateVerdict | { kind: 'notSent' };
  status?: number;
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
  causeCode?: string | undefined;
  /** Why no answer came. */
  failure?: TransportFailure;
  /** Whether a fresh authentication may fare better. */
  mayReauthenticate?: boolean;
  /** Whether another request went before, which DLI says it did not execute. */
  isResent?: boolean;
  detail?: string;
}

/** The attempt that a complete answer ended. */
export function answeredAttempt(
  answer: UpstreamAnswer,
  projectId: string,
  nowEpochMs: number,
): CreateAttempt {
  return {
    verdict: readCreateAnswer(answer.status, answer.text),
    status: answer.status,
    requestId: requestIdOf(answer.header('x-request-id'), projectId),
    retryAfterSeconds: retryAfterSeconds(answer.header('retry-after'), nowEpochMs),
  };
}

/** The attempt that an error ended; an error that is not understood proves nothing. */
export function failedAttempt(error: unknown): CreateAttempt {
  if (!(error instanceof TransportError)) {
    return {
      verdict: unknown('UNREADABLE_RESPONSE'),
      detail: error instanceof Error ? error.name : 'unknown error',
    };
  }
  const { failure, causeCode } = error;
  if (!error.mayHaveBeenSent) {
    const retryAfter = RETRY_AFTER_SECONDS_OF.get(failure) ?? RETRY_AFTER_UNREACHABLE_SECONDS;
    return {
      verdict: { kind: 'notSent' },
      retryAfterSeconds: retryAfter,
      failure,
      detail: failure,
      causeCode,
    };
  }
  const reason =
    failure === 'TIMEOUT' ? 'TIMEOUT_AFTER_SEND' : failure === 'CONNECTION_LOST' ? failure : undefined;
  return { verdict: unknown(reason ?? 'UNREADABLE_RESPONSE'), failure, detail: failure, causeCode };
}

/** Whether DLI refused the request for its token or signature. */
export function wasRefusedForAuthentication({ verdict }: CreateAttempt): boolean {
  return verdict.kind === 'refused' && verdict.refusal === 'AUTH';
}

/** What an attempt says about the credential; only an answer of DLI itself shows that API Gateway let it pass. */
export function credentialVerdict(attempt: CreateAttempt): CredentialVerdict {
  // A 401 of unknown form leaves the outcome open, but it may well count towards the lock of the credential.
  if (attempt.status === 401 || wasRefusedForAuthentication(attempt)) return 'REFUSED';
  const { verdict } = attempt;
  if (verdict.kind === 'created' || verdict.kind === 'unsuccessful') return 'ACCEPTED';
  const upstreamCode = 'upstreamCode' in verdict ? verdict.upstreamCode : undefined;
  return upstreamCode?.startsWith('DLI.') === true ? 'ACCEPTED' : 'UNPROVEN';
}

/** The error that tells of an attempt which created nothing, or may have. */
export function toDliError(attempt: CreateAttempt): DliError {
  const { verdict, requestId, retryAfterSeconds: retryAfter, isResent = false } = attempt;
  switch (verdict.kind) {
    case 'notSent':
      return new DliError('UNAVAILABLE', { retryAfterSeconds: retryAfter });
    case 'refused': {
      const code = verdict.refusal === 'AUTH' ? 'AUTH_FAILED' : verdict.refusal;
      const wait = code === 'AUTH_FAILED' ? RETRY_AFTER_AUTH_FAILED_SECONDS : retryAfter;
      // The name may have been taken by the request before.
      const isDoubtful = isResent && code === 'NAME_TAKEN';
      const { upstreamCode } = verdict;
      return new DliError(code, { requestId, upstreamCode, retryAfterSeconds: wait, isDoubtful });
    }
    case 'unknown': {
      const { reason: unknownReason, upstreamCode } = verdict;
      return new DliError('OUTCOME_UNKNOWN', { requestId, upstreamCode, unknownReason });
    }
    case 'unsuccessful':
      return new DliError('REJECTED', { requestId, unknownReason: 'UNREADABLE_RESPONSE', isDoubtful: true });
    case 'created':
      throw new TypeError('A success is no error.');
  }
}

/** The log record of an attempt. */
export function recordOf(attempt: CreateAttempt, traceId: string, durationMs: number): DliCallRecord {
  const { verdict, status, requestId, causeCode, detail } = attempt;
  return {
    traceId,
    operation: 'createConnection',
    outcome: outcomeOf(verdict),
    durationMs: Math.round(durationMs),
    mayHaveBeenSent: verdict.kind !== 'notSent',
    status,
    upstreamCode: 'upstreamCode' in verdict ? verdict.upstreamCode : undefined,
    requestId,
    causeCode,
    detail,
  };
}

function outcomeOf(verdict: CreateAttempt['verdict']): string {
  if (verdict.kind === 'refused') return verdict.refusal;
  return verdict.kind === 'unknown' ? verdict.reason : verdict.kind;
}

function unknown(reason: UnknownReason): CreateVerdict {
  return { kind: 'unknown', reason, upstreamCode: undefined };
}
