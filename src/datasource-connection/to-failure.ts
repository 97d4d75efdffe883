import type { GraphQLError } from 'graphql';
import type { DliError, FailedResult, FailureCode } from '../dli/dli-error.js';
import { NOT_OFFERED_CODES } from '../dli/dli-error.js';
import type { STORE_UNAVAILABLE } from '../idempotency/outcome.js';
import type { UnavailableCode } from './create.payload.js';
import { DliRejectedError, DliUnavailableError } from './create.payload.js';
import { PublicError } from './public-error.js';
import { UserErrorCode } from './user-errors.js';

const DEFAULT_RETRY_AFTER_SECONDS = 1;
const REFUSED = 'DLI refused the request.';
const NOT_OFFERED = 'DLI does not offer this operation here. Note that Huawei ended classic connections in 2024.';

/** The texts of a mutation's failures. */
export interface FailureTexts {
  /** What the call did, if anything: a sentence without its full stop. */
  effect: string;
  /** Our text for each DLI code. DLI's own text may hold ids and addresses. */
  rejections: ReadonlyMap<string | undefined, string>;
}

/** The texts of refusals that their code explains, whatever the request was. */
const REJECTIONS: FailureTexts['rejections'] = new Map([
  ...NOT_OFFERED_CODES.map(code => [code, NOT_OFFERED] as const),
  ['DLI.0007', 'DLI does not support this here. Note that Huawei ended classic connections in 2024.'],
]);

type UnavailableKind = Exclude<FailureCode, 'NAME_TAKEN' | 'REJECTED'>;

/** Why a call was not possible: the code, the reason in words, and whether a repeat may succeed by itself. */
export const UNAVAILABLE_REASONS = {
  THROTTLED: [UserErrorCode.UPSTREAM_THROTTLED, 'DLI is receiving too many requests at the moment.', true],
  UNAVAILABLE: [UserErrorCode.UPSTREAM_UNAVAILABLE, 'DLI cannot be used at the moment.', true],
  AUTH_FAILED: [
    UserErrorCode.UPSTREAM_AUTH_FAILED,
    "Huawei Cloud refused the gateway's credentials, which its operators must fix.",
    false,
  ],
  AUTH_UNAVAILABLE: [
    UserErrorCode.UPSTREAM_AUTH_UNAVAILABLE,
    'The gateway cannot sign in to Huawei Cloud at the moment.',
    true,
  ],
} as const satisfies Record<UnavailableKind, readonly [code: UnavailableCode, reason: string, isTemporary: boolean]>;

/** The payload of a call that DLI refused, or that could not be sent. */
export function toFailure(
  { code, upstreamCode, requestId, retryAfterSeconds, upstreamMessage }: FailedResult,
  { effect, rejections }: FailureTexts,
): DliRejectedError | DliUnavailableError {
  if (code === 'NAME_TAKEN' || code === 'REJECTED') {
    const message = withReason(`${rejectionText(upstreamCode, rejections)} ${effect}.`, upstreamMessage);
    return new DliRejectedError(message, upstreamCode ?? null, requestId ?? null);
  }
  const [userCode, reason, isTemporary] = UNAVAILABLE_REASONS[code];
  const message = `${reason} ${effect}${isTemporary ? '; try again later' : ''}.`;
  return new DliUnavailableError(userCode, message, retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS);
}

/** Why DLI refused a call, by its code and the texts of the mutation. */
export function rejectionText(upstreamCode: string | undefined, rejections: FailureTexts['rejections']): string {
  return rejections.get(upstreamCode) ?? REJECTIONS.get(upstreamCode) ?? REFUSED;
}

/** The top-level error of a read that failed. */
export function toUpstreamError({ code, upstreamCode, retryAfterSeconds, upstreamMessage }: DliError): GraphQLError {
  if (code === 'REJECTED')
    return new PublicError('UPSTREAM_REJECTED', withReason(REJECTIONS.get(upstreamCode) ?? REFUSED, upstreamMessage));
  const [userCode, reason, isTemporary] = UNAVAILABLE_REASONS[code];
  const message = isTemporary ? `${reason} Try again later.` : reason;
  return new PublicError(`${userCode}`, code === 'UNAVAILABLE' ? withReason(message, upstreamMessage) : message, {
    retryAfterSeconds: retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS,
  });
}

/** Adds DLI's own words, if there are any. */
function withReason(message: string, upstreamMessage: string | undefined): string {
  return upstreamMessage === undefined ? message : `${message} DLI's reason: ${upstreamMessage}`;
}

/** The payload of a call that could not be recorded. */
export function toStoreFailure({ retryAfterSeconds }: typeof STORE_UNAVAILABLE): DliUnavailableError {
  return new DliUnavailableError(
    UserErrorCode.IDEMPOTENCY_STORE_UNAVAILABLE,
    'The gateway cannot write its records at the moment, so it sent nothing. Try again later.',
    retryAfterSeconds,
  );
}

/** Ends a switch over outcomes, so that a new one does not compile until it has an answer. */
export function unreachable(outcome: never): never {
  throw new TypeError(`Unhandled outcome ${String(outcome)}`);
}
