import type { DeleteOutcome } from '../idempotency/delete-connection.js';
import type { DeleteDatasourceConnectionPayload } from './delete-datasource-connection.payload.js';
import {
  ConnectionCreatingError,
  ConnectionNotFoundError,
  DeleteDatasourceConnectionSuccess,
  DeleteOutcomeUnknownError,
} from './delete-datasource-connection.payload.js';
import type { FailureWords } from './failure-to-payload.js';
import { toFailure, toStoreFailure, unreachable } from './failure-to-payload.js';

const WORDS: FailureWords = {
  // An earlier call whose outcome is unknown may have.
  nothingDone: 'This call deleted nothing',
  rejections: new Map([
    ['DLI.0009', 'A restriction of DLI forbids this.'],
    ['DLI.0012', 'DLI cannot delete the connection while something that it needs is not available.'],
    ['DLI.0016', "The gateway's identity in Huawei Cloud may not delete connections."],
  ]),
};

/** What a caller is told about a deletion. */
export function toDeletePayload(
  outcome: DeleteOutcome,
  connectionId: string,
): typeof DeleteDatasourceConnectionPayload {
  switch (outcome.kind) {
    case 'deleted':
      return new DeleteDatasourceConnectionSuccess(connectionId);
    case 'notFound':
      return new ConnectionNotFoundError(connectionId);
    case 'creating':
      return new ConnectionCreatingError(outcome.retryAfterSeconds);
    case 'failed':
      return toFailure(outcome, WORDS);
    case 'unknown':
      return new DeleteOutcomeUnknownError(outcome.reason, outcome.requestId, outcome.retryAfterSeconds);
    case 'storeUnavailable':
      return toStoreFailure(outcome);
    default:
      return unreachable(outcome);
  }
}
