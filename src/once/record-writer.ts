import type { OperationRecord } from './operation-record.js';
import type { RecordStore } from './record-store.js';
import { StoreUnavailableError } from './record-store.js';

const RETRY_MS = 1_000;
const GIVE_UP_MS = 5 * 60_000;
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
export class RecordWriter {
  readonly #store: Pick<RecordStore, 'replace' | 'remove'>;
  readonly #now: () => number;
  /** Of every record the write that counts, until the store has it. */
  readonly #newest = new Map<string, PendingWrite>();
  /** Those of them that the store could not take. */
  readonly #waiting = new Map<string, PendingWrite>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Pick<RecordStore, 'replace' | 'remove'>, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** What is known here about a record and not in the store yet. */
  unwritten(id: string): OperationRecord | undefined {
    return this.#newest.get(id)?.record;
  }

  /** Stores a record, now or as soon as the store can. Never throws. */
  async write(record: OperationRecord, owner: string): Promise<void> {
    await this.#begin({ id: record.id, record, owner, giveUpAtMs: this.#now() + GIVE_UP_MS });
  }

  /** Forgets a record, now or as soon as the store can. Never throws. */
  async forget(id: string, owner: string): Promise<void> {
    await this.#begin({ id, record: undefined, owner, giveUpAtMs: this.#now() + GIVE_UP_MS });
  }

  /** Tries what is waiting once more and stops repeating it. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#attemptWaiting();
    clearTimeout(this.#timer);
  }

  #begin(write: PendingWrite): Promise<void> {
    const key = keyOf(write);
    this.#newest.set(key, write);
    this.#waiting.delete(key);
    return this.#attempt(key, write);
  }

  async #attempt(key: string, write: PendingWrite): Promise<void> {
    const isStored = await this.#send(write);
    // Whatever became of this one, a newer one is on its way.
    if (this.#newest.get(key) !== write) return;
    if (!isStored && this.#canWait(key, write)) {
      this.#waiting.set(key, write);
      this.#timer ??= setTimeout(() => void this.#attemptWaiting(), RETRY_MS).unref();
      return;
    }
    this.#waiting.delete(key);
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

  #canWait(key: string, { giveUpAtMs }: PendingWrite): boolean {
    return this.#now() < giveUpAtMs && (this.#waiting.size < MAX_WAITING || this.#waiting.has(key));
  }

  async #attemptWaiting(): Promise<void> {
    this.#timer = undefined;
    await Promise.all([...this.#waiting].map(([key, write]) => this.#attempt(key, write)));
  }
}

// A repeat of the call may fail to begin as well; which of the two records the store took is not known.
function keyOf({ id, record, owner }: PendingWrite): string {
  return record === undefined ? `${id} ${owner}` : id;
}
