import type { CreateOutcome, DefiniteCode } from '../once/create-outcome.js';
import { UserErrorCode } from '../user-error/user-error-code.enum.js';
import type {
  CreateDatasourceConnectionPayload,
  UnavailableCode,
} from './create-datasource-connection.payload.js';
import {
  CreateDatasourceConnectionSuccess,
  DliRejectedError,
  DliUnavailableError,
  IdempotencyConflictError,
  NameTakenError,
  OutcomeUnknownError,
} from './create-datasource-connection.payload.js';

const DEFAULT_RETRY_AFTER_SECONDS = 1;

// In our words: DLI's own text may hold ids and addresses.
const REJECTIONS: ReadonlyMap<string | undefined, string> = new Map([
  ['DLI.0001', 'DLI found a parameter wrong. Check the ids, the address and the name.'],
  [
    'DLI.0002',
    'DLI does not know something that the input refers to. Check the security group and the network.',
  ],
  ['DLI.0009', 'A restriction of DLI forbids this connection.'],
  ['DLI.0012', 'A resource that the connection needs is not available.'],
  ['DLI.0016', "The gateway's identity in Huawei Cloud may not create connections."],
  ['DLI.1028', 'The quota of datasource connections is used up.'],
  ['DLI.0007', 'DLI does not support this here. Huawei ended classic connections in 2024.'],
  ['DLI.10003', 'DLI does not offer this operation here; Huawei ended classic connections in 2024.'],
  ['APIG.0101', 'DLI does not offer this operation here; Huawei ended classic connections in 2024.'],
  ['APIGW.0101', 'DLI does not offer this operation here; Huawei ended classic connections in 2024.'],
]);

const UNAVAILABILITIES: Readonly<
  Record<Exclude<DefiniteCode, 'NAME_TAKEN' | 'REJECTED'>, readonly [UnavailableCode, string]>
> = {
  THROTTLED: [
    UserErrorCode.UPSTREAM_THROTTLED,
    'DLI gets too many requests at the moment. Nothing was created; try again later.',
  ],
  UNAVAILABLE: [
    UserErrorCode.UPSTREAM_UNAVAILABLE,
    'DLI cannot be used at the moment. Nothing was created; try again later.',
  ],
  AUTH_FAILED: [
    UserErrorCode.UPSTREAM_AUTH_FAILED,
    "Huawei Cloud refused the gateway's credentials, which its operators must mend. Nothing was created.",
  ],
  AUTH_UNAVAILABLE: [
    UserErrorCode.UPSTREAM_AUTH_UNAVAILABLE,
    'The gateway cannot sign in to Huawei Cloud at the moment. Nothing was created; try again later.',
  ],
};

/**
 * What a caller is told about a create.
 *
 * @param idempotencyKey the caller's, or the one that the gateway made for the call
 */
export function toPayload(
  outcome: CreateOutcome,
  name: string,
  idempotencyKey: string,
): typeof CreateDatasourceConnectionPayload {
  switch (outcome.kind) {
    case 'created':
      return new CreateDatasourceConnectionSuccess(
        outcome.connectionId,
        outcome.message,
        outcome.isReconciled,
      );
    case 'failed':
      return toFailure(outcome, name);
    case 'unknown':
      return new OutcomeUnknownError(
        idempotencyKey,
        outcome.reason,
        outcome.requestId,
        outcome.retryAfterSeconds,
      );
    case 'keyReused':
      return new IdempotencyConflictError(
        UserErrorCode.IDEMPOTENCY_KEY_REUSED,
        'The idempotency key was used with another input. Use a new key for a new connection.',
        null,
      );
    case 'inProgress':
      return new IdempotencyConflictError(
        UserErrorCode.IDEMPOTENCY_IN_PROGRESS,
        'The first call with this key, or another create of this name, is still running or undecided. Repeat this call, with the same key, a little later.',
        outcome.retryAfterSeconds,
      );
    case 'storeUnavailable':
      return new DliUnavailableError(
        UserErrorCode.IDEMPOTENCY_STORE_UNAVAILABLE,
        'The gateway cannot write its records at the moment, so it sent nothing. Try again later.',
        outcome.retryAfterSeconds,
      );
    default:
      return unreachable(outcome);
  }
}

function toFailure(
  { code, upstreamCode, requestId, retryAfterSeconds }: Extract<CreateOutcome, { kind: 'failed' }>,
  name: string,
): typeof CreateDatasourceConnectionPayload {
  if (code === 'NAME_TAKEN') return new NameTakenError(name);
  if (code === 'REJECTED') {
    const reason = REJECTIONS.get(upstreamCode) ?? 'DLI refused the request.';
    return new DliRejectedError(`${reason} Nothing was created.`, upstreamCode ?? null, requestId ?? null);
  }
  const [userCode, message] = UNAVAILABILITIES[code];
  return new DliUnavailableError(userCode, message, retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS);
}

function unreachable(outcome: never): never {
  throw new TypeError(`Unhandled outcome ${String(outcome)}`);
}
