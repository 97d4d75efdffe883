import { UserErrorCode } from '../graphql/user-errors.js';
import type { CreateOutcome } from '../idempotency/outcome.js';
import type { CreateDatasourceConnectionPayload } from './create-datasource-connection.payload.js';
import {
  CreateDatasourceConnectionSuccess,
  IdempotencyConflictError,
  NameTakenError,
  OutcomeUnknownError,
} from './create-datasource-connection.payload.js';
import type { FailureWords } from './failure-to-payload.js';
import { toFailure, toStoreFailure, unreachable } from './failure-to-payload.js';

const WORDS: FailureWords = {
  nothingDone: 'Nothing was created',
  rejections: new Map([
    ['DLI.0001', 'DLI found a parameter wrong. Check the ids, the address and the name.'],
    [
      'DLI.0002',
      'DLI does not know something that the input refers to. Check the security group and the network.',
    ],
    ['DLI.0009', 'A restriction of DLI forbids this connection.'],
    ['DLI.0012', 'A resource that the connection needs is not available.'],
    ['DLI.0016', "The gateway's identity in Huawei Cloud may not create connections."],
    ['DLI.1028', 'The quota of datasource connections is used up.'],
  ]),
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
      return outcome.code === 'NAME_TAKEN' ? new NameTakenError(name) : toFailure(outcome, WORDS);
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
      return toStoreFailure(outcome);
    default:
      return unreachable(outcome);
  }
}
