import { UserErrorCode } from '../graphql/user-errors.js';
import type { DefiniteCode, FailedOutcome, STORE_UNAVAILABLE } from '../idempotency/outcome.js';
import type { UnavailableCode } from './create-datasource-connection.payload.js';
import { DliRejectedError, DliUnavailableError } from './create-datasource-connection.payload.js';

const DEFAULT_RETRY_AFTER_SECONDS = 1;
const NOT_OFFERED = 'DLI does not offer this operation here; Huawei ended classic connections in 2024.';

/** What a mutation says about its failures. */
export interface FailureWords {
  /** That it did nothing, as a sentence without its full stop. */
  nothingDone: string;
  /** What DLI's codes mean for it, in our words: DLI's own text may hold ids and addresses. */
  rejections: ReadonlyMap<string | undefined, string>;
}

const REJECTIONS: FailureWords['rejections'] = new Map([
  ['DLI.0007', 'DLI does not support this here. Huawei ended classic connections in 2024.'],
  ['DLI.10003', NOT_OFFERED],
  ['APIG.0101', NOT_OFFERED],
  ['APIGW.0101', NOT_OFFERED],
]);

type UnavailableKind = Exclude<DefiniteCode, 'NAME_TAKEN' | 'REJECTED'>;

const UNAVAILABILITIES: Readonly<
  Record<UnavailableKind, readonly [code: UnavailableCode, what: string, isTemporary: boolean]>
> = {
  THROTTLED: [UserErrorCode.UPSTREAM_THROTTLED, 'DLI gets too many requests at the moment.', true],
  UNAVAILABLE: [UserErrorCode.UPSTREAM_UNAVAILABLE, 'DLI cannot be used at the moment.', true],
  AUTH_FAILED: [
    UserErrorCode.UPSTREAM_AUTH_FAILED,
    "Huawei Cloud refused the gateway's credentials, which its operators must mend.",
    false,
  ],
  AUTH_UNAVAILABLE: [
    UserErrorCode.UPSTREAM_AUTH_UNAVAILABLE,
    'The gateway cannot sign in to Huawei Cloud at the moment.',
    true,
  ],
};

/** What a caller is told about a mutation that failed for certain. */
export function toFailure(
  { code, upstreamCode, requestId, retryAfterSeconds }: FailedOutcome,
  { nothingDone, rejections }: FailureWords,
): DliRejectedError | DliUnavailableError {
  if (code === 'NAME_TAKEN' || code === 'REJECTED') {
    const reason = rejections.get(upstreamCode) ?? REJECTIONS.get(upstreamCode) ?? 'DLI refused the request.';
    return new DliRejectedError(`${reason} ${nothingDone}.`, upstreamCode ?? null, requestId ?? null);
  }
  const [userCode, what, isTemporary] = UNAVAILABILITIES[code];
  const message = `${what} ${nothingDone}${isTemporary ? '; try again later' : ''}.`;
  return new DliUnavailableError(userCode, message, retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS);
}

/** What a caller is told while nothing can be recorded. */
export function toStoreFailure({ retryAfterSeconds }: typeof STORE_UNAVAILABLE): DliUnavailableError {
  return new DliUnavailableError(
    UserErrorCode.IDEMPOTENCY_STORE_UNAVAILABLE,
    'The gateway cannot write its records at the moment, so it sent nothing. Try again later.',
    retryAfterSeconds,
  );
}

/** The end of a switch over outcomes. */
export function unreachable(outcome: never): never {
  throw new TypeError(`Unhandled outcome ${String(outcome)}`);
}
