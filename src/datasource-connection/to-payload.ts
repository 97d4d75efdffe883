import type { ReadConnection } from '../connection-reads/connection-snapshot.js';
import { toReadConnection } from '../connection-reads/readiness.js';
import { ConnectionState } from '../dli/connection.js';
import type { DescribedConnection } from '../dli/responses.js';
import type { DeleteOutcome } from '../idempotency/delete-connection.js';
import type { CreateOutcome } from '../idempotency/outcome.js';
import { toBindings } from './binding.type.js';
import { ConnectionBusyError, ConnectionInUseError } from './binding-errors.payload.js';
import type { CreateDatasourceConnectionPayload } from './create.payload.js';
import {
  CreateDatasourceConnectionSuccess,
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
import type { ToConnectionType } from './page.type.js';
import type { FailureTexts } from './to-failure.js';
import { toFailure, toStoreFailure, unreachable } from './to-failure.js';

const CREATE_TEXTS: FailureTexts = {
  effect: 'Nothing was created',
  rejections: new Map([
    ['DLI.0001', 'DLI refused a parameter. Check the ids, the address and the name.'],
    ['DLI.0002', 'DLI cannot find an object that the input refers to. Check the security group and the network.'],
    ['DLI.0009', 'A restriction of DLI forbids this connection.'],
    ['DLI.0012', 'A resource that the connection needs is not available.'],
    ['DLI.0016', "The gateway's identity in Huawei Cloud may not create connections."],
    ['DLI.1028', 'The quota of datasource connections is used up.'],
  ]),
};

const BUSY_DELETE =
  'DLI is still working on the bindings of the connection and cannot delete it yet. Nothing was deleted; try again later.';

/**
 * The payload of a create of a classic connection.
 *
 * @param idempotencyKey the caller's key, or the generated one
 */
export function toClassicCreatePayload(
  outcome: CreateOutcome,
  name: string,
  idempotencyKey: string,
): typeof CreateDatasourceConnectionPayload {
  if (outcome.kind !== 'created') return toCreateFailure(outcome, name, idempotencyKey, CREATE_TEXTS);
  return new CreateDatasourceConnectionSuccess(outcome.connectionId, outcome.message, outcome.isReconciled);
}

/** The payload of a create of either kind that has not succeeded; see {@link toClassicCreatePayload}. */
export function toCreateFailure(
  outcome: Exclude<CreateOutcome, { kind: 'created' }>,
  name: string,
  idempotencyKey: string,
  texts: FailureTexts,
) {
  switch (outcome.kind) {
    case 'failed':
      return outcome.code === 'NAME_TAKEN' ? new NameTakenError(name) : toFailure(outcome, texts);
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
  effect: 'This call deleted nothing',
  rejections: new Map([
    ['DLI.0009', 'A restriction of DLI forbids this.'],
    ['DLI.0012', 'DLI cannot delete the connection while something that it needs is not available.'],
    ['DLI.0016', "The gateway's identity in Huawei Cloud may not delete connections."],
  ]),
};

interface DeletePayloadOptions {
  connectionId: string;
  /** Whether the caller may see the deleted connection. */
  mayRead: boolean;
  /** Milliseconds since 1970-01-01 UTC. */
  nowMs: number;
}

/** The payload of a deletion. */
export function toDeletePayload(
  outcome: DeleteOutcome,
  toType: ToConnectionType,
  { connectionId, mayRead, nowMs }: DeletePayloadOptions,
): typeof DeleteDatasourceConnectionPayload {
  switch (outcome.kind) {
    case 'deleted': {
      const deleted = mayRead ? outcome.connection : undefined;
      const shown = deleted === undefined ? null : toType(toDeleted(deleted, connectionId, nowMs));
      return new DeleteDatasourceConnectionSuccess(connectionId, shown);
    }
    case 'notFound':
      return new ConnectionNotFoundError(connectionId);
    case 'creating':
      return new ConnectionCreatingError(outcome.retryAfterSeconds);
    case 'inUse':
      return new ConnectionInUseError(toBindings(outcome.bindings, nowMs));
    case 'busy':
      return new ConnectionBusyError(BUSY_DELETE, toBindings(outcome.bindings, nowMs), outcome.waitSeconds);
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

function toDeleted(connection: DescribedConnection, connectionId: string, nowMs: number): ReadConnection {
  // As reads show it, whatever the case of the id in the request.
  const id = connectionId.toLowerCase();
  return toReadConnection({ ...connection, id, state: ConnectionState.DELETED }, nowMs);
}
