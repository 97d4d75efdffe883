import type { ConnectionKind } from '../dli/connection.js';
import { ConnectionState, isOverdue, ResourceKind, stateOfWireName } from '../dli/connection.js';
import type { ConnectionsClient } from '../dli/connections-client.js';
import type { FailedResult, OperationContext } from '../dli/dli-error.js';
import { DliError, failedResult, UnknownOutcomeError } from '../dli/dli-error.js';
import type { DescribedBinding, DescribedConnection } from '../dli/responses.js';
import type { Clock } from '../lib/time.js';
import { RETENTION_MS } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { OperationKeys } from './operation-keys.js';
import type { UnknownOutcome } from './outcome.js';
import { STORE_UNAVAILABLE, unknownOutcome } from './outcome.js';
import { sendBeforeCheck, sendUpToTwice } from './repeatable-change.js';

const RETRY_AFTER_UNKNOWN_SECONDS = 2;
/** A binding that is being made takes minutes. */
const BUSY_RETRY_SECONDS = 10;
const DELETED: DeletedOutcome = { kind: 'deleted' };
/** DLI does not delete a connection that it is still creating. How long that takes is not documented. */
const STILL_CREATING = { kind: 'creating', retryAfterSeconds: 5 } as const;

/** A validated deletion of one caller. */
interface DeleteCommand {
  /** A UUID. */
  connectionId: string;
  /** Whether to refuse when a pool or queue is bound. */
  ifUnbound?: boolean;
  /** The tenant for which a repeat of the call succeeds again. */
  tenant: string;
}

/** The connection is gone, as this tenant asked. */
interface DeletedOutcome {
  kind: 'deleted';
  /** The connection as DLI described it before this call; undefined if it knew none. */
  connection?: DescribedConnection | undefined;
}

/** The result of a deletion, before it becomes a GraphQL payload. */
export type DeleteOutcome =
  | DeletedOutcome
  /** No such connection, and this tenant did not ask to delete it. */
  | { kind: 'notFound' }
  | typeof STILL_CREATING
  /** Bound, and the caller asked to delete it only if it is not. */
  | { kind: 'inUse'; bindings: DescribedBinding[] }
  /** DLI is working on these bindings. */
  | { kind: 'busy'; bindings: DescribedBinding[]; waitSeconds: number }
  | FailedResult
  | UnknownOutcome
  | typeof STORE_UNAVAILABLE;

/** What DLI says about a connection, before or after a DELETE. */
type Presence =
  | { kind: 'absent'; connection: DescribedConnection | undefined }
  | { kind: 'creating' }
  /** `busy`: the bindings that DLI is working on. */
  | { kind: 'present'; connection: DescribedConnection; busy: DescribedBinding[] };

/**
 * Idempotent delete: a repeat has the same outcome.
 *
 * Unknown deletions are not reconciled in the background, because a repeat sees from the connection itself how the
 * first call ended. After a loss of the store's notes a repeat is `notFound`, which is true as well.
 */
export class DeleteConnection {
  readonly #inFlight = new Map<string, Promise<DeleteOutcome>>();

  constructor(
    private readonly connections: Pick<ConnectionsClient, 'getForChange' | 'deleteConnection'>,
    private readonly store: OperationStore,
    private readonly keys: OperationKeys,
    private readonly clock: Clock,
  ) {}

  /** Runs the deletion, or joins the same one that is in flight. */
  run(command: DeleteCommand, context: OperationContext): Promise<DeleteOutcome> {
    const { connectionId, tenant, ifUnbound = false } = command;
    const flightKey = JSON.stringify([tenant, connectionId.toLowerCase(), ifUnbound]);
    const running = this.#inFlight.get(flightKey);
    // It started earlier, so its deadline is the earlier one.
    if (running !== undefined) return running;
    const outcome = this.#delete(command, context)
      .catch(notSentOutcome)
      .finally(() => this.#inFlight.delete(flightKey));
    this.#inFlight.set(flightKey, outcome);
    return outcome;
  }

  async #delete(
    { connectionId, tenant, ifUnbound = false }: DeleteCommand,
    context: OperationContext,
  ): Promise<DeleteOutcome> {
    const presence = await this.#checkPresence(connectionId, context);
    if (presence.kind === 'creating') return STILL_CREATING;
    const { connection } = presence;
    if (presence.kind === 'present') {
      const bindings = ifUnbound ? bindingsOf(presence.connection) : [];
      // A binding that cannot be read may exist.
      if (ifUnbound && presence.connection.kind === 'ENHANCED' && !presence.connection.areBindingsKnown)
        return failedResult('UNAVAILABLE', { retryAfterSeconds: BUSY_RETRY_SECONDS });
      if (bindings.length > 0) return { kind: 'inUse', bindings };
      if (presence.busy.length > 0) return busyOutcome(presence.busy);
    }
    const id = await this.keys.forDeletion(tenant, connectionId.toLowerCase());
    const nowMs = this.clock.epochMs();
    if (presence.kind === 'absent')
      return (await this.store.hasDeletion(id, nowMs)) ? { ...DELETED, connection } : { kind: 'notFound' };
    await this.store.noteDeletion(id, { nowMs, expiresAtMs: nowMs + RETENTION_MS.DELETION });
    const send = () => this.#send(connectionId, presence.connection.kind, context);
    // Safe to repeat: DLI never reuses an id.
    const outcome = await sendUpToTwice(context, send, ({ kind }) => kind === 'deleted');
    return outcome.kind === 'deleted' ? { ...outcome, connection } : outcome;
  }

  async #send(connectionId: string, kind: ConnectionKind, context: OperationContext): Promise<DeleteOutcome> {
    const result = await sendBeforeCheck(context, this.clock, each =>
      this.connections.deleteConnection(kind, connectionId, each),
    );
    if (result instanceof DliError) {
      const failure = failedResult(result.code, result);
      if (result.code !== 'REJECTED' && !result.isUnconfirmed) return failure;
      return this.#afterPresenceCheck(connectionId, context, failure, failure);
    }
    if (result instanceof UnknownOutcomeError) {
      const outcome = unknownOutcome(result.reason, result.requestId, result.retryAfterSeconds);
      return this.#afterPresenceCheck(connectionId, context, outcome, outcome);
    }
    if (result.kind !== 'unsuccessful') return DELETED;
    const ifCheckFailed = unknownOutcome('UNREADABLE_RESPONSE', result.requestId, RETRY_AFTER_UNKNOWN_SECONDS);
    return this.#afterPresenceCheck(connectionId, context, failedResult('REJECTED', result), ifCheckFailed);
  }

  /** The outcome of a DELETE that may have done nothing. `ifCheckFailed`: the presence check failed. */
  async #afterPresenceCheck(
    connectionId: string,
    context: OperationContext,
    ifPresent: DeleteOutcome,
    ifCheckFailed: DeleteOutcome,
  ): Promise<DeleteOutcome> {
    let presence: Presence;
    try {
      presence = await this.#checkPresence(connectionId, context);
    } catch (error) {
      if (error instanceof DliError) return ifCheckFailed;
      throw error;
    }
    if (presence.kind === 'absent') return DELETED;
    if (presence.kind === 'creating') return STILL_CREATING;
    // A request that DLI may still execute has not done "nothing".
    const isCertain = ifPresent.kind !== 'unknown';
    return isCertain && presence.busy.length > 0 ? busyOutcome(presence.busy) : ifPresent;
  }

  /** @throws {DliError} as {@link ConnectionsClient.getForChange} */
  async #checkPresence(connectionId: string, context: OperationContext): Promise<Presence> {
    const connection = await this.connections.getForChange(connectionId, context);
    if (connection === undefined) return { kind: 'absent', connection };
    const state = stateOfWireName(connection.state);
    if (state === ConnectionState.DELETED) return { kind: 'absent', connection };
    if (state === ConnectionState.CREATING) return { kind: 'creating' };
    if (connection.kind !== 'ENHANCED') return { kind: 'present', connection, busy: [] };
    // One that takes unusually long may never end, and must not keep the connection from being deleted.
    const isBusy = (binding: DescribedBinding) =>
      stateOfWireName(binding.state) === ConnectionState.CREATING &&
      !isOverdue(binding, connection.createdAtMs, this.clock.epochMs());
    return { kind: 'present', connection, busy: connection.bindings.filter(isBusy) };
  }
}

function busyOutcome(bindings: DescribedBinding[]): DeleteOutcome {
  return { kind: 'busy', bindings, waitSeconds: BUSY_RETRY_SECONDS };
}

/** What a connection is bound to. */
function bindingsOf(connection: DescribedConnection): DescribedBinding[] {
  if (connection.kind === 'ENHANCED') return connection.bindings;
  const unknown = { peeringId: null, cause: null };
  return connection.queues.map(queue => ({ ...queue, ...unknown, kind: ResourceKind.QUEUE }));
}

// Only what comes before the DELETE throws these errors.
function notSentOutcome(error: unknown): DeleteOutcome {
  if (error instanceof StoreUnavailableError) return STORE_UNAVAILABLE;
  if (!(error instanceof DliError)) throw error;
  return failedResult(error.code, error);
}
