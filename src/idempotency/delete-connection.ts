import type { Deletion } from '../dli/connection.js';
import { ConnectionState, stateOfWireName } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import type { OperationContext, UnknownReason } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import { RETENTION_MS } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { OperationKeys } from './operation-keys.js';
import type { FailedOutcome } from './outcome.js';
import { failedOutcome, STORE_UNAVAILABLE } from './outcome.js';

/** One call of a caller. */
export interface DeleteCommand {
  /** A UUID. */
  connectionId: string;
  /** Whoever asked for a deletion is told of its success again. */
  tenant: string;
}

/** What deleting once takes. */
interface DeleteOnceOptions {
  dli: DeletionClient;
  store: Pick<OperationStore, 'noteDeletion' | 'hasDeletion'>;
  keys: OperationKeys;
  clock: Clock;
}

/**
 * Deletes connections, and tells every repeat of a call the same story.
 *
 * Nothing looks for the end of an unknown deletion in the background: the connection itself tells it to whoever asks
 * again. A store that has lost its notes makes a repeat `notFound`, which is true as well.
 */
export class DeleteConnection {
  readonly #options: DeleteOnceOptions;
  readonly #sent: SentDeletion;
  readonly #running = new Map<string, Promise<DeleteOutcome>>();

  constructor(options: DeleteOnceOptions) {
    this.#options = options;
    this.#sent = new SentDeletion(options.dli, options.clock);
  }

  /** What became of the deletion: of this call, or of the same one that is under way. */
  run({ connectionId, tenant }: DeleteCommand, scope: OperationContext): Promise<DeleteOutcome> {
    const intent = JSON.stringify([tenant, connectionId.toLowerCase()]);
    const running = this.#running.get(intent);
    // It began earlier, so it ends before this call's time is over.
    if (running !== undefined) return running;
    const outcome = this.#start({ connectionId, tenant }, scope)
      .catch(expectedOutcome)
      .finally(() => this.#running.delete(intent));
    this.#running.set(intent, outcome);
    return outcome;
  }

  async #start({ connectionId, tenant }: DeleteCommand, scope: OperationContext): Promise<DeleteOutcome> {
    const { dli, store, keys, clock } = this.#options;
    const sight = await lookAt(dli, connectionId, scope);
    if (sight === 'creating') return STILL_CREATING;
    const id = await keys.forDeletion(tenant, connectionId.toLowerCase());
    const nowMs = clock.epochMs();
    if (sight === 'gone') return (await store.hasDeletion(id, nowMs)) ? DELETED : { kind: 'notFound' };
    await store.noteDeletion(id, { nowMs, expiresAtMs: nowMs + RETENTION_MS.DELETION });
    return this.#sent.send(connectionId, scope);
  }
}

// Nothing was sent: the look failed, or the note could not be written or read.
function expectedOutcome(error: unknown): DeleteOutcome {
  if (error instanceof StoreUnavailableError) return STORE_UNAVAILABLE;
  if (!(error instanceof DliError)) throw error;
  // A look is never unknown.
  const code = error.code === 'OUTCOME_UNKNOWN' ? 'UNAVAILABLE' : error.code;
  return failedOutcome(code, error);
}

const RETRY_AFTER_UNKNOWN_SECONDS = 2;
// Less is not worth another delete.
const LEAST_FOR_SECOND_MS = 2_000;
// Of an operation's time, what a delete without an answer leaves for the look after it.
const LOOK_MS = 1_500;

/** What deleting takes of DLI. */
export type DeletionClient = Pick<DliClient, 'getForDeletion' | 'deleteConnection'>;

/**
 * Sends deletes until it is known how they ended, as far as the time allows.
 *
 * A delete is safe to repeat: DLI uses no id twice.
 */
export class SentDeletion {
  readonly #dli: DeletionClient;
  readonly #clock: Clock;

  constructor(dli: DeletionClient, clock: Clock) {
    this.#dli = dli;
    this.#clock = clock;
  }

  /** How the deletion of a connection ended that was there a moment ago. */
  async send(connectionId: string, scope: OperationContext): Promise<DeleteOutcome> {
    const first = await this.#sendOnce(connectionId, scope);
    if (first.kind !== 'unknown' || scope.deadline.remainingMs() < LEAST_FOR_SECOND_MS) return first;
    const second = await this.#sendOnce(connectionId, scope);
    // A second one that did nothing leaves open what the first may do yet.
    return second.kind === 'failed' ? first : second;
  }

  async #sendOnce(connectionId: string, scope: OperationContext): Promise<DeleteOutcome> {
    const answer = await this.#answer(connectionId, scope);
    if (!(answer instanceof DliError)) {
      if (answer.kind !== 'unsuccessful') return DELETED;
      const refusal = new DliError('REJECTED', { requestId: answer.requestId });
      return this.#afterLook(connectionId, scope, failedOutcome('REJECTED', refusal), unknownAfter(refusal));
    }
    const { code } = answer;
    if (code === 'OUTCOME_UNKNOWN') {
      const unknown = unknownAfter(answer);
      return this.#afterLook(connectionId, scope, unknown, unknown);
    }
    const failed = failedOutcome(code, answer);
    return code === 'REJECTED' || answer.isDoubtful
      ? this.#afterLook(connectionId, scope, failed, failed)
      : failed;
  }

  async #answer(connectionId: string, scope: OperationContext): Promise<Deletion | DliError> {
    const remainingMs = scope.deadline.remainingMs();
    const deadline = new Deadline(this.#clock, Math.max(remainingMs - LOOK_MS, remainingMs / 2));
    try {
      return await this.#dli.deleteConnection(connectionId, { ...scope, deadline });
    } catch (error) {
      if (error instanceof DliError) return error;
      throw error;
    }
  }

  /**
   * What is true after a delete that may have done nothing.
   *
   * @param ifThere told when the connection is still there
   * @param ifUnseen told when that cannot be seen
   */
  async #afterLook(
    connectionId: string,
    scope: OperationContext,
    ifThere: DeleteOutcome,
    ifUnseen: DeleteOutcome,
  ): Promise<DeleteOutcome> {
    let sight: Presence;
    try {
      sight = await lookAt(this.#dli, connectionId, scope);
    } catch (error) {
      if (error instanceof DliError) return ifUnseen;
      throw error;
    }
    if (sight === 'gone') return DELETED;
    return sight === 'creating' ? STILL_CREATING : ifThere;
  }
}

function unknownAfter(error: DliError): UnknownDeletion {
  const { unknownReason: reason = 'UNREADABLE_RESPONSE', requestId = null } = error;
  const { retryAfterSeconds = RETRY_AFTER_UNKNOWN_SECONDS } = error;
  return { kind: 'unknown', reason, requestId, retryAfterSeconds };
}

/** What a look at a connection shows. */
type Presence = 'gone' | 'creating' | 'there';

/**
 * Looks whether a connection is there.
 *
 * @throws {DliError} as {@link DliClient.getForDeletion}
 */
async function lookAt(
  dli: Pick<DliClient, 'getForDeletion'>,
  connectionId: string,
  scope: OperationContext,
): Promise<Presence> {
  const connection = await dli.getForDeletion(connectionId, scope);
  if (connection === undefined) return 'gone';
  switch (stateOfWireName(connection.state)) {
    case ConnectionState.DELETED:
      return 'gone';
    case ConnectionState.CREATING:
      return 'creating';
    default:
      return 'there';
  }
}

/** It may or may not have been deleted. */
interface UnknownDeletion {
  kind: 'unknown';
  reason: UnknownReason;
  requestId: string | null;
  retryAfterSeconds: number;
}

/** What a caller of a delete is told, in the terms of the domain. */
export type DeleteOutcome =
  /** It is gone, and this tenant has asked for that. */
  | { kind: 'deleted' }
  /** There is none of this id, and this tenant has not asked to delete one. */
  | { kind: 'notFound' }
  | typeof STILL_CREATING
  /** This call did nothing. */
  | FailedOutcome
  | UnknownDeletion
  | typeof STORE_UNAVAILABLE;

/** DLI deletes nothing that it is still making; how long that takes is not documented. */
const STILL_CREATING = { kind: 'creating', retryAfterSeconds: 5 } as const;

/** The end that everybody wishes for. */
const DELETED = { kind: 'deleted' } as const;
