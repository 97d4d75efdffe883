import type { DliError, DliErrorCode } from '../dli/dli-error.js';
import type { OperationRecord, UnknownRecord } from '../operation-store/operation-record.js';

/** Every error code that proves that nothing was done. */
export type DefiniteCode = Exclude<DliErrorCode, 'OUTCOME_UNKNOWN'>;

/** The call did nothing. */
export interface FailedOutcome {
  kind: 'failed';
  code: DefiniteCode;
  upstreamCode?: string;
  requestId?: string;
  retryAfterSeconds?: number;
}

/** The result of a create, before it becomes a GraphQL payload. */
export type CreateOutcome =
  | { kind: 'created'; connectionId: string; message: string | null; isReconciled: boolean }
  | FailedOutcome
  | {
      kind: 'unknown';
      reason: UnknownRecord['unknownReason'];
      requestId: string | null;
      retryAfterSeconds: number;
    }
  /** The idempotency key belongs to a create with another input. */
  | { kind: 'keyReused' }
  /** Another create of the same key or name is running or undecided. */
  | { kind: 'inProgress'; retryAfterSeconds: number }
  | typeof STORE_UNAVAILABLE;

/** Nothing was sent, because it could not be recorded. */
export const STORE_UNAVAILABLE = { kind: 'storeUnavailable', retryAfterSeconds: 1 } as const;

/** The outcome of a call that failed with a definite code. */
export function failedOutcome(
  code: DefiniteCode,
  {
    upstreamCode,
    requestId,
    retryAfterSeconds,
  }: Pick<DliError, 'upstreamCode' | 'requestId' | 'retryAfterSeconds'>,
): FailedOutcome {
  return {
    kind: 'failed',
    code,
    ...(upstreamCode !== undefined && { upstreamCode }),
    ...(requestId !== undefined && { requestId }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
}

/**
 * The outcome that a record replays to every repeat of its call.
 *
 * @param retryAfterSeconds used only for an undecided record
 */
export function recordedOutcome(record: OperationRecord, retryAfterSeconds: number): CreateOutcome {
  switch (record.state) {
    case 'SUCCEEDED': {
      const { connectionId, message, isReconciled } = record;
      return { kind: 'created', connectionId, message, isReconciled };
    }
    case 'REJECTED': {
      const { code, upstreamCode, requestId } = record.rejection;
      return failedOutcome(code, {
        upstreamCode: upstreamCode ?? undefined,
        requestId: requestId ?? undefined,
        retryAfterSeconds: undefined,
      });
    }
    case 'SENDING':
      return { kind: 'unknown', reason: 'GATEWAY_RESTART', requestId: null, retryAfterSeconds };
    case 'UNKNOWN': {
      const { unknownReason: reason, requestId = null } = record;
      return { kind: 'unknown', reason, requestId, retryAfterSeconds };
    }
  }
}
