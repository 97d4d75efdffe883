import type { ConnectionList } from '../dli/connection-list.js';
import type { DliClient } from '../dli/dli-client.js';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../huawei-cloud/clock.js';
import { Deadline } from '../huawei-cloud/deadline.js';
import { matchConnection } from './match-connection.js';
import type { OnceLog } from './once-log.js';
import type { OperationRecord } from './operation-record.js';
import type { RecordStore } from './record-store.js';
import { StoreUnavailableError } from './record-store.js';
import type { RecordWriter } from './record-writer.js';
import { RETENTION_MS } from './retention.js';

const READ_TIMEOUT_MS = 15_000;
const JITTER = 0.2;

/** Parts of the settle time after sending at which the list is read in the background: 30, 60, 90, 120 of 120 s. */
const BACKGROUND_PARTS = [1 / 4, 1 / 2, 3 / 4, 1];

/** What the reconciler works with. */
export interface ReconcilerOptions {
  dli: DliClient;
  store: RecordStore;
  writer: RecordWriter;
  clock: Clock;
  log: OnceLog;
  /** How long after it was sent a create may still appear, in milliseconds. */
  settleMs: number;
}

/** Finds out by DLI's list what became of creates whose answer proved nothing. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #reading: Promise<ConnectionList> | undefined;
  #next: Promise<ConnectionList> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * Reads the list once for a record that `owner` owns, and writes what it shows.
   *
   * @returns the record as it stands afterwards: SUCCEEDED, or UNKNOWN, settled or not
   */
  async check(record: OperationRecord, traceId: string): Promise<OperationRecord> {
    const { clock, log, writer } = this.#options;
    const list = await this.#readList(traceId).catch((error: unknown) => {
      // A failed read is no evidence at all.
      if (error instanceof DliError) return undefined;
      throw error;
    });
    const nowMs = clock.epochMs();
    const next = list === undefined ? record : await this.#judge(record, list, nowMs);
    const written: OperationRecord = { ...next, nextCheckAtMs: this.#nextCheckMs(next, nowMs) };
    await writer.write(written, record.owner);
    if (written.state !== record.state || written.isSettled) {
      const outcome = written.state === 'SUCCEEDED' ? 'found' : 'settled without trace';
      log.info(
        { traceId, operation: 'reconcile', outcome, afterMs: nowMs - record.sentAtMs },
        'create reconciled',
      );
    }
    return written;
  }

  async #judge(record: OperationRecord, list: ConnectionList, nowMs: number): Promise<OperationRecord> {
    const { store, log, settleMs } = this.#options;
    const match = matchConnection(record, list, nowMs);
    if (match.kind === 'found') {
      const { connectionId } = match;
      // As long as any unknown record that might find it too is kept.
      const claimedUntilMs = record.sentAtMs + RETENTION_MS.UNKNOWN;
      let isOurs: boolean;
      try {
        isOurs = await store.claimConnection(connectionId, record.id, claimedUntilMs);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        // That it cannot be claimed now says nothing about whose it is.
        return record;
      }
      if (isOurs) {
        const { unknownReason: _known, ...rest } = record;
        const expiresAtMs = record.sentAtMs + RETENTION_MS.SUCCEEDED;
        return { ...rest, state: 'SUCCEEDED', connectionId, message: null, isReconciled: true, expiresAtMs };
      }
    }
    if (match.kind === 'ambiguous') {
      log.warn(
        { operation: 'reconcile', outcome: 'ambiguous', count: match.count },
        'create cannot be told apart',
      );
      return record;
    }
    const emptySinceMs = record.emptySinceMs ?? nowMs;
    const isSettled = nowMs >= record.sentAtMs + settleMs && nowMs >= emptySinceMs + settleMs / 4;
    return { ...record, emptySinceMs, ...(isSettled && { isSettled }) };
  }

  #nextCheckMs({ sentAtMs }: OperationRecord, nowMs: number): number {
    const { settleMs } = this.#options;
    const part = BACKGROUND_PARTS.find(candidate => sentAtMs + candidate * settleMs > nowMs);
    const waitMs = part === undefined ? settleMs / 4 : sentAtMs + part * settleMs - nowMs;
    return nowMs + waitMs * (1 + JITTER * Math.random());
  }

  // Many records may wait for a list at once; a list helps only those who asked before it was requested.
  #readList(traceId: string): Promise<ConnectionList> {
    if (this.#reading === undefined) {
      this.#reading = this.#startReading(traceId);
      return this.#reading;
    }
    this.#next ??= this.#reading.then(
      () => this.#startNext(traceId),
      () => this.#startNext(traceId),
    );
    return this.#next;
  }

  #startNext(traceId: string): Promise<ConnectionList> {
    this.#next = undefined;
    this.#reading = this.#startReading(traceId);
    return this.#reading;
  }

  #startReading(traceId: string): Promise<ConnectionList> {
    const { dli, clock } = this.#options;
    const reading = dli
      .listConnections({ traceId, deadline: new Deadline(clock, READ_TIMEOUT_MS) })
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    return reading;
  }
}
