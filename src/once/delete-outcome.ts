import type { UnknownReason } from '../dli/dli-error.js';
import type { FailedOutcome, STORE_UNAVAILABLE } from './create-outcome.js';

/** It may or may not have been deleted. */
export interface UnknownDeletion {
  kind: 'unknown';
  reason: UnknownReason;
  requestId: string | null;
  retryAfterSeconds: number;
}

/** What a caller of a delete is told, in the terms of the domain. */
export type DeleteOutcome =
  /** It is gone, and this tenant has asked for that. */
  | { kind: 'deleted' }
  /** There is none of this id, and this tenant has not asked to delete one. */
  | { kind: 'notFound' }
  | typeof STILL_CREATING
  /** This call did nothing. */
  | FailedOutcome
  | UnknownDeletion
  | typeof STORE_UNAVAILABLE;

/** DLI deletes nothing that it is still making; how long that takes is not documented. */
export const STILL_CREATING = { kind: 'creating', retryAfterSeconds: 5 } as const;

/** The end that everybody wishes for. */
export const DELETED = { kind: 'deleted' } as const;
