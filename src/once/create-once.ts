import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionRequest } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import { DliError } from '../dli/dli-error.js';
import type { OperationScope } from '../dli/operation-scope.js';
import type { Clock } from '../huawei-cloud/clock.js';
import type { CreateIdentity } from './create-identity.js';
import { identifyCreate } from './create-identity.js';
import type { CreateOutcome } from './create-outcome.js';
import { failedOutcome, outcomeOf, STORE_UNAVAILABLE } from './create-outcome.js';
import type { OperationRecord } from './operation-record.js';
import { unfinished } from './operation-record.js';
import type { Reconciler } from './reconciler.js';
import type { RecordStore } from './record-store.js';
import { StoreUnavailableError } from './record-store.js';
import type { RecordWriter } from './record-writer.js';
import { RETENTION_MS } from './retention.js';

/** One call of a caller. */
export interface CreateCall {
  request: ConnectionRequest;
  /** Equal for all repeats of one intent. */
  idempotencyKey: string;
  /** Separates the keys of callers who have nothing to do with each other. */
  tenant: string;
}

/** What creating once takes. */
export interface CreateOnceOptions {
  dli: DliClient;
  store: RecordStore;
  writer: RecordWriter;
  reconciler: Reconciler;
  clock: Clock;
  /** Which DLI project, said the same way at every start. */
  project: string;
  /** How long after it was sent a create may still appear, in milliseconds. */
  settleMs: number;
}

/** How long a repeat waits for the first call, in milliseconds. */
const JOIN_MS = 2_000;
const JOIN_POLL_MS = 100;
// Between the end of an operation's time and the moment when others may take its record over.
const OWNERSHIP_MARGIN_MS = 5_000;
/** Parts of the settle time at which the list is read while the caller waits: 1, 3 and 10 of 120 s. */
const INLINE_PARTS = [1 / 120, 3 / 120, 10 / 120];
// What is left of the operation's time after the last read, to write and answer.
const ANSWER_MARGIN_MS = 500;

/** Makes at most one connection out of one intent, and tells every repeat of the call the same story. */
export class CreateOnce {
  readonly #options: CreateOnceOptions;
  readonly #running = new Map<string, { fingerprint: string; outcome: Promise<CreateOutcome> }>();
  #secret: Promise<Buffer> | undefined;

  constructor(options: CreateOnceOptions) {
    this.#options = options;
  }

  /** What became of the create: of this call, or of the one that it repeats. */
  async create(call: CreateCall, scope: OperationScope): Promise<CreateOutcome> {
    try {
      const identity = await this.#identify(call);
      const running = this.#running.get(identity.id);
      if (running === undefined) return await this.#start(call, identity, scope);
      if (running.fingerprint !== identity.fingerprint) return { kind: 'keyReused' };
      return await within(JOIN_MS, running.outcome, { kind: 'inProgress', retryAfterSeconds: 1 });
    } catch (error) {
      if (error instanceof StoreUnavailableError) return STORE_UNAVAILABLE;
      throw error;
    }
  }

  #start(call: CreateCall, identity: CreateIdentity, scope: OperationScope): Promise<CreateOutcome> {
    const outcome = this.#run(call, identity, scope).finally(() => this.#running.delete(identity.id));
    this.#running.set(identity.id, { fingerprint: identity.fingerprint, outcome });
    return outcome;
  }

  async #run(call: CreateCall, identity: CreateIdentity, scope: OperationScope): Promise<CreateOutcome> {
    const { store, writer, clock } = this.#options;
    const record = this.#newRecord(call, identity, scope);
    const unwritten = writer.unwritten(identity.id);
    if (unwritten) return this.#repeat(unwritten, identity, scope);
    let begun: Awaited<ReturnType<RecordStore['begin']>>;
    try {
      begun = await store.begin(record, clock.epochMs());
    } catch (error) {
      // Nothing was sent, so a record that the store may have taken all the same must not stay.
      await writer.forget(record.id, record.owner);
      throw error;
    }
    switch (begun.kind) {
      case 'begun':
        return this.#send(call, record, scope);
      case 'exists':
        return this.#repeat(begun.record, identity, scope);
      case 'nameHeld':
        return { kind: 'inProgress', retryAfterSeconds: this.#secondsUntilDecided(begun.record) };
      case 'unreadable':
        return { kind: 'unknown', reason: 'STORE_LOST', requestId: null, retryAfterSeconds: 60 };
    }
  }

  async #send(
    { request }: CreateCall,
    record: OperationRecord,
    scope: OperationScope,
  ): Promise<CreateOutcome> {
    const { dli, writer } = this.#options;
    try {
      const { id: connectionId, message } = await dli.createConnection(request, scope);
      const done = { ...record, state: 'SUCCEEDED' as const, connectionId, message, isReconciled: false };
      await Promise.all([
        this.#claim(connectionId, record),
        writer.write({ ...done, expiresAtMs: record.sentAtMs + RETENTION_MS.SUCCEEDED }, record.owner),
      ]);
      return outcomeOf(done, 0);
    } catch (error) {
      if (!(error instanceof DliError)) throw error;
      return this.#afterFailure(error, record, scope);
    }
  }

  // An unknown create of the same name, settled before, must not find this connection and take it for its own.
  async #claim(connectionId: string, { id, sentAtMs }: OperationRecord): Promise<void> {
    try {
      await this.#options.store.claimConnection(connectionId, id, sentAtMs + RETENTION_MS.UNKNOWN);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  async #afterFailure(
    error: DliError,
    record: OperationRecord,
    scope: OperationScope,
  ): Promise<CreateOutcome> {
    const { writer, clock } = this.#options;
    if (error.code === 'OUTCOME_UNKNOWN') {
      const unknownReason = error.unknownReason ?? 'UPSTREAM_ERROR';
      const { requestId } = error;
      const unknown: OperationRecord = {
        ...record,
        state: 'UNKNOWN',
        // A second request may have followed long after the record was begun; it may take as long to appear.
        sentAtMs: clock.epochMs(),
        unknownReason,
        ...(requestId !== undefined && { requestId }),
      };
      await writer.write(unknown, record.owner);
      return this.#reconcile(unknown, scope);
    }
    if (error.code === 'REJECTED' || error.code === 'NAME_TAKEN') {
      const { code, upstreamCode = null, requestId = null } = error;
      const rejected: OperationRecord = {
        ...record,
        state: 'REJECTED',
        rejection: { code, upstreamCode, requestId },
        expiresAtMs: record.sentAtMs + RETENTION_MS.REJECTED,
      };
      await writer.write(rejected, record.owner);
    } else {
      // The same call may succeed later, so its key is free again.
      await writer.forget(record.id, record.owner);
    }
    return failedOutcome(error.code, error);
  }

  async #repeat(
    record: OperationRecord,
    identity: CreateIdentity,
    scope: OperationScope,
  ): Promise<CreateOutcome> {
    if (record.fingerprint !== identity.fingerprint) return { kind: 'keyReused' };
    return (await this.#continue(record, scope)) ?? this.#joinElsewhere(record, scope);
  }

  /** Tells the end of a record, or looks for it; undefined while somebody else does. */
  async #continue(record: OperationRecord, scope: OperationScope): Promise<CreateOutcome | undefined> {
    if (record.state === 'SUCCEEDED' || record.state === 'REJECTED') return outcomeOf(record, 0);
    const adopted = await this.#adopt(record, scope);
    return adopted && this.#reconcile(adopted, scope);
  }

  // Somebody else works on it; a short wait often sees the end.
  async #joinElsewhere({ id }: OperationRecord, scope: OperationScope): Promise<CreateOutcome> {
    const { store, clock } = this.#options;
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

  /** Takes over a record that nobody works on; undefined when somebody does. */
  async #adopt(record: OperationRecord, scope: OperationScope): Promise<OperationRecord | undefined> {
    const { store, clock } = this.#options;
    const nowMs = clock.epochMs();
    if (record.ownedUntilMs > nowMs) return undefined;
    const owner = randomUUID();
    const ownedUntilMs = nowMs + scope.deadline.remainingMs() + OWNERSHIP_MARGIN_MS;
    if (!(await store.adopt(record.id, record.owner, owner, ownedUntilMs))) return undefined;
    return { ...unfinished(record), owner, ownedUntilMs };
  }

  /** Reads the list while the caller waits; what is not found by then is looked for in the background. */
  async #reconcile(record: OperationRecord, scope: OperationScope): Promise<CreateOutcome> {
    const { reconciler, clock, settleMs } = this.#options;
    const startMs = clock.monotonicMs();
    // Long after it was sent, one look is all that a repeat of the call can add.
    const parts = record.sentAtMs + settleMs / 4 < clock.epochMs() ? [0] : INLINE_PARTS;
    let current = record;
    for (const part of parts) {
      const waitMs = Math.max(0, startMs + part * settleMs - clock.monotonicMs());
      if (waitMs + ANSWER_MARGIN_MS > scope.deadline.remainingMs()) break;
      await delay(waitMs);
      const check = reconciler.check(current, scope.traceId);
      const limitMs = Math.max(0, scope.deadline.remainingMs() - ANSWER_MARGIN_MS);
      const checked = await within(limitMs, check, undefined);
      if (checked === undefined) {
        // The caller is answered now; what the late read shows is written all the same.
        void check.then(late => this.#release(late));
        return outcomeOf(current, this.#secondsUntilDecided(current));
      }
      current = checked;
      if (current.state !== 'UNKNOWN' || current.isSettled) break;
    }
    await this.#release(current);
    return outcomeOf(current, this.#secondsUntilDecided(current));
  }

  /** Lets others take over a record that is not decided. */
  async #release(record: OperationRecord): Promise<void> {
    const { writer, clock } = this.#options;
    if (record.state === 'UNKNOWN')
      await writer.write({ ...record, ownedUntilMs: clock.epochMs() }, record.owner);
  }

  #secondsUntilDecided({ state, sentAtMs, ownedUntilMs, nextCheckAtMs, isSettled }: OperationRecord): number {
    const { clock, settleMs } = this.#options;
    const nextMs = state === 'SENDING' ? ownedUntilMs : (nextCheckAtMs ?? sentAtMs + settleMs / 4);
    const seconds = isSettled ? settleMs / 1_000 : (nextMs - clock.epochMs()) / 1_000;
    return Math.min(300, Math.max(1, Math.ceil(seconds)));
  }

  #newRecord(
    { request }: CreateCall,
    identity: CreateIdentity,
    { deadline }: OperationScope,
  ): OperationRecord {
    const nowMs = this.#options.clock.epochMs();
    const { name, service, url } = request;
    return {
      version: 1,
      ...identity,
      state: 'SENDING',
      owner: randomUUID(),
      ownedUntilMs: nowMs + deadline.remainingMs() + OWNERSHIP_MARGIN_MS,
      sentAtMs: nowMs,
      wanted: { name, service, url },
      expiresAtMs: nowMs + RETENTION_MS.SENDING,
    };
  }

  async #identify({ tenant, idempotencyKey, request }: CreateCall): Promise<CreateIdentity> {
    const { store, project } = this.#options;
    this.#secret ??= store.secret();
    try {
      return identifyCreate(await this.#secret, project, tenant, idempotencyKey, request);
    } catch (error) {
      this.#secret = undefined;
      throw error;
    }
  }
}

async function within<T>(limitMs: number, promise: Promise<T>, otherwise: T): Promise<T> {
  const abort = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(limitMs, otherwise, { signal: abort.signal }).catch(() => otherwise),
    ]);
  } finally {
    abort.abort();
  }
}
