import { setTimeout as delay } from 'node:timers/promises';
import type { OperationContext } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import type { OperationRecord } from '../operation-store/operation-record.js';
import { isDecided } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { CreateOutcome } from './outcome.js';
import { outcomeOf } from './outcome.js';
import type { InlineReconciliation } from './reconciliation-schedule.js';
import { ownershipMs, takeOver } from './reconciliation-schedule.js';

/** What repeating a create takes. */
interface RepeatedCreateParts {
  inline: InlineReconciliation;
  store: OperationStore;
  clock: Clock;
}

/** How long a repeat waits for the first call, in milliseconds. */
export const JOIN_MS = 2_000;
const JOIN_POLL_MS = 100;

/** Tells the story of a create to those who repeat its call. */
export class ResumeCreate {
  readonly #parts: RepeatedCreateParts;

  constructor(parts: RepeatedCreateParts) {
    this.#parts = parts;
  }

  /** How the create of a record ended, which is found out now when nobody else does. */
  async tell(record: OperationRecord, scope: OperationContext): Promise<CreateOutcome> {
    try {
      return (await this.#continue(record, scope)) ?? (await this.#joinElsewhere(record, scope));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return this.#fromMemory(record);
    }
  }

  // Whoever has read the record knows that something may have been sent, whether or not the store answers now.
  #fromMemory(record: OperationRecord): CreateOutcome {
    const { inline, clock } = this.#parts;
    const retryAfterSeconds = inline.secondsUntilDecided(record);
    return record.ownedUntilMs > clock.epochMs()
      ? { kind: 'inProgress', retryAfterSeconds }
      : outcomeOf(record, retryAfterSeconds);
  }

  /** Tells the end of a record, or looks for it; undefined while somebody else does. */
  async #continue(record: OperationRecord, scope: OperationContext): Promise<CreateOutcome | undefined> {
    if (isDecided(record)) return outcomeOf(record, 0);
    const { store, clock, inline } = this.#parts;
    const adopted = await takeOver(store, record, clock.epochMs(), ownershipMs(scope));
    if (adopted === undefined) return undefined;
    const reconciled = await inline.reconcile(adopted, scope);
    return outcomeOf(reconciled, inline.secondsUntilDecided(reconciled));
  }

  // Somebody else works on it; a short wait often sees the end.
  async #joinElsewhere({ id }: OperationRecord, scope: OperationContext): Promise<CreateOutcome> {
    const { store, clock } = this.#parts;
    const endMs = clock.monotonicMs() + JOIN_MS;
    while (clock.monotonicMs() < endMs) {
      await delay(JOIN_POLL_MS);
      const found = await store.find(id, clock.epochMs());
      if (found.kind !== 'found') break;
      const outcome = await this.#continue(found.record, scope);
      if (outcome !== undefined) return outcome;
    }
    return { kind: 'inProgress', retryAfterSeconds: 1 };
  }
}
