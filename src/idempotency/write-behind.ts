import type { Logger } from '../lib/logger.js';
import { logBug } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { OperationRecord } from '../operation-store/record-format.js';

const RETRY_MS = 1_000;
const GIVE_UP_MS = 5 * 60_000;
// Separately for results and removals, so that removals cannot displace results.
const MAX_WAITING = 10_000;

interface PendingWrite {
  /** Of the writes of one key, only the latest is retried. */
  key: string;
  /** Undefined: the record is to be removed. */
  record: OperationRecord | undefined;
  send: () => Promise<boolean>;
  /** The queue in which it waits while the store is unavailable. */
  waiting: Map<string, PendingWrite>;
  /** Set at the first failure. */
  giveUpAtMs?: number;
}

/**
 * Write-behind queue for operation records. A write that the store cannot accept now is retried for 5 minutes while the
 * caller already has its response; after that the record stays open in the store and is reconciled again.
 */
export class WriteBehind {
  /** The latest write of each key, until the store has it. */
  readonly #latest = new Map<string, PendingWrite>();
  readonly #waitingResults = new Map<string, PendingWrite>();
  readonly #waitingRemovals = new Map<string, PendingWrite>();
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: Pick<OperationStore, 'replace' | 'remove'>,
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly log: Pick<Logger, 'warn' | 'error'>,
  ) {}

  /** The latest version of a record that the store does not have yet. */
  pending(id: string): OperationRecord | undefined {
    return this.#latest.get(id)?.record;
  }

  /** Writes a record, now or as soon as the store is available. Does not reject while it is unavailable. */
  write(record: OperationRecord): Promise<void> {
    const send = () => this.store.replace(record);
    return this.#begin({ key: record.id, record, send, waiting: this.#waitingResults });
  }

  /** Removes a record, now or as soon as the store is available. Does not reject while it is unavailable. */
  remove(record: Pick<OperationRecord, 'id' | 'owner'>): Promise<void> {
    // A repeat of the call may fail to begin as well, and either of the two records may be in the store.
    const key = `${record.id} ${record.owner}`;
    const send = () => this.store.remove(record);
    return this.#begin({ key, record: undefined, send, waiting: this.#waitingRemovals });
  }

  /** Tries the waiting writes once more and stops retrying. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#attemptWaiting();
    clearTimeout(this.#timer);
    this.#reportDropped(this.#waitingResults.size + this.#waitingRemovals.size);
  }

  #begin(write: PendingWrite): Promise<void> {
    this.#latest.set(write.key, write);
    write.waiting.delete(write.key);
    return this.#attempt(write);
  }

  async #attempt(write: PendingWrite): Promise<void> {
    const { key, send, waiting } = write;
    let isStored = true;
    try {
      await send();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) {
        // Otherwise the outcome would be replayed although it was never stored.
        if (this.#latest.get(key) === write) this.#latest.delete(key);
        if (waiting.get(key) === write) waiting.delete(key);
        throw error;
      }
      isStored = false;
    }
    // A newer write of this record is under way.
    if (this.#latest.get(key) !== write) return;
    if (!isStored && this.#mayWait(write)) {
      waiting.set(key, write);
      this.#timer ??= setTimeout(() => void this.#attemptWaiting(), RETRY_MS).unref();
      return;
    }
    if (!isStored) this.#dropped += 1;
    waiting.delete(key);
    this.#latest.delete(key);
  }

  #mayWait(write: PendingWrite): boolean {
    const nowMs = this.clock.monotonicMs();
    write.giveUpAtMs ??= nowMs + GIVE_UP_MS;
    return nowMs < write.giveUpAtMs && (write.waiting.size < MAX_WAITING || write.waiting.has(write.key));
  }

  async #attemptWaiting(): Promise<void> {
    this.#timer = undefined;
    const waiting = [...this.#waitingResults.values(), ...this.#waitingRemovals.values()];
    // A bug that one write causes must not keep the others from being repeated.
    const reportBug = (error: unknown) => logBug(this.log, { operation: 'store', outcome: 'INTERNAL' }, error);
    await Promise.all(waiting.map(write => this.#attempt(write).catch(reportBug)));
    this.#reportDropped(this.#dropped);
    this.#dropped = 0;
  }

  #reportDropped(count: number): void {
    if (count === 0) return;
    this.log.warn(
      { operation: 'store', outcome: 'dropped', count },
      'records could not be written in time; their creates are looked up again',
    );
  }
}
