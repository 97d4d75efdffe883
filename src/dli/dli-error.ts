import type { TransportFailure } from '../huawei-cloud/transport-error.js';
import type { UpstreamOperations } from '../huawei-cloud/upstream-log.js';
import type { TraceContext } from '../lib/logger.js';
import type { Deadline } from '../lib/time.js';

/** How soon to try again after Huawei Cloud refused the gateway's credentials, in seconds. */
export const RETRY_AFTER_AUTH_FAILED_SECONDS = 60;

/** The codes of {@link DliError}. */
export const DLI_ERROR_CODES = ['REJECTED', 'THROTTLED', 'UNAVAILABLE', 'AUTH_FAILED', 'AUTH_UNAVAILABLE'] as const;

/** The kind of a failure. Code branches on it, never on the message. */
export type DliErrorCode = (typeof DLI_ERROR_CODES)[number];

/** Why an outcome is unknown; callers see it as `OutcomeUnknownReason`. */
// Stored: do not rename.
export type UnknownReason =
  | 'TIMEOUT_AFTER_SEND'
  | 'CONNECTION_LOST'
  | 'UPSTREAM_ERROR'
  | 'UNREADABLE_RESPONSE'
  | 'UNEXPECTED_REDIRECT';

/** Why the outcome of a request that may have been sent is unknown, by what went wrong. */
export function unknownReasonOfFailure(failure: TransportFailure): UnknownReason {
  return REASON_OF_FAILURE[failure];
}

const REASON_OF_FAILURE: Readonly<Record<TransportFailure, UnknownReason>> = {
  TIMEOUT: 'TIMEOUT_AFTER_SEND',
  CONNECTION_LOST: 'CONNECTION_LOST',
  TOO_LARGE: 'UNREADABLE_RESPONSE',
  UNREADABLE: 'UNREADABLE_RESPONSE',
  // Never reached: these fail before a byte is sent. Listed so that a new failure needs a reason to compile.
  UNREACHABLE: 'CONNECTION_LOST',
  CONNECT_TIMEOUT: 'CONNECTION_LOST',
  TLS: 'CONNECTION_LOST',
  PROXY_REFUSED: 'CONNECTION_LOST',
  PROXY_FAILED: 'CONNECTION_LOST',
  BREAKER_OPEN: 'CONNECTION_LOST',
  OVERLOADED: 'CONNECTION_LOST',
};

/** Why a response that proves nothing leaves the outcome unknown, by its status. */
export function unknownReasonOfStatus(status: number): UnknownReason {
  if (status < 300) return 'UNREADABLE_RESPONSE';
  return status < 400 ? 'UNEXPECTED_REDIRECT' : 'UPSTREAM_ERROR';
}

/** Why a call failed; not by itself proof that nothing was done. */
export type FailureCode = DliErrorCode | 'NAME_TAKEN';

/** The details of a failed call. */
export interface FailureDetails {
  /** The error code of DLI or of its API gateway, such as DLI.0001. */
  upstreamCode?: string | undefined;
  /** Huawei Cloud's request id, for its support. */
  requestId?: string | undefined;
  /** Whole seconds after which the same call may succeed. */
  retryAfterSeconds?: number | undefined;
  /** DLI's own words, which may be shown. */
  upstreamMessage?: string | undefined;
}

/** The result of a failed call; not by itself proof that nothing was done, see `unconfirmed` results. */
export interface FailedResult extends FailureDetails {
  kind: 'failed';
  code: FailureCode;
}

/** Creates a {@link FailedResult}. */
export function failedResult<C extends FailureCode>(
  code: C,
  { upstreamCode, requestId, retryAfterSeconds, upstreamMessage }: FailureDetails,
): FailedResult & { code: C } {
  return { kind: 'failed', code, upstreamCode, requestId, retryAfterSeconds, upstreamMessage };
}

/** Codes of DLI for operations that it does not support in a region. */
export const UNSUPPORTED_CODES: readonly string[] = ['DLI.0007', 'DLI.10003'];

/** Codes of API Gateway for paths that it does not know. */
export const UNKNOWN_PATH_CODES: readonly string[] = ['APIG.0101', 'APIGW.0101'];

/** All codes for operations that are not offered in a region. */
export const NOT_OFFERED_CODES: readonly string[] = [...UNSUPPORTED_CODES, ...UNKNOWN_PATH_CODES];

/**
 * A failed read, delete, bind or unbind that did nothing, unless `isUnconfirmed`.
 *
 * Deliberately without a cause: errors of the HTTP library print tokens and bodies.
 */
export class DliError extends Error implements FailureDetails {
  override readonly name = 'DliError';
  readonly upstreamCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly upstreamMessage: string | undefined;
  /** HTTP status of the response, if there was one. */
  readonly status: number | undefined;
  /** AUTH_FAILED of a delete, bind or unbind: the response does not prove that nothing was done. */
  readonly isUnconfirmed: boolean;
  /** Whether DLI does not offer the operation in this region. */
  readonly isNotOffered: boolean;

  constructor(
    readonly code: DliErrorCode,
    details: FailureDetails & { status?: number; isUnconfirmed?: boolean; isNotOffered?: boolean } = {},
  ) {
    super(`DLI: ${code}`);
    this.upstreamCode = details.upstreamCode;
    this.requestId = details.requestId;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.upstreamMessage = details.upstreamMessage;
    this.status = details.status;
    this.isUnconfirmed = details.isUnconfirmed ?? false;
    this.isNotOffered = details.isNotOffered ?? false;
  }
}

/** A delete, bind or unbind that may have been executed. */
export class UnknownOutcomeError extends Error {
  override readonly name = 'UnknownOutcomeError';
  // Logged: do not rename.
  readonly code = 'OUTCOME_UNKNOWN';
  /** Huawei Cloud's request id, for its support. */
  readonly requestId: string | undefined;
  /** Whole seconds after which a repeat may reveal the outcome. */
  readonly retryAfterSeconds: number;

  constructor(
    readonly reason: UnknownReason,
    { requestId, retryAfterSeconds }: { requestId?: string | undefined; retryAfterSeconds: number },
  ) {
    super('DLI: OUTCOME_UNKNOWN');
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The logged names of creates, which must not be sent twice. */
// Logged: do not rename.
export type CreateOperation = 'createConnection' | 'createEnhancedConnection';

/** The logged names of the operations that {@link RepeatableRequests} sends. */
export type RepeatableOperation = Exclude<UpstreamOperations['dli'], CreateOperation>;

/** Log record of a sign-in that failed. */
// Logged: do not rename.
interface SignInRecord extends TraceContext {
  operation: 'authenticate';
  outcome: DliErrorCode;
  /** How long the operation waited for the sign-in. */
  durationMs: number;
  mayHaveBeenSent: false;
  /** The gateway's own description of the problem. */
  detail: string;
}

interface DliBreakerRecord {
  operation: 'createConnection';
  outcome: 'BREAKER_OPENED' | 'BREAKER_CLOSED';
  durationMs?: number;
  causeCode?: string | undefined;
  detail?: string | undefined;
}

/** How a response that was read differs from the documentation. */
// Logged: do not rename.
export type DecodingOutcome = 'LEFT_OUT' | 'ODD_FIELDS';

/** Log record of a response that is not as documented, or of the number of such responses that were not logged. */
interface UndocumentedRecord extends Partial<TraceContext> {
  operation: RepeatableOperation;
  outcome: DecodingOutcome;
  /** The first fields, and the kinds of their values. */
  detail?: string | undefined;
  /** Number of connections that were left out, of fields that were not as documented, or of responses. */
  count: number;
}

/** Log record of a bug of the gateway that leaves the outcome of a create unknown. */
interface DliBugRecord extends TraceContext {
  operation: CreateOperation;
  errorName: string;
  frames: string[];
}

/** The part of the logger that the clients of DLI use for everything other than their calls. */
export interface DliLog {
  error(record: DliBugRecord, message: string): void;
  warn(record: SignInRecord | DliBreakerRecord | UndocumentedRecord, message: string): void;
}

/** Context of one caller's operation, shared by all its calls to DLI. */
export interface OperationContext {
  /** Limits every call and every wait of the operation. */
  deadline: Deadline;
  /** Correlates the log lines of the operation. */
  trace: TraceContext;
  /** Whether a failed repeatable request may be retried. Default: true. */
  mayRetry?: (() => boolean) | undefined;
  /** Called when the operation makes no more calls of its own and only waits for a shared one. */
  onSharedWait?: (() => void) | undefined;
}
