import type { DliError, DliErrorCode } from '../dli/dli-error.js';
import type { OperationRecord } from '../operation-store/operation-record.js';

/** Every code of a failed call that proves that nothing was done. */
export type DefiniteCode = Exclude<DliErrorCode, 'OUTCOME_UNKNOWN'>;

/** Why an outcome is unknown, as records keep it. */
type StoredUnknownReason = NonNullable<OperationRecord['unknownReason']>;

/** DLI or the way to it said no, for certain. */
export interface FailedOutcome {
  kind: 'failed';
  code: DefiniteCode;
  upstreamCode?: string;
  requestId?: string;
  retryAfterSeconds?: number;
}

/** What a caller of a create is told, in the terms of the domain. */
export type CreateOutcome =
  | { kind: 'created'; connectionId: string; message: string | null; isReconciled: boolean }
  | FailedOutcome
  | { kind: 'unknown'; reason: StoredUnknownReason; requestId: string | null; retryAfterSeconds: number }
  | { kind: 'keyReused' }
  /** The same key, or another create of the same name, is still running or undecided. */
  | { kind: 'inProgress'; retryAfterSeconds: number }
  | typeof STORE_UNAVAILABLE;

/** Nothing was sent because it could not be recorded. */
export const STORE_UNAVAILABLE = { kind: 'storeUnavailable', retryAfterSeconds: 1 } as const;

/** The outcome of a call that failed for certain. */
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
 * The story that a record tells to every repeat of its call.
 *
 * @param retryAfterSeconds for a record that is not decided
 */
export function outcomeOf(record: OperationRecord, retryAfterSeconds: number): CreateOutcome {
  const { state, connectionId, message = null, isReconciled = false, rejection, unknownReason } = record;
  if (state === 'SUCCEEDED' && connectionId !== undefined)
    return { kind: 'created', connectionId, message, isReconciled };
  if (state === 'REJECTED' && rejection !== undefined) {
    const { code, upstreamCode, requestId } = rejection;
    return {
      kind: 'failed',
      code,
      ...(upstreamCode !== null && { upstreamCode }),
      ...(requestId !== null && { requestId }),
    };
  }
  const reason = unknownReason ?? 'GATEWAY_RESTART';
  return { kind: 'unknown', reason, requestId: record.requestId ?? null, retryAfterSeconds };
}
