import type { DliError } from '../dli/dli-error.js';
import { UserErrorCode } from '../user-error/user-error-code.enum.js';
import type { CreateDatasourceConnectionPayload } from './create-datasource-connection.payload.js';
import {
  DliRejectedError,
  DliUnavailableError,
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

/** What a caller of a create is told about a failed call to DLI. */
export function toUserError(error: DliError, name: string): typeof CreateDatasourceConnectionPayload {
  const requestId = error.requestId ?? null;
  const retryAfterSeconds = error.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS;
  switch (error.code) {
    case 'NAME_TAKEN':
      return new NameTakenError(name);
    case 'REJECTED': {
      const message = REJECTIONS.get(error.upstreamCode) ?? 'DLI refused the request.';
      return new DliRejectedError(`${message} Nothing was created.`, error.upstreamCode ?? null, requestId);
    }
    case 'THROTTLED':
      return new DliUnavailableError(
        UserErrorCode.UPSTREAM_THROTTLED,
        'DLI gets too many requests at the moment. Nothing was created; try again later.',
        retryAfterSeconds,
      );
    case 'UNAVAILABLE':
      return new DliUnavailableError(
        UserErrorCode.UPSTREAM_UNAVAILABLE,
        'DLI cannot be used at the moment. Nothing was created; try again later.',
        retryAfterSeconds,
      );
    case 'AUTH_FAILED':
      return new DliUnavailableError(
        UserErrorCode.UPSTREAM_AUTH_FAILED,
        "Huawei Cloud refused the gateway's credentials, which its operators must mend. Nothing was created.",
        retryAfterSeconds,
      );
    case 'AUTH_UNAVAILABLE':
      return new DliUnavailableError(
        UserErrorCode.UPSTREAM_AUTH_UNAVAILABLE,
        'The gateway cannot sign in to Huawei Cloud at the moment. Nothing was created; try again later.',
        retryAfterSeconds,
      );
    case 'OUTCOME_UNKNOWN':
      return new OutcomeUnknownError(requestId);
    default:
      return unreachable(error.code);
  }
}

function unreachable(code: never): never {
  throw new TypeError(`Unhandled code ${String(code)}`);
}
