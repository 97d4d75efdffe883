import { setTimeout as delay } from 'node:timers/promises';
import type { OperationScope } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { within } from '../lib/time.js';
import type { OperationRecord } from '../operation-store/operation-record.js';
import { lastSentAt } from '../operation-store/operation-record.js';
import type { Reconciler } from './reconciler.js';
import type { RecordWriter } from './record-writer.js';

/** Parts of the settle time at which the list is read while the caller waits: 1, 3 and 10 of 120 s. */
const INLINE_PARTS = [1 / 120, 3 / 120, 10 / 120];
/** What is left of the operation's time after the last read, to write and answer. */
export const ANSWER_MARGIN_MS = 500;
const MAX_RETRY_AFTER_SECONDS = 300;

/** Looks for a create's connection while its caller waits. */
export class InlineReconciliation {
  readonly #reconciler: Reconciler;
  readonly #writer: RecordWriter;
  readonly #clock: Clock;
  readonly #settleMs: number;

  /** @param settleMs how long after it was sent a create may still appear, in milliseconds */
  constructor(reconciler: Reconciler, writer: RecordWriter, clock: Clock, settleMs: number) {
    this.#reconciler = reconciler;
    this.#writer = writer;
    this.#clock = clock;
    this.#settleMs = settleMs;
  }

  /**
   * Reads the list until it decides or the time is over; what is not found by then is looked for in the background.
   *
   * @returns the record as it stands then
   */
  async reconcile(record: OperationRecord, scope: OperationScope): Promise<OperationRecord> {
    const startMs = this.#clock.monotonicMs();
    let current = record;
    for (const part of this.#partsFor(record)) {
      const waitMs = Math.max(0, startMs + part * this.#settleMs - this.#clock.monotonicMs());
      if (waitMs + ANSWER_MARGIN_MS > scope.deadline.remainingMs()) break;
      await delay(waitMs);
      const check = this.#reconciler.check(current, scope.traceId);
      const limitMs = Math.max(0, scope.deadline.remainingMs() - ANSWER_MARGIN_MS);
      const checked = await within(limitMs, check, undefined);
      if (checked === undefined) {
        // The caller is answered now; what the late read shows is written all the same.
        void check.then(late => this.release(late));
        return current;
      }
      current = checked;
      if (current.state !== 'UNKNOWN' || current.isSettled === true) break;
    }
    await this.release(current);
    return current;
  }

  /** Lets others take over a record that is not decided. */
  async release(record: OperationRecord): Promise<void> {
    if (record.state !== 'UNKNOWN') return;
    await this.#writer.write({ ...record, ownedUntilMs: this.#clock.epochMs() }, record.owner);
  }

  /** Seconds after which a repeat of the call may find the record decided. */
  secondsUntilDecided(record: OperationRecord): number {
    const { state, ownedUntilMs, nextCheckAtMs, isSettled } = record;
    const nextMs =
      state === 'SENDING' ? ownedUntilMs : (nextCheckAtMs ?? this.#firstBackgroundLookMs(record));
    const waitMs = isSettled === true ? this.#settleMs : nextMs - this.#clock.epochMs();
    return Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(waitMs / 1_000)));
  }

  // Long after it was sent, one look is all that a repeat of the call can add; a suspected refusal is looked into at once.
  #partsFor(record: OperationRecord): readonly number[] {
    if (this.#firstBackgroundLookMs(record) < this.#clock.epochMs()) return [0];
    return record.suspected === undefined ? INLINE_PARTS : [0, ...INLINE_PARTS];
  }

  #firstBackgroundLookMs(record: OperationRecord): number {
    return lastSentAt(record) + this.#settleMs / 4;
  }
}
