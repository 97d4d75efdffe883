import type { Deletion } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import type { OperationScope } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import type { ConnectionSight } from './connection-sight.js';
import { lookAt } from './connection-sight.js';
import { failedOutcome } from './create-outcome.js';
import type { DeleteOutcome, UnknownDeletion } from './delete-outcome.js';
import { DELETED, STILL_CREATING } from './delete-outcome.js';

const RETRY_AFTER_UNKNOWN_SECONDS = 2;
// Less is not worth another delete.
const LEAST_FOR_SECOND_MS = 2_000;
// Of an operation's time, what a delete without an answer leaves for the look after it.
const LOOK_MS = 1_500;

/** What deleting takes of DLI. */
export type DeletingDli = Pick<DliClient, 'getForDeletion' | 'deleteConnection'>;

/**
 * Sends deletes until it is known how they ended, as far as the time allows.
 *
 * A delete is safe to repeat: DLI uses no id twice.
 */
export class SentDeletion {
  readonly #dli: DeletingDli;
  readonly #clock: Clock;

  constructor(dli: DeletingDli, clock: Clock) {
    this.#dli = dli;
    this.#clock = clock;
  }

  /** How the deletion of a connection ended that was there a moment ago. */
  async send(connectionId: string, scope: OperationScope): Promise<DeleteOutcome> {
    const first = await this.#sendOnce(connectionId, scope);
    if (first.kind !== 'unknown' || scope.deadline.remainingMs() < LEAST_FOR_SECOND_MS) return first;
    const second = await this.#sendOnce(connectionId, scope);
    // A second one that did nothing leaves open what the first may do yet.
    return second.kind === 'failed' ? first : second;
  }

  async #sendOnce(connectionId: string, scope: OperationScope): Promise<DeleteOutcome> {
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

  async #answer(connectionId: string, scope: OperationScope): Promise<Deletion | DliError> {
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
    scope: OperationScope,
    ifThere: DeleteOutcome,
    ifUnseen: DeleteOutcome,
  ): Promise<DeleteOutcome> {
    let sight: ConnectionSight;
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
