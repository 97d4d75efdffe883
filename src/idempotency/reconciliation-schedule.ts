import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { OperationContext } from '../dli/dli-error.js';
import type { Logger, TraceContext } from '../lib/logger.js';
import { logBug, newTrace } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { withTimeout } from '../lib/time.js';
import { isDecided, lastSentAt, toUnknown } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { OperationRecord, UnknownRecord } from '../operation-store/record-format.js';
import type { OperationKeys } from './operation-keys.js';
import type { Reconciler } from './reconciler.js';
import { hasEnded } from './reconciler.js';
import type { WriteBehind } from './write-behind.js';

/** When the list is read while the caller waits, as fractions of the settle time: after 1, 3 and 10 of 120 s. */
const INLINE_FRACTIONS = [1 / 120, 3 / 120, 10 / 120];
/** Time that the last read leaves to write the record and respond, in milliseconds. */
export const RESPONSE_MARGIN_MS = 500;
const MAX_RETRY_AFTER_SECONDS = 300;

/** Called with the record of a create that ended after its caller stopped waiting, and a trace for the log. */
export type LateEndListener = (record: OperationRecord, trace: TraceContext) => void;

interface InlineDependencies {
  reconciler: Reconciler;
  writer: WriteBehind;
  clock: Clock;
  log: Logger;
  /** How long after it was sent a create may still appear, in milliseconds. */
  settleMs: number;
  onLateEnd: LateEndListener;
}

/** Reconciles a create while its caller waits. */
export class InlineReconciliation {
  constructor(private readonly dependencies: InlineDependencies) {}

  /**
   * Reads the list until it decides or the deadline is near. An undecided record is left to the background.
   *
   * @returns the latest version of the record
   */
  async reconcile(record: UnknownRecord, context: OperationContext): Promise<OperationRecord> {
    const { reconciler, clock, log, settleMs, onLateEnd } = this.dependencies;
    const startMs = clock.monotonicMs();
    let current = record;
    for (const fraction of this.#fractionsFor(record)) {
      const waitMs = Math.max(0, startMs + fraction * settleMs - clock.monotonicMs());
      if (waitMs + RESPONSE_MARGIN_MS > context.deadline.remainingMs()) break;
      await delay(waitMs);
      const check = reconciler.check(current, context.trace);
      const limitMs = Math.max(0, context.deadline.remainingMs() - RESPONSE_MARGIN_MS);
      const checked = await withTimeout(limitMs, check, () => undefined);
      if (checked === undefined) {
        // The caller is answered now. The result of the late read is written anyway.
        const unchecked = current;
        check
          .then(late => {
            if (hasEnded(unchecked, late)) onLateEnd(late, newTrace(late.traceId));
            return this.release(late);
          })
          .catch(error => logBug(log, { ...context.trace, operation: 'reconcile', outcome: 'INTERNAL' }, error));
        return current;
      }
      if (checked.state !== 'UNKNOWN') return checked;
      current = checked;
      if (current.isSettled === true) break;
    }
    await this.release(current);
    return current;
  }

  /** Gives up ownership of an undecided record, or of one whose connection a repeat may have to bind. */
  async release(record: OperationRecord): Promise<void> {
    const mayBind = record.state === 'SUCCEEDED' && record.wanted.kind === 'ENHANCED';
    if (record.state !== 'UNKNOWN' && !mayBind) return;
    const { writer, clock } = this.dependencies;
    await writer.write({ ...record, ownedUntilMs: clock.epochMs() });
  }

  /** Seconds (1 to 300) after which a repeat of the call may find the record decided. */
  secondsUntilDecided(record: OperationRecord): number {
    const { state, ownedUntilMs, nextCheckAtMs, isSettled } = record;
    const nextMs = state === 'SENDING' ? ownedUntilMs : (nextCheckAtMs ?? this.#firstBackgroundReadMs(record));
    const { settleMs, clock } = this.dependencies;
    const waitMs = isSettled === true ? settleMs : nextMs - clock.epochMs();
    return Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(waitMs / 1_000)));
  }

  // Long after the request, a repeat adds only one read. A suspected refusal is checked at once; one without a known
  // code needs a second list, because the first may be too early.
  #fractionsFor(record: UnknownRecord): readonly number[] {
    if (this.#firstBackgroundReadMs(record) < this.dependencies.clock.epochMs()) return [0];
    if (record.rejection !== undefined) return INLINE_FRACTIONS.slice(0, 2);
    return record.suspected !== undefined ? [0, ...INLINE_FRACTIONS] : INLINE_FRACTIONS;
  }

  #firstBackgroundReadMs(record: OperationRecord): number {
    return lastSentAt(record) + this.dependencies.settleMs / 4;
  }
}

const BACKGROUND_OWNERSHIP_MS = 30_000;
const MAX_CONCURRENT = 50;

interface Dependencies {
  store: OperationStore;
  keys: OperationKeys;
  inline: InlineReconciliation;
  reconciler: Reconciler;
  clock: Clock;
  log: Logger;
  onLateEnd: LateEndListener;
  /** Milliseconds between two searches for abandoned records. */
  intervalMs: number;
}

/** Decides abandoned creates: those of callers that disconnected and of processes that died. */
export class BackgroundReconciliation {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(private readonly dependencies: Dependencies) {}

  /** Searches for abandoned records now and at every interval. */
  start(): void {
    this.#running = this.#search();
  }

  /** Resolves when the current search has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #search(): Promise<void> {
    const { store, clock, intervalMs } = this.dependencies;
    try {
      const nowMs = clock.epochMs();
      if (await store.hasAbandoned(nowMs)) await this.#decideAbandoned(nowMs);
    } catch (error) {
      this.#reportBug(error);
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.start(), intervalMs).unref();
  }

  async #decideAbandoned(nowMs: number): Promise<void> {
    const { store, keys } = this.dependencies;
    // Not earlier: the project's key creates the store's secret if there is none.
    const abandoned = await store.findAbandoned(await keys.projectId(), nowMs);
    const due = abandoned.filter(({ nextCheckAtMs = 0 }) => nextCheckAtMs <= nowMs);
    // A bug that one record causes must not keep the others undecided.
    const decisions = due
      .slice(0, MAX_CONCURRENT)
      .map(record => this.#decide(record).catch(error => this.#reportBug(error)));
    await Promise.all(decisions);
  }

  #reportBug(error: unknown): void {
    // The store reports its own outage.
    if (error instanceof StoreUnavailableError) return;
    logBug(this.dependencies.log, { operation: 'reconcile', outcome: 'INTERNAL' }, error);
  }

  async #decide(record: OperationRecord): Promise<void> {
    const { store, inline, reconciler, clock, onLateEnd } = this.dependencies;
    const nowMs = clock.epochMs();
    const owned = await takeOver(store, record, nowMs, nowMs + BACKGROUND_OWNERSHIP_MS);
    if (owned === undefined) return;
    const trace = newTrace(owned.traceId);
    const checked = await reconciler.check(owned, trace);
    if (hasEnded(owned, checked)) onLateEnd(checked, trace);
    await inline.release(checked);
  }
}

/** How long an operation owns its record after its deadline, when it neither sends nor responds, in milliseconds. */
export const OWNERSHIP_MARGIN_MS = 5_000;

/**
 * Takes an abandoned record over. A request that its previous owner may have sent ended without proof.
 *
 * @param ownedUntilMs until when the new owner keeps the record
 * @returns the stored record under its new owner; undefined while another operation owns it, or once it is decided
 */
export async function takeOver(
  store: OperationStore,
  record: OperationRecord,
  nowMs: number,
  ownedUntilMs: number,
): Promise<UnknownRecord | undefined> {
  if (record.ownedUntilMs > nowMs) return undefined;
  const taken = isDecided(record) ? undefined : await store.takeOver(record, randomUUID(), ownedUntilMs);
  if (taken === undefined || taken.state === 'SUCCEEDED') return undefined;
  if (taken.state === 'UNKNOWN') return taken;
  // The previous owner could send until its own time was over.
  return toUnknown(taken, { unknownReason: 'GATEWAY_RESTART', lastSentAtMs: record.ownedUntilMs });
}
