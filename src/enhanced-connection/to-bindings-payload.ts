import { toReadEnhancedConnection } from '../connection-reads/readiness.js';
import { toBindings } from '../datasource-connection/binding.type.js';
import { ConnectionBusyError } from '../datasource-connection/binding-errors.payload.js';
import type { DliUnavailableError } from '../datasource-connection/create.payload.js';
import { DliRejectedError } from '../datasource-connection/create.payload.js';
import { ConnectionNotFoundError } from '../datasource-connection/delete.payload.js';
import { toFailure, unreachable } from '../datasource-connection/to-failure.js';
import type { ChangeBindingsOutcome } from '../idempotency/binding-outcomes.js';
import type { ChangeBindingsCommand } from '../idempotency/change-bindings.js';
import type { BindDatasourceConnectionPayload, UnbindDatasourceConnectionPayload } from './bindings.payload.js';
import {
  BindDatasourceConnectionSuccess,
  ChangeOutcomeUnknownError,
  ConnectionResourceNotFoundError,
  UnbindDatasourceConnectionSuccess,
} from './bindings.payload.js';
import { EnhancedDatasourceConnection } from './connection.type.js';
import { BINDING_REJECTIONS } from './rejections.js';

type Command = Pick<ChangeBindingsCommand, 'action' | 'connectionId'>;
type Failure = Exclude<ChangeBindingsOutcome, { kind: 'changed' | 'resourcesNotFound' }>;
type FailureMember =
  | ConnectionNotFoundError
  | ConnectionBusyError
  | DliRejectedError
  | DliUnavailableError
  | ChangeOutcomeUnknownError;

/** The payload of a bind. `nowMs`: milliseconds since 1970-01-01 UTC. */
export function toBindPayload(
  outcome: ChangeBindingsOutcome,
  connectionId: string,
  nowMs: number,
): typeof BindDatasourceConnectionPayload {
  const action = 'bind';
  switch (outcome.kind) {
    case 'changed':
      return new BindDatasourceConnectionSuccess(
        toBindings(outcome.bindings, nowMs),
        toType(outcome.connection, nowMs),
      );
    case 'resourcesNotFound':
      return new ConnectionResourceNotFoundError(describeUnknownNames(action, outcome), outcome.names);
    default:
      return toFailureMember(outcome, { action, connectionId }, nowMs);
  }
}

/** The payload of an unbind. `nowMs`: milliseconds since 1970-01-01 UTC. */
export function toUnbindPayload(
  outcome: ChangeBindingsOutcome,
  connectionId: string,
  nowMs: number,
): typeof UnbindDatasourceConnectionPayload {
  const action = 'unbind';
  switch (outcome.kind) {
    case 'changed':
      return new UnbindDatasourceConnectionSuccess(toType(outcome.connection, nowMs));
    case 'resourcesNotFound':
      return new DliRejectedError(describeUnknownNames(action, outcome), null, null);
    default:
      return toFailureMember(outcome, { action, connectionId }, nowMs);
  }
}

function toFailureMember(outcome: Failure, { action, connectionId }: Command, nowMs: number): FailureMember {
  switch (outcome.kind) {
    case 'notFound':
      return new ConnectionNotFoundError(connectionId, 'There is no enhanced connection of this id.');
    case 'busy': {
      const { bindings, waitSeconds, changed } = outcome;
      const message = `${waitSeconds === null ? FAILED_IN_THE_WAY : AT_WORK} ${effectOf(action, changed)}.`;
      return new ConnectionBusyError(message, toBindings(bindings, nowMs), waitSeconds);
    }
    case 'failed':
      return toFailure(outcome, { effect: effectOf(action, outcome.changed), rejections: BINDING_REJECTIONS });
    case 'unknown': {
      const { reason, requestId, retryAfterSeconds } = outcome;
      return new ChangeOutcomeUnknownError(UNKNOWN[action], reason, requestId, retryAfterSeconds);
    }
    default:
      return unreachable(outcome);
  }
}

const AT_WORK = 'DLI is still working on bindings of the connection. Send the request again later.';
const FAILED_IN_THE_WAY =
  'Bindings have failed, and DLI does not release these. See the advice of each; deleting the connection releases them.';
const UNKNOWN = {
  bind: 'The connection may or may not have been bound. Repeat the call to learn which.',
  unbind: 'The connection may or may not have been unbound. Repeat the call to learn which.',
};
const DONE = { bind: 'bound', unbind: 'unbound' };

/** What a call did before it failed, as a sentence without its full stop. */
function effectOf(action: Command['action'], changed: readonly string[]): string {
  if (changed.length === 0) return `Nothing was ${DONE[action]}`;
  return `Already ${DONE[action]} by this call: ${changed.join(', ')}`;
}

function describeUnknownNames(
  action: Command['action'],
  { names, changed }: { names: readonly string[]; changed: readonly string[] },
): string {
  return `DLI has no pools or queues of these names: ${names.join(', ')}. ${effectOf(action, changed)}.`;
}

function toType(
  connection: Parameters<typeof toReadEnhancedConnection>[0],
  nowMs: number,
): EnhancedDatasourceConnection {
  return new EnhancedDatasourceConnection(toReadEnhancedConnection(connection, nowMs));
}
