import type { Deadline } from '../lib/time.js';

/** How soon to try again after Huawei Cloud refused the gateway's credentials, in seconds. */
export const RETRY_AFTER_AUTH_FAILED_SECONDS = 60;

/** What went wrong; callers decide on this and nothing else. */
export type DliErrorCode =
  | 'NAME_TAKEN'
  | 'REJECTED'
  | 'THROTTLED'
  | 'UNAVAILABLE'
  | 'AUTH_FAILED'
  | 'AUTH_UNAVAILABLE'
  | 'OUTCOME_UNKNOWN';

/** Why the outcome of a create is not known. */
export type UnknownReason =
  | 'TIMEOUT_AFTER_SEND'
  | 'CONNECTION_LOST'
  | 'UPSTREAM_ERROR'
  | 'UNREADABLE_RESPONSE'
  | 'UNEXPECTED_REDIRECT';

/** What is known beside the code. */
export interface DliErrorDetails {
  /** The error code of DLI or of its API gateway, such as DLI.0001. */
  upstreamCode?: string | undefined;
  /** The id under which Huawei's support finds the request. */
  requestId?: string | undefined;
  /** Whole seconds after which the same call may succeed. */
  retryAfterSeconds?: number | undefined;
  unknownReason?: UnknownReason;
  isDoubtful?: boolean;
}

/**
 * A DLI operation did not succeed. Every code but OUTCOME_UNKNOWN is a proof that nothing was created, unless it
 * is doubtful: then the list of connections decides.
 *
 * Deliberately without a cause: errors of the HTTP library print tokens and bodies.
 */
export class DliError extends Error {
  override readonly name = 'DliError';
  readonly code: DliErrorCode;
  readonly upstreamCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly unknownReason: UnknownReason | undefined;
  /**
   * With REJECTED and NAME_TAKEN: an earlier part of the same call may have created the connection all the same.
   * With AUTH_FAILED of a call without a body: the answer is none of those that prove that nothing was done.
   */
  readonly isDoubtful: boolean;

  constructor(code: DliErrorCode, details: DliErrorDetails = {}) {
    super(`DLI: ${code}`);
    this.code = code;
    this.upstreamCode = details.upstreamCode;
    this.requestId = details.requestId;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.unknownReason = details.unknownReason;
    this.isDoubtful = details.isDoubtful ?? false;
  }
}

/** The end of one call to DLI, by an allow-list of what a log may hold. */
export interface DliCallRecord {
  traceId: string;
  operation: 'authenticate' | 'createConnection' | 'getConnection' | 'listConnections' | 'deleteConnection';
  outcome: string;
  durationMs: number;
  status?: number | undefined;
  upstreamCode?: string | undefined;
  requestId?: string | undefined;
  /** Whether request bytes may have left this process. */
  mayHaveBeenSent: boolean;
  /** Error code of the system, such as ECONNRESET. */
  causeCode?: string | undefined;
  /** Our own words about what is wrong. */
  detail?: string | undefined;
}

/** A limit that begins or ends to hold for all calls. */
interface DliLimitRecord {
  operation: 'authenticate' | 'createConnection';
  outcome: 'BREAKER_OPENED' | 'BREAKER_CLOSED' | 'CREDENTIAL_STOPPED';
  /** How long it held, when it ends. */
  durationMs?: number;
  /** How long it will hold, when that is known. */
  retryAfterSeconds?: number;
  causeCode?: string | undefined;
  detail?: string | undefined;
}

/** Where the data source reports its calls. */
export interface DliLog {
  info(record: DliCallRecord, message: string): void;
  warn(record: DliCallRecord | DliLimitRecord, message: string): void;
}

/** What belongs to one operation of a caller, through all calls to DLI that it needs. */
export interface OperationContext {
  /** Covers every call and every wait of the operation. */
  deadline: Deadline;
  /** Joins the log lines of the operation: 32 lower-case hex digits. */
  traceId: string;
  /** Whether a call that failed may be sent once more, where that is safe; default: yes. */
  mayRepeat?: (() => boolean) | undefined;
}
