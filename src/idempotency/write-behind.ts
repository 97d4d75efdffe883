import type { Logger } from '../lib/logger.js';
import type { OperationRecord } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';

const RETRY_MS = 1_000;
const GIVE_UP_MS = 5 * 60_000;
// For results and for removals each, so that removals cannot displace results.
const MAX_WAITING = 10_000;

interface PendingWrite {
  id: string;
  /** Undefined: the record is to be removed. */
  record: OperationRecord | undefined;
  owner: string;
  giveUpAtMs: number;
}

/**
 * Write-behind queue for operation records. A write that the store cannot take now is retried for 5 minutes while the
 * caller already has its answer; after that the record stays open in the store and is reconciled again.
 *
 * Writes to one record are ordered, so only the latest is retried.
 */
export class WriteBehind {
  readonly #store: Pick<OperationStore, 'replace' | 'remove'>;
  readonly #now: () => number;
  /** The latest write of each record, until the store has it. */
  readonly #newest = new Map<string, PendingWrite>();
  /** The writes that the store could not take. */
  readonly #waiting = {
    results: new Map<string, PendingWrite>(),
    removals: new Map<string, PendingWrite>(),
  };
  readonly #log: Pick<Logger, 'warn'>;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    store: Pick<OperationStore, 'replace' | 'remove'>,
    now: () => number,
    log: Pick<Logger, 'warn'>,
  ) {
    this.#store = store;
    this.#now = now;
    this.#log = log;
  }

  /** The latest version of a record that the store does not have yet. */
  pending(id: string): OperationRecord | undefined {
    return this.#newest.get(id)?.record;
  }

  /** Writes a record, now or as soon as the store can. Never rejects for an unavailable store. */
  async write(record: OperationRecord, owner: string): Promise<void> {
    await this.#begin({ id: record.id, record, owner, giveUpAtMs: this.#now() + GIVE_UP_MS });
  }

  /** Removes a record, now or as soon as the store can. Never rejects for an unavailable store. */
  async remove(id: string, owner: string): Promise<void> {
    await this.#begin({ id, record: undefined, owner, giveUpAtMs: this.#now() + GIVE_UP_MS });
  }

  /** Tries the waiting writes once more and stops retrying. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#attemptWaiting();
    clearTimeout(this.#timer);
    this.#reportDropped(this.#waiting.results.size + this.#waiting.removals.size);
  }

  #begin(write: PendingWrite): Promise<void> {
    const key = keyOf(write);
    this.#newest.set(key, write);
    this.#waitingLike(write).delete(key);
    return this.#attempt(key, write);
  }

  async #attempt(key: string, write: PendingWrite): Promise<void> {
    const isStored = await this.#send(write);
    // A newer write of this record is under way.
    if (this.#newest.get(key) !== write) return;
    const waiting = this.#waitingLike(write);
    if (!isStored) this.#timer ??= setTimeout(() => void this.#attemptWaiting(), RETRY_MS).unref();
    if (!isStored && this.#now() < write.giveUpAtMs && (waiting.size < MAX_WAITING || waiting.has(key))) {
      waiting.set(key, write);
      return;
    }
    if (!isStored) this.#dropped += 1;
    waiting.delete(key);
    this.#newest.delete(key);
  }

  /** Whether the store took the write. */
  async #send({ id, record, owner }: PendingWrite): Promise<boolean> {
    try {
      if (record === undefined) await this.#store.remove(id, owner);
      else await this.#store.replace(record, owner);
      return true;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return false;
    }
  }

  async #attemptWaiting(): Promise<void> {
    this.#timer = undefined;
    const { results, removals } = this.#waiting;
    await Promise.all([...results, ...removals].map(([key, write]) => this.#attempt(key, write)));
    this.#reportDropped(this.#dropped);
    this.#dropped = 0;
  }

  #waitingLike({ record }: PendingWrite): Map<string, PendingWrite> {
    return record === undefined ? this.#waiting.removals : this.#waiting.results;
  }

  #reportDropped(count: number): void {
    if (count === 0) return;
    this.#log.warn(
      { operation: 'store', outcome: 'dropped', count },
      'records could not be written in time, their creates are looked up again',
    );
  }
}

// A repeat of the call may fail to begin as well, and either of the two records may be in the store.
function keyOf({ id, record, owner }: PendingWrite): string {
  return record === undefined ? `${id} ${owner}` : id;
}
