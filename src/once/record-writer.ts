import type { OperationRecord } from './operation-record.js';
import type { RecordStore } from './record-store.js';
import { StoreUnavailableError } from './record-store.js';

const RETRY_MS = 1_000;
const GIVE_UP_MS = 5 * 60_000;
const MAX_WAITING = 10_000;

interface WaitingWrite {
  id: string;
  /** undefined: the record is to be forgotten. */
  record: OperationRecord | undefined;
  owner: string;
  giveUpAtMs: number;
}

/**
 * Writes what became of creates. A write that the store cannot take now is kept and repeated for 5 minutes, so
 * that the caller can be told the truth at once; after that the record is found open and looked up again.
 */
export class RecordWriter {
  readonly #store: RecordStore;
  readonly #now: () => number;
  readonly #waiting = new Map<string, WaitingWrite>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: RecordStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** What is known here about a record and not in the store yet. */
  unwritten(id: string): OperationRecord | undefined {
    return this.#waiting.get(id)?.record;
  }

  /** Stores a record, now or as soon as the store can. Never throws. */
  async write(record: OperationRecord, owner: string): Promise<void> {
    await this.#attempt({ id: record.id, record, owner, giveUpAtMs: this.#now() + GIVE_UP_MS });
  }

  /** Forgets a record, now or as soon as the store can. Never throws. */
  async forget(id: string, owner: string): Promise<void> {
    await this.#attempt({ id, record: undefined, owner, giveUpAtMs: this.#now() + GIVE_UP_MS });
  }

  /** Tries what is waiting once more and stops repeating it. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#attemptWaiting();
    clearTimeout(this.#timer);
  }

  async #attempt(write: WaitingWrite): Promise<void> {
    const key = keyOf(write);
    try {
      if (write.record === undefined) await this.#store.remove(write.id, write.owner);
      else await this.#store.replace(write.record, write.owner);
      this.#waiting.delete(key);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      if (this.#now() >= write.giveUpAtMs || (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(key))) {
        this.#waiting.delete(key);
        return;
      }
      this.#waiting.set(key, write);
      this.#timer ??= setTimeout(() => void this.#attemptWaiting(), RETRY_MS).unref();
    }
  }

  async #attemptWaiting(): Promise<void> {
    this.#timer = undefined;
    await Promise.all([...this.#waiting.values()].map(write => this.#attempt(write)));
  }
}

// A repeat of the call may fail to begin as well; which of the two records the store took is not known.
function keyOf({ id, record, owner }: WaitingWrite): string {
  return record === undefined ? `${id} ${owner}` : id;
}
