import type { OperationScope } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { RETENTION_MS } from '../operation-store/operation-record.js';
import type { RecordStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import { lookAt } from './connection-sight.js';
import { failedOutcome, STORE_UNAVAILABLE } from './create-outcome.js';
import type { DeleteOutcome } from './delete-outcome.js';
import { DELETED, STILL_CREATING } from './delete-outcome.js';
import type { OperationIdentities } from './operation-identities.js';
import type { DeletingDli } from './sent-deletion.js';
import { SentDeletion } from './sent-deletion.js';

/** One call of a caller. */
export interface DeleteCall {
  /** A UUID. */
  connectionId: string;
  /** Whoever asked for a deletion is told of its success again. */
  tenant: string;
}

/** What deleting once takes. */
export interface DeleteOnceOptions {
  dli: DeletingDli;
  store: Pick<RecordStore, 'noteDeletion' | 'hasDeletion'>;
  identities: OperationIdentities;
  clock: Clock;
}

/**
 * Deletes connections, and tells every repeat of a call the same story.
 *
 * Nothing looks for the end of an unknown deletion in the background: the connection itself tells it to whoever asks
 * again. A store that has lost its notes makes a repeat `notFound`, which is true as well.
 */
export class DeleteOnce {
  readonly #options: DeleteOnceOptions;
  readonly #sent: SentDeletion;
  readonly #running = new Map<string, Promise<DeleteOutcome>>();

  constructor(options: DeleteOnceOptions) {
    this.#options = options;
    this.#sent = new SentDeletion(options.dli, options.clock);
  }

  /** What became of the deletion: of this call, or of the same one that is under way. */
  delete({ connectionId, tenant }: DeleteCall, scope: OperationScope): Promise<DeleteOutcome> {
    const intent = JSON.stringify([tenant, connectionId.toLowerCase()]);
    const running = this.#running.get(intent);
    // It began earlier, so it ends before this call's time is over.
    if (running !== undefined) return running;
    const outcome = this.#run({ connectionId, tenant }, scope)
      .catch(expectedOutcome)
      .finally(() => this.#running.delete(intent));
    this.#running.set(intent, outcome);
    return outcome;
  }

  async #run({ connectionId, tenant }: DeleteCall, scope: OperationScope): Promise<DeleteOutcome> {
    const { dli, store, identities, clock } = this.#options;
    const sight = await lookAt(dli, connectionId, scope);
    if (sight === 'creating') return STILL_CREATING;
    const id = await identities.identifyDeletion(tenant, connectionId.toLowerCase());
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
