import { setTimeout as delay } from 'node:timers/promises';
import type { OperationContext } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import { isDecided } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { OperationRecord } from '../operation-store/record-format.js';
import type { CreateOutcome } from './outcome.js';
import { recordedOutcome } from './outcome.js';
import type { InlineReconciliation } from './reconciliation-schedule.js';
import { OWNERSHIP_MARGIN_MS, takeOver } from './reconciliation-schedule.js';

/** How long a repeat waits for the call that is in flight, in milliseconds. */
export const IN_FLIGHT_WAIT_MS = 2_000;
/** How often a repeat reads the record meanwhile, in milliseconds. */
export const OWNER_POLL_MS = 100;
/** The outcome of a repeat whose call is still running after that wait. */
export const IN_PROGRESS = { kind: 'inProgress', retryAfterSeconds: 1 } as const;

/** Replays or resumes a repeated create from its record. A repeat never sends the create again. */
export class ResumeCreate {
  constructor(
    private readonly store: OperationStore,
    private readonly inline: InlineReconciliation,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  /** Replays a decided record. Takes over an abandoned one and reconciles it, or waits for its owner. */
  async run(record: OperationRecord, context: OperationContext): Promise<CreateOutcome> {
    const outcome = await this.#run(record, context);
    this.metrics.count('dli_gateway_replays_total', { result: outcome.kind });
    return outcome;
  }

  async #run(record: OperationRecord, context: OperationContext): Promise<CreateOutcome> {
    try {
      return (await this.#replayOrReconcile(record, context)) ?? (await this.#awaitOwner(record, context));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return this.#withoutStore(record);
    }
  }

  /** Undefined while another operation owns the record. */
  async #replayOrReconcile(record: OperationRecord, context: OperationContext): Promise<CreateOutcome | undefined> {
    if (isDecided(record)) return replay(record);
    const ownedUntilMs = context.deadline.endsAtEpochMs + OWNERSHIP_MARGIN_MS;
    const owned = await takeOver(this.store, record, this.clock.epochMs(), ownedUntilMs);
    if (owned === undefined) return undefined;
    const reconciled = await this.inline.reconcile(owned, context);
    return recordedOutcome(reconciled, this.inline.secondsUntilDecided(reconciled));
  }

  async #awaitOwner({ id }: OperationRecord, context: OperationContext): Promise<CreateOutcome> {
    const endMs = this.clock.monotonicMs() + IN_FLIGHT_WAIT_MS;
    while (this.clock.monotonicMs() < endMs) {
      await delay(OWNER_POLL_MS);
      const found = await this.store.find(id, this.clock.epochMs());
      if (found.kind !== 'found') break;
      const outcome = await this.#replayOrReconcile(found.record, context);
      if (outcome !== undefined) return outcome;
    }
    return IN_PROGRESS;
  }

  // The record was read, so something may have been sent, whether or not the store answers now.
  #withoutStore(record: OperationRecord): CreateOutcome {
    const retryAfterSeconds = this.inline.secondsUntilDecided(record);
    return record.ownedUntilMs > this.clock.epochMs()
      ? { kind: 'inProgress', retryAfterSeconds }
      : recordedOutcome(record, retryAfterSeconds);
  }
}

function replay(record: OperationRecord): CreateOutcome {
  const outcome = recordedOutcome(record);
  return outcome.kind === 'created' ? { ...outcome, isReplay: true } : outcome;
}
