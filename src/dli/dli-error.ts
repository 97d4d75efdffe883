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
