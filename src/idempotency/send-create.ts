import type { ConnectionRequest } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import type { OperationContext } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { Logger } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import type { OperationRecord, StoredRejection } from '../operation-store/operation-record.js';
import { RETENTION_MS } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import { markerTagOf } from './connection-lookup.js';
import type { CreateOutcome } from './outcome.js';
import { failedOutcome, outcomeOf } from './outcome.js';
import type { Reconciler } from './reconciler.js';
import { asFound } from './reconciler.js';
import type { InlineReconciliation } from './reconciliation-schedule.js';
import { ANSWER_MARGIN_MS } from './reconciliation-schedule.js';
import type { WriteBehind } from './write-behind.js';

const STORE_LOST_RETRY_SECONDS = 5;

/** What sending a recorded create takes. */
interface RecordedCreateParts {
  dli: DliClient;
  store: OperationStore;
  writer: WriteBehind;
  reconciler: Reconciler;
  inline: InlineReconciliation;
  clock: Clock;
  log: Logger;
}

/** Sends a create that is recorded as SENDING, and records what comes of it. */
export class RecordedCreate {
  readonly #parts: RecordedCreateParts;

  constructor(parts: RecordedCreateParts) {
    this.#parts = parts;
  }

  /**
   * Sends the request, unless the connection exists already.
   *
   * @param hasLostRecords the store has lost records: an earlier call with the same key may have created the connection
   */
  async send(
    request: ConnectionRequest,
    begun: OperationRecord,
    scope: OperationContext,
    hasLostRecords: boolean,
  ): Promise<CreateOutcome> {
    const { dli, clock } = this.#parts;
    let record = begun;
    if (hasLostRecords) {
      // Whatever was made as long ago as records are kept may be this create's own.
      record = { ...begun, sentAtMs: clock.epochMs() - RETENTION_MS.SUCCEEDED };
      const earlier = await this.#findEarlier(record, scope);
      if (earlier !== undefined) return earlier;
    }
    const tags = [...(request.tags ?? []), markerTagOf(record.id)];
    try {
      const created = await dli.createConnection(
        record.hasMarker === true ? { ...request, tags } : request,
        scope,
      );
      return await this.#succeeded(record, created.id, created.message);
    } catch (error) {
      if (!(error instanceof DliError)) throw error;
      return this.#failed(error, record, scope, hasLostRecords);
    }
  }

  /** The connection that a forgotten call with the same key has made; undefined when there is none. */
  async #findEarlier(
    record: OperationRecord,
    { traceId, deadline }: OperationContext,
  ): Promise<CreateOutcome | undefined> {
    const { reconciler, writer, clock } = this.#parts;
    const finding = await reconciler.find(record, traceId, beforeAnswer(deadline, clock));
    if (finding.kind === 'absent' || finding.kind === 'near') return undefined;
    if (finding.kind === 'ours') return this.#found(record, finding.connectionId, traceId);
    await writer.forget(record.id, record.owner);
    return {
      kind: 'unknown',
      reason: 'STORE_LOST',
      requestId: null,
      retryAfterSeconds: STORE_LOST_RETRY_SECONDS,
    };
  }

  async #found(record: OperationRecord, connectionId: string, traceId: string): Promise<CreateOutcome> {
    const { writer, clock, log } = this.#parts;
    const found = asFound(record, connectionId, clock.epochMs());
    await writer.write(found, record.owner);
    log.info({ traceId, operation: 'reconcile', outcome: 'found' }, 'forgotten create found');
    return outcomeOf(found, 0);
  }

  async #succeeded(
    record: OperationRecord,
    connectionId: string,
    message: string | null,
  ): Promise<CreateOutcome> {
    const { writer, clock } = this.#parts;
    const { unknownReason: _known, ...rest } = record;
    const done: OperationRecord = {
      ...rest,
      state: 'SUCCEEDED',
      connectionId,
      message,
      isReconciled: false,
      expiresAtMs: clock.epochMs() + RETENTION_MS.SUCCEEDED,
    };
    await Promise.all([this.#claim(connectionId, record), writer.write(done, record.owner)]);
    return outcomeOf(done, 0);
  }

  // An unknown create of the same name, settled before, must not find this connection and take it for its own.
  async #claim(connectionId: string, record: OperationRecord): Promise<void> {
    const { store, clock } = this.#parts;
    const nowMs = clock.epochMs();
    try {
      await store.claimConnection(connectionId, record, { nowMs, expiresAtMs: nowMs + RETENTION_MS.UNKNOWN });
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  async #failed(
    error: DliError,
    record: OperationRecord,
    scope: OperationContext,
    hasLostRecords: boolean,
  ): Promise<CreateOutcome> {
    const { writer, reconciler, clock } = this.#parts;
    const { code, upstreamCode = null, requestId = null } = error;
    if (code === 'OUTCOME_UNKNOWN') return this.#reconcile(error, record, scope);
    const isRefusal = code === 'REJECTED' || code === 'NAME_TAKEN';
    if (isRefusal && (error.isDoubtful || (code === 'NAME_TAKEN' && hasLostRecords))) {
      return this.#reconcile(error, record, scope, { code, upstreamCode, requestId });
    }
    if (code === 'NAME_TAKEN' && record.hasMarker === true) {
      // Nothing is known to have been sent before, so what merely looks like it is a stranger's.
      const { traceId, deadline } = scope;
      const connectionId = await reconciler.findMarked(record, traceId, beforeAnswer(deadline, clock));
      if (connectionId !== undefined) return this.#found(record, connectionId, traceId);
    }
    if (isRefusal) {
      const rejection: StoredRejection = { code, upstreamCode, requestId };
      const expiresAtMs = clock.epochMs() + RETENTION_MS.REJECTED;
      await writer.write({ ...record, state: 'REJECTED', rejection, expiresAtMs }, record.owner);
    } else {
      // The same call may succeed later, so its key is free again.
      await writer.forget(record.id, record.owner);
    }
    return failedOutcome(code, error);
  }

  /** Looks for the connection while the caller waits. */
  async #reconcile(
    { unknownReason = 'UPSTREAM_ERROR', requestId }: DliError,
    record: OperationRecord,
    scope: OperationContext,
    suspected?: StoredRejection,
  ): Promise<CreateOutcome> {
    const { writer, inline, clock } = this.#parts;
    const unknown: OperationRecord = {
      ...record,
      state: 'UNKNOWN',
      lastSentAtMs: clock.epochMs(),
      unknownReason,
      ...(requestId !== undefined && { requestId }),
      ...(suspected !== undefined && { suspected }),
    };
    await writer.write(unknown, record.owner);
    const reconciled = await inline.reconcile(unknown, scope);
    return outcomeOf(reconciled, inline.secondsUntilDecided(reconciled));
  }
}

/** When a look must have ended so that there is time to write and answer. */
function beforeAnswer(deadline: Deadline, clock: Clock): Deadline {
  return new Deadline(clock, Math.max(0, deadline.remainingMs() - ANSWER_MARGIN_MS));
}
