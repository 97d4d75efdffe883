import type { GraphQLError } from 'graphql';
import type { DliError, FailedResult, FailureCode } from '../dli/dli-error.js';
import type { DeleteOutcome } from '../idempotency/delete-connection.js';
import type { CreateOutcome, STORE_UNAVAILABLE } from '../idempotency/outcome.js';
import type { CreateDatasourceConnectionPayload, UnavailableCode } from './create.payload.js';
import {
  CreateDatasourceConnectionSuccess,
  DliRejectedError,
  DliUnavailableError,
  IdempotencyInProgressError,
  IdempotencyKeyReusedError,
  NameTakenError,
  OutcomeUnknownError,
} from './create.payload.js';
import type { DeleteDatasourceConnectionPayload } from './delete.payload.js';
import {
  ConnectionCreatingError,
  ConnectionNotFoundError,
  DeleteDatasourceConnectionSuccess,
  DeleteOutcomeUnknownError,
} from './delete.payload.js';
import { PublicError } from './public-error.js';
import { UserErrorCode } from './user-errors.js';

const CREATE_TEXTS: FailureTexts = {
  nothingDone: 'Nothing was created',
  rejections: new Map([
    ['DLI.0001', 'DLI refused a parameter. Check the ids, the address and the name.'],
    ['DLI.0002', 'DLI cannot find an object that the input refers to. Check the security group and the network.'],
    ['DLI.0009', 'A restriction of DLI forbids this connection.'],
    ['DLI.0012', 'A resource that the connection needs is not available.'],
    ['DLI.0016', "The gateway's identity in Huawei Cloud may not create connections."],
    ['DLI.1028', 'The quota of datasource connections is used up.'],
  ]),
};

/**
 * The payload of a create.
 *
 * @param idempotencyKey the caller's key, or the generated one
 */
export function toPayload(
  outcome: CreateOutcome,
  name: string,
  idempotencyKey: string,
): typeof CreateDatasourceConnectionPayload {
  switch (outcome.kind) {
    case 'created':
      return new CreateDatasourceConnectionSuccess(outcome.connectionId, outcome.message, outcome.isReconciled);
    case 'failed':
      return outcome.code === 'NAME_TAKEN' ? new NameTakenError(name) : toFailure(outcome, CREATE_TEXTS);
    case 'unknown':
      return new OutcomeUnknownError(idempotencyKey, outcome.reason, outcome.requestId, outcome.retryAfterSeconds);
    case 'keyReused':
      return new IdempotencyKeyReusedError();
    case 'inProgress':
      return new IdempotencyInProgressError(outcome.retryAfterSeconds);
    case 'storeUnavailable':
      return toStoreFailure(outcome);
    default:
      return unreachable(outcome);
  }
}

const DELETE_TEXTS: FailureTexts = {
  // An earlier call of unknown outcome may have deleted it.
  nothingDone: 'This call deleted nothing',
  rejections: new Map([
    ['DLI.0009', 'A restriction of DLI forbids this.'],
    ['DLI.0012', 'DLI cannot delete the connection while something that it needs is not available.'],
    ['DLI.0016', "The gateway's identity in Huawei Cloud may not delete connections."],
  ]),
};

/**
 * The payload of a deletion.
 *
 * @param mayRead whether the caller may see the deleted connection
 */
export function toDeletePayload(
  outcome: DeleteOutcome,
  connectionId: string,
  mayRead: boolean,
): typeof DeleteDatasourceConnectionPayload {
  switch (outcome.kind) {
    case 'deleted':
      return new DeleteDatasourceConnectionSuccess(connectionId, mayRead ? outcome.connection : undefined);
    case 'notFound':
      return new ConnectionNotFoundError(connectionId);
    case 'creating':
      return new ConnectionCreatingError(outcome.retryAfterSeconds);
    case 'inUse':
    case 'busy':
      throw new TypeError('not built yet');
    case 'failed':
      return toFailure(outcome, DELETE_TEXTS);
    case 'unknown':
      return new DeleteOutcomeUnknownError(outcome.reason, outcome.requestId, outcome.retryAfterSeconds);
    case 'storeUnavailable':
      return toStoreFailure(outcome);
    default:
      return unreachable(outcome);
  }
}

const DEFAULT_RETRY_AFTER_SECONDS = 1;
const REFUSED = 'DLI refused the request.';
const NOT_OFFERED = 'DLI does not offer this operation here; Huawei ended classic connections in 2024.';

/** The texts of a mutation's failures. */
interface FailureTexts {
  /** A sentence without its full stop. */
  nothingDone: string;
  /** Our text for each DLI code. DLI's own text may hold ids and addresses. */
  rejections: ReadonlyMap<string | undefined, string>;
}

/** The texts of refusals whose code says why, whatever the request was. */
const REJECTIONS: FailureTexts['rejections'] = new Map([
  ['DLI.0007', 'DLI does not support this here. Huawei ended classic connections in 2024.'],
  ['DLI.10003', NOT_OFFERED],
  ['APIG.0101', NOT_OFFERED],
  ['APIGW.0101', NOT_OFFERED],
]);

type UnavailableKind = Exclude<FailureCode, 'NAME_TAKEN' | 'REJECTED'>;

const UNAVAILABLE_REASONS = {
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

function toFailure(
  { code, upstreamCode, requestId, retryAfterSeconds, upstreamMessage }: FailedResult,
  { nothingDone, rejections }: FailureTexts,
): DliRejectedError | DliUnavailableError {
  if (code === 'NAME_TAKEN' || code === 'REJECTED') {
    const reason = rejections.get(upstreamCode) ?? REJECTIONS.get(upstreamCode) ?? REFUSED;
    const message = withReason(`${reason} ${nothingDone}.`, upstreamMessage);
    return new DliRejectedError(message, upstreamCode ?? null, requestId ?? null);
  }
  const [userCode, reason, isTemporary] = UNAVAILABLE_REASONS[code];
  const message = `${reason} ${nothingDone}${isTemporary ? '; try again later' : ''}.`;
  return new DliUnavailableError(userCode, message, retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS);
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

function toStoreFailure({ retryAfterSeconds }: typeof STORE_UNAVAILABLE): DliUnavailableError {
  return new DliUnavailableError(
    UserErrorCode.IDEMPOTENCY_STORE_UNAVAILABLE,
    'The gateway cannot write its records at the moment, so it sent nothing. Try again later.',
    retryAfterSeconds,
  );
}

function unreachable(outcome: never): never {
  throw new TypeError(`Unhandled outcome ${String(outcome)}`);
}
