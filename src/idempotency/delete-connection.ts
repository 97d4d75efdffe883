import type { Deletion } from '../dli/connection.js';
import { ConnectionState, stateOfWireName } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import type { FailedResult, OperationContext, UnknownReason } from '../dli/dli-error.js';
import { DliError, failedResult, UnknownOutcomeError } from '../dli/dli-error.js';
import type { DescribedBinding, DescribedConnection } from '../dli/responses.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import { RETENTION_MS } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { OperationKeys } from './operation-keys.js';
import type { CreateOutcome } from './outcome.js';
import { STORE_UNAVAILABLE } from './outcome.js';

const RETRY_AFTER_UNKNOWN_SECONDS = 2;
/** A second DELETE needs at least this much of the deadline. */
const MIN_FOR_SECOND_MS = 2_000;
/** The part of the deadline that a DELETE leaves for the presence check after it. */
const PRESENCE_CHECK_MS = 1_500;
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

/** The connection is gone, and this tenant asked for it. */
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
  /** DLI is at work on these bindings. */
  | { kind: 'busy'; bindings: DescribedBinding[]; waitSeconds: number | null }
  | FailedResult
  | UnknownDeletion
  | typeof STORE_UNAVAILABLE;

/** The connection may or may not have been deleted. */
type UnknownDeletion = Extract<CreateOutcome, { kind: 'unknown' }>;

interface Presence {
  kind: 'absent' | 'creating' | 'present';
  connection: DescribedConnection | undefined;
}

/**
 * Idempotent delete: a repeat has the same outcome.
 *
 * Unknown deletions are not reconciled in the background, because a repeat sees from the connection itself how the
 * first call ended. After a loss of the store's notes a repeat is `notFound`, which is true as well.
 */
export class DeleteConnection {
  readonly #inFlight = new Map<string, Promise<DeleteOutcome>>();

  constructor(
    private readonly dli: DliClient,
    private readonly store: OperationStore,
    private readonly keys: OperationKeys,
    private readonly clock: Clock,
  ) {}

  /** Runs the deletion, or joins the same one that is in flight. */
  run({ connectionId, tenant }: DeleteCommand, context: OperationContext): Promise<DeleteOutcome> {
    const flightKey = JSON.stringify([tenant, connectionId.toLowerCase()]);
    const running = this.#inFlight.get(flightKey);
    // It started earlier, so its deadline is the earlier one.
    if (running !== undefined) return running;
    const outcome = this.#delete({ connectionId, tenant }, context)
      .catch(notSentOutcome)
      .finally(() => this.#inFlight.delete(flightKey));
    this.#inFlight.set(flightKey, outcome);
    return outcome;
  }

  async #delete({ connectionId, tenant }: DeleteCommand, context: OperationContext): Promise<DeleteOutcome> {
    const { kind, connection } = await this.#checkPresence(connectionId, context);
    if (kind === 'creating') return STILL_CREATING;
    const id = await this.keys.forDeletion(tenant, connectionId.toLowerCase());
    const nowMs = this.clock.epochMs();
    if (kind === 'absent')
      return (await this.store.hasDeletion(id, nowMs)) ? { ...DELETED, connection } : { kind: 'notFound' };
    await this.store.noteDeletion(id, { nowMs, expiresAtMs: nowMs + RETENTION_MS.DELETION });
    const outcome = await this.#sendUpToTwice(connectionId, context);
    return outcome.kind === 'deleted' ? { ...outcome, connection } : outcome;
  }

  // Safe to repeat: DLI never reuses an id.
  async #sendUpToTwice(connectionId: string, context: OperationContext): Promise<DeleteOutcome> {
    const first = await this.#send(connectionId, context);
    if (first.kind !== 'unknown' || context.deadline.remainingMs() < MIN_FOR_SECOND_MS) return first;
    const second = await this.#send(connectionId, context);
    // A second request that did nothing leaves open what the first may still do.
    return second.kind === 'failed' ? first : second;
  }

  async #send(connectionId: string, context: OperationContext): Promise<DeleteOutcome> {
    const result = await this.#request(connectionId, context);
    if (result instanceof DliError) {
      const failure = failedResult(result.code, result);
      if (result.code !== 'REJECTED' && !result.isUnconfirmed) return failure;
      return this.#afterPresenceCheck(connectionId, context, failure, failure);
    }
    if (result instanceof UnknownOutcomeError) {
      const outcome = unknown(result.reason, result.requestId, result.retryAfterSeconds);
      return this.#afterPresenceCheck(connectionId, context, outcome, outcome);
    }
    if (result.kind !== 'unsuccessful') return DELETED;
    const ifCheckFailed = unknown('UNREADABLE_RESPONSE', result.requestId, RETRY_AFTER_UNKNOWN_SECONDS);
    return this.#afterPresenceCheck(connectionId, context, failedResult('REJECTED', result), ifCheckFailed);
  }

  async #request(connectionId: string, context: OperationContext): Promise<Deletion | DliError | UnknownOutcomeError> {
    const remainingMs = context.deadline.remainingMs();
    const deadline = new Deadline(this.clock, Math.max(remainingMs - PRESENCE_CHECK_MS, remainingMs / 2));
    try {
      return await this.dli.deleteConnection(connectionId, { ...context, deadline });
    } catch (error) {
      if (error instanceof DliError || error instanceof UnknownOutcomeError) return error;
      throw error;
    }
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
    return presence.kind === 'creating' ? STILL_CREATING : ifPresent;
  }

  /** @throws {DliError} as {@link DliClient.getForDeletion} */
  async #checkPresence(connectionId: string, context: OperationContext): Promise<Presence> {
    const connection = await this.dli.getForDeletion(connectionId, context);
    if (connection === undefined) return { kind: 'absent', connection };
    const state = stateOfWireName(connection.state);
    if (state === ConnectionState.DELETED) return { kind: 'absent', connection };
    return { kind: state === ConnectionState.CREATING ? 'creating' : 'present', connection };
  }
}

// Only what comes before the DELETE throws these errors.
function notSentOutcome(error: unknown): DeleteOutcome {
  if (error instanceof StoreUnavailableError) return STORE_UNAVAILABLE;
  if (!(error instanceof DliError)) throw error;
  return failedResult(error.code, error);
}

function unknown(reason: UnknownReason, requestId: string | undefined, retryAfterSeconds: number): UnknownDeletion {
  return { kind: 'unknown', reason, requestId: requestId ?? null, retryAfterSeconds };
}
