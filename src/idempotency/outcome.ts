import type { Forbidden, Refused, ResultOf } from '../dli/create-attempt.js';
import type { FailedResult } from '../dli/dli-error.js';
import { failedResult, RETRY_AFTER_AUTH_FAILED_SECONDS } from '../dli/dli-error.js';
import type { Success } from '../operation-store/operation-record.js';
import { isForbidden } from '../operation-store/operation-record.js';
import type {
  NotBound,
  OperationRecord,
  StoredRejection,
  SucceededRecord,
  UnknownRecord,
} from '../operation-store/record-format.js';

/** The result of a create, before it becomes a GraphQL payload. */
export type CreateOutcome =
  /**
   * `isReconciled`: found in DLI's list instead of in the response to the create; for an enhanced one, `recognisedBy`
   * says how. `notBound`: the resources of the call that could not be bound. `isReplay`: an earlier call recorded it.
   * `record`: what this call has written or read.
   */
  | (ResultOf<'created'> &
      Pick<Success, 'isReconciled' | 'recognisedBy'> & {
        notBound?: readonly NotBound[];
        isReplay?: boolean;
        record: SucceededRecord;
      })
  | FailedResult
  | UnknownOutcome
  /** The idempotency key belongs to a create with another input. */
  | { kind: 'keyReused' }
  /** Another create with the same key or name is running or undecided. */
  | { kind: 'inProgress'; retryAfterSeconds: number }
  | typeof STORE_UNAVAILABLE;

/** DLI may or may not have done what was asked for. */
export interface UnknownOutcome {
  kind: 'unknown';
  reason: UnknownRecord['unknownReason'];
  requestId: string | null;
  retryAfterSeconds: number;
}

/** An {@link UnknownOutcome}. */
export function unknownOutcome(
  reason: UnknownOutcome['reason'],
  requestId: string | undefined,
  retryAfterSeconds: number,
): UnknownOutcome {
  return { kind: 'unknown', reason, requestId: requestId ?? null, retryAfterSeconds };
}

/** Nothing was sent, because it could not be recorded. */
export const STORE_UNAVAILABLE = { kind: 'storeUnavailable', retryAfterSeconds: 1 } as const;

/** The stored form of a refusal. */
export function toRejection(refused: Refused): { rejection: StoredRejection; message?: string } {
  const { code, upstreamCode = null, requestId = null, upstreamMessage } = refused;
  return {
    rejection: { code, upstreamCode, requestId },
    ...(upstreamMessage !== undefined && { message: upstreamMessage }),
  };
}

/** The fields of an undecided record that hold a refusal until the list confirms it. */
export function toUnconfirmed(
  refusal: Refused | Forbidden,
): Pick<UnknownRecord, 'suspected' | 'message' | 'rejection'> {
  const { code, upstreamCode = null, requestId = null } = refusal;
  if (code === 'AUTH_FAILED') return { rejection: { code, upstreamCode, requestId } };
  const { rejection: suspected, ...message } = toRejection({ ...refusal, code });
  return { suspected, ...message };
}

/**
 * The outcome that a record replays to every repeat of its call.
 *
 * @param retryAfterSeconds for an undecided record
 */
export function recordedOutcome(record: OperationRecord, retryAfterSeconds = 0): CreateOutcome {
  switch (record.state) {
    case 'SUCCEEDED': {
      const { connectionId, message, isReconciled, recognisedBy, notBound } = record;
      return {
        kind: 'created',
        connectionId,
        message,
        isReconciled,
        ...(recognisedBy !== undefined && { recognisedBy }),
        ...(notBound !== undefined && { notBound }),
        record,
      };
    }
    case 'REJECTED': {
      const { code, upstreamCode, requestId } = record.rejection;
      return failedResult(code, {
        upstreamCode: upstreamCode ?? undefined,
        requestId: requestId ?? undefined,
        upstreamMessage: record.message,
      });
    }
    case 'SENDING':
      return unknownOutcome('GATEWAY_RESTART', undefined, retryAfterSeconds);
    case 'UNKNOWN': {
      const { unknownReason: reason, requestId } = record;
      if (isForbidden(record)) {
        const details = { requestId: record.requestId, retryAfterSeconds: RETRY_AFTER_AUTH_FAILED_SECONDS };
        return failedResult('AUTH_FAILED', details);
      }
      return unknownOutcome(reason, requestId, retryAfterSeconds);
    }
  }
}
