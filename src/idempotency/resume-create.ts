import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionRequest } from '../dli/connection.js';
import type { OperationScope } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import type { OperationRecord } from '../operation-store/operation-record.js';
import { isDecided, RETENTION_MS } from '../operation-store/operation-record.js';
import type { RecordStore } from '../operation-store/operation-store.js';
import { mayHaveWritten, StoreUnavailableError } from '../operation-store/operation-store.js';
import type { CreateOutcome } from './outcome.js';
import { outcomeOf } from './outcome.js';
import type { InlineReconciliation } from './reconciliation-schedule.js';
import { adoptRecord, ownershipMs } from './reconciliation-schedule.js';
import type { RecordedCreate } from './send-create.js';
import type { RecordWriter } from './write-behind.js';

/** What repeating a create takes. */
interface RepeatedCreateParts {
  recorded: RecordedCreate;
  inline: InlineReconciliation;
  store: RecordStore;
  writer: RecordWriter;
  clock: Clock;
  /** Whether DLI is known to refuse a second connection of a name. */
  namesAreUnique: boolean;
}

/** How long a repeat waits for the first call, in milliseconds. */
export const JOIN_MS = 2_000;
const JOIN_POLL_MS = 100;

/** Tells the story of a create to those who repeat its call. */
export class RepeatedCreate {
  readonly #parts: RepeatedCreateParts;

  constructor(parts: RepeatedCreateParts) {
    this.#parts = parts;
  }

  /** How the create of a record ended, which is found out now when nobody else does. */
  async tell(
    request: ConnectionRequest,
    record: OperationRecord,
    scope: OperationScope,
  ): Promise<CreateOutcome> {
    try {
      return (
        (await this.#continue(request, record, scope)) ?? (await this.#joinElsewhere(request, record, scope))
      );
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
  async #continue(
    request: ConnectionRequest,
    record: OperationRecord,
    scope: OperationScope,
  ): Promise<CreateOutcome | undefined> {
    if (isDecided(record)) return outcomeOf(record, 0);
    const { store, clock, inline, namesAreUnique } = this.#parts;
    const adopted = await adoptRecord(store, record, clock.epochMs(), ownershipMs(scope));
    if (adopted === undefined) return undefined;
    const reconciled = await inline.reconcile(adopted, scope);
    const { isSettled, emptySinceMs, isResent } = reconciled;
    // A create that was given up for lack of a good list left no proof of its absence.
    const isProvenAbsent = isSettled === true && emptySinceMs !== undefined;
    if (namesAreUnique && isProvenAbsent && isResent !== true)
      return this.#resend(request, reconciled, scope);
    return outcomeOf(reconciled, inline.secondsUntilDecided(reconciled));
  }

  // A late twin of the first request is refused by its name.
  async #resend(
    request: ConnectionRequest,
    previous: OperationRecord,
    scope: OperationScope,
  ): Promise<CreateOutcome> {
    const { store, writer, clock, recorded, inline } = this.#parts;
    const {
      isSettled: _over,
      emptySinceMs: _since,
      nextCheckAtMs: _next,
      lastSentAtMs: _last,
      ...kept
    } = previous;
    const nowMs = clock.epochMs();
    const again: OperationRecord = {
      ...kept,
      state: 'SENDING',
      owner: randomUUID(),
      ownedUntilMs: nowMs + ownershipMs(scope),
      isResent: true,
      expiresAtMs: nowMs + RETENTION_MS.SENDING,
    };
    try {
      if (!(await store.reopen(again, previous.owner, nowMs)))
        return { kind: 'inProgress', retryAfterSeconds: inline.secondsUntilDecided(previous) };
    } catch (error) {
      // Nothing was sent, so a store that has reopened it all the same must have it back as it was.
      if (mayHaveWritten(error))
        await writer.write({ ...previous, owner: again.owner, ownedUntilMs: nowMs }, again.owner);
      throw error;
    }
    return recorded.send(request, again, scope, { previous });
  }

  // Somebody else works on it; a short wait often sees the end.
  async #joinElsewhere(
    request: ConnectionRequest,
    { id }: OperationRecord,
    scope: OperationScope,
  ): Promise<CreateOutcome> {
    const { store, clock } = this.#parts;
    const endMs = clock.monotonicMs() + JOIN_MS;
    while (clock.monotonicMs() < endMs) {
      await delay(JOIN_POLL_MS);
      const found = await store.find(id, clock.epochMs());
      if (found.kind !== 'found') break;
      const outcome = await this.#continue(request, found.record, scope);
      if (outcome !== undefined) return outcome;
    }
    return { kind: 'inProgress', retryAfterSeconds: 1 };
  }
}
