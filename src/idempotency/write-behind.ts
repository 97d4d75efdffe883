import type { Logger } from '../lib/logger.js';
import type { OperationRecord } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';

const RETRY_MS = 1_000;
const GIVE_UP_MS = 5 * 60_000;
// Of each kind, so that what is only to be forgotten takes no place from results.
const MAX_WAITING = 10_000;

interface PendingWrite {
  id: string;
  /** undefined: the record is to be forgotten. */
  record: OperationRecord | undefined;
  owner: string;
  giveUpAtMs: number;
}

/**
 * Writes what became of creates. A write that the store cannot take now is kept and repeated for 5 minutes, so
 * that the caller can be told the truth at once; after that the record is found open and looked up again.
 *
 * Stores execute what they are given in order, so of one record only the newest write is ever sent again.
 */
export class WriteBehind {
  readonly #store: Pick<OperationStore, 'replace' | 'remove'>;
  readonly #now: () => number;
  /** Of every record the write that counts, until the store has it. */
  readonly #newest = new Map<string, PendingWrite>();
  /** Those of them that the store could not take. */
  readonly #waiting = {
    results: new Map<string, PendingWrite>(),
    forgotten: new Map<string, PendingWrite>(),
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

  /** What is known here about a record and not in the store yet. */
  pending(id: string): OperationRecord | undefined {
    return this.#newest.get(id)?.record;
  }

  /** Stores a record, now or as soon as the store can. Never throws. */
  async write(record: OperationRecord, owner: string): Promise<void> {
    await this.#begin({ id: record.id, record, owner, giveUpAtMs: this.#now() + GIVE_UP_MS });
  }

  /** Forgets a record, now or as soon as the store can. Never throws. */
  async remove(id: string, owner: string): Promise<void> {
    await this.#begin({ id, record: undefined, owner, giveUpAtMs: this.#now() + GIVE_UP_MS });
  }

  /** Tries what is waiting once more and stops repeating it. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#attemptWaiting();
    clearTimeout(this.#timer);
    this.#tellDropped(this.#waiting.results.size + this.#waiting.forgotten.size);
  }

  #begin(write: PendingWrite): Promise<void> {
    const key = keyOf(write);
    this.#newest.set(key, write);
    this.#waitingLike(write).delete(key);
    return this.#attempt(key, write);
  }

  async #attempt(key: string, write: PendingWrite): Promise<void> {
    const isStored = await this.#send(write);
    // Whatever became of this one, a newer one is on its way.
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

  /** Whether the store has taken the write. */
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
    const { results, forgotten } = this.#waiting;
    await Promise.all([...results, ...forgotten].map(([key, write]) => this.#attempt(key, write)));
    this.#tellDropped(this.#dropped);
    this.#dropped = 0;
  }

  #waitingLike({ record }: PendingWrite): Map<string, PendingWrite> {
    return record === undefined ? this.#waiting.forgotten : this.#waiting.results;
  }

  #tellDropped(count: number): void {
    if (count === 0) return;
    this.#log.warn(
      { operation: 'store', outcome: 'dropped', count },
      'records could not be written in time, their creates are looked up again',
    );
  }
}

// A repeat of the call may fail to begin as well; which of the two records the store took is not known.
function keyOf({ id, record, owner }: PendingWrite): string {
  return record === undefined ? `${id} ${owner}` : id;
}
