import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Logger } from '../lib/logger.js';
import { logBug } from '../lib/logger.js';
import { OutageLog } from '../lib/outage-log.js';
import type { Clock } from '../lib/time.js';

const MINUTE_MS = 60_000;
/** An outage of Redis affects every gateway, so a short one must not take all of them out of service. */
const REDIS_GRACE_MS = 5_000;

/** The kind of store that keeps the records. */
export type StoreBackend = 'lmdb' | 'redis';

/** Why the store cannot be used. */
export type StoreProblem =
  /** LMDB: the disk has less than 8 MiB left, or the user or the process may not write more. */
  | 'diskFull'
  | 'readOnly'
  /** LMDB: the folder or its file was removed or replaced. */
  | 'folderGone'
  | 'diskError'
  /** Redis: there is no connection. */
  | 'unreachable'
  /** Redis does not answer in time, or is loading its data. */
  | 'noReply'
  /** Redis refuses commands, for example because its memory is full or it is a replica. */
  | 'refused'
  /** Redis may drop records, or refuses the credentials. */
  | 'misconfigured';

/** Whether the store can be used now, for readiness, metrics and the log; and what it has lost or cannot read. */
export class StoreHealth {
  #isUp = false;
  /** The start of the outage, by the monotonic clock. */
  #unavailableSinceMs = Number.NEGATIVE_INFINITY;
  #problem: StoreProblem | undefined;
  #sentence = '';
  #unreadable = 0;
  /** Hashes of texts, because an unreadable record is read again and again until it expires. */
  // `maxSize`, because `max` would allocate room for all entries at once.
  readonly #knownUnreadable = new LRUCache<string, true>({ maxSize: 10_000, sizeCalculation: () => 1 });
  #unreadableInWindow = 0;
  #unreadableTimer: NodeJS.Timeout | undefined;
  #losses = 0;
  #lastLossMs = Number.NEGATIVE_INFINITY;
  readonly #outage: OutageLog;

  /** @param windowMs time between two lines of a kind, in milliseconds; a minute by default */
  constructor(
    readonly backend: StoreBackend,
    private readonly clock: Clock,
    private readonly log: Pick<Logger, 'info' | 'warn' | 'error'>,
    private readonly windowMs = MINUTE_MS,
  ) {
    const operation = 'store';
    this.#outage = new OutageLog(
      {
        start: fields =>
          log.warn(
            { operation, outcome: 'unavailable', detail: this.#problem ?? 'unknown', ...fields },
            this.#sentence,
          ),
        end: fields =>
          log.info({ operation, outcome: 'available', ...fields }, 'the operation records can be used again'),
      },
      windowMs,
    );
  }

  /** Whether the store can be used: false until it has been reached once. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** False if another gateway might do better: the store is down, or is a Redis that has been down for 5 s. */
  get isUsable(): boolean {
    if (this.#isUp || this.backend === 'lmdb') return this.#isUp;
    return this.clock.monotonicMs() - this.#unavailableSinceMs < REDIS_GRACE_MS;
  }

  /** Why it cannot be used. Undefined while it can, and before it has been tried. */
  get problem(): StoreProblem | undefined {
    return this.#problem;
  }

  /** How many stored texts were read that are not records which this version understands. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** How often this process has noticed that the store lost records. */
  get losses(): number {
    return this.#losses;
  }

  /**
   * Records that the store cannot be used.
   *
   * @param sentence for operators, without addresses or secrets; begins with the setting
   */
  markUnavailable(problem: StoreProblem, sentence: string): void {
    if (this.#isUp) this.#unavailableSinceMs = this.clock.monotonicMs();
    this.#isUp = false;
    this.#problem = problem;
    this.#sentence = sentence;
    this.#outage.start(problem);
  }

  /** Records that the store can be used. */
  markAvailable(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#problem = undefined;
    this.#outage.end();
  }

  /** Counts a stored text that this version does not understand. Repeated reads of the same text count once. */
  recordUnreadable(text: string): void {
    const hash = createHash('sha256').update(text).digest('base64');
    if (this.#knownUnreadable.has(hash)) return;
    this.#knownUnreadable.set(hash, true);
    this.#unreadable += 1;
    this.#unreadableInWindow += 1;
    if (this.#unreadableTimer === undefined) this.#logUnreadable();
  }

  /** Counts a loss of records. Every check notices the same loss, so losses within a minute count as one. */
  recordLoss(): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.#lastLossMs < MINUTE_MS) return;
    this.#lastLossMs = nowMs;
    this.#losses += 1;
    const message = 'REDIS_URL: Redis may have lost records; for 72 hours every create first reads the list of DLI';
    this.log.warn({ operation: 'store', outcome: 'lost' }, message);
  }

  /** Logs an error of our own while the store was checked. */
  recordBug(error: unknown): void {
    logBug(this.log, { operation: 'store', outcome: 'INTERNAL' }, error);
  }

  /** Writes no more lines. */
  close(): void {
    this.#outage.close();
    clearTimeout(this.#unreadableTimer);
  }

  #logUnreadable(): void {
    this.#unreadableTimer = undefined;
    const count = this.#unreadableInWindow;
    if (count === 0) return;
    this.#unreadableInWindow = 0;
    this.log.warn(
      { operation: 'store', outcome: 'unreadable', count },
      'stored records cannot be read by this version',
    );
    this.#unreadableTimer = setTimeout(() => this.#logUnreadable(), this.windowMs).unref();
  }
}
