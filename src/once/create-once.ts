import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionRequest } from '../dli/connection.js';
import type { OperationScope } from '../dli/operation-scope.js';
import type { Clock } from '../huawei-cloud/clock.js';
import type { CreateIdentity } from './create-identity.js';
import { fingerprintOf, identifyCreate } from './create-identity.js';
import type { CreateOutcome } from './create-outcome.js';
import { outcomeOf, STORE_UNAVAILABLE } from './create-outcome.js';
import type { InlineReconciliation } from './inline-reconciliation.js';
import { hasRoomForMarker } from './marker-tag.js';
import type { OperationRecord } from './operation-record.js';
import { adoptRecord } from './record-adoption.js';
import type { BeginResult, RecordStore } from './record-store.js';
import { StoreUnavailableError } from './record-store.js';
import type { RecordWriter } from './record-writer.js';
import type { RecordedCreate } from './recorded-create.js';
import { RETENTION_MS } from './retention.js';
import { within } from './within.js';

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
  recorded: RecordedCreate;
  inline: InlineReconciliation;
  store: RecordStore;
  writer: RecordWriter;
  clock: Clock;
  /** Which DLI project, said the same way at every start. */
  project: string;
  /** Whether DLI is known to refuse a second connection of a name. */
  namesAreUnique: boolean;
  /** Whether creates carry a tag by which their connection is found. */
  markerTag: boolean;
}

/** How long a repeat waits for the first call, in milliseconds. */
const JOIN_MS = 2_000;
const JOIN_POLL_MS = 100;
// Between the end of an operation's time and the moment when others may take its record over.
const OWNERSHIP_MARGIN_MS = 5_000;
const UNREADABLE_RETRY_SECONDS = 60;

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
    const intent = JSON.stringify([call.tenant, call.idempotencyKey]);
    const fingerprint = fingerprintOf(call.request);
    const running = this.#running.get(intent);
    if (running !== undefined) {
      if (running.fingerprint !== fingerprint) return { kind: 'keyReused' };
      return within(JOIN_MS, running.outcome, { kind: 'inProgress', retryAfterSeconds: 1 });
    }
    const outcome = this.#run(call, scope)
      .catch((error: unknown) => {
        if (error instanceof StoreUnavailableError) return STORE_UNAVAILABLE;
        throw error;
      })
      .finally(() => this.#running.delete(intent));
    this.#running.set(intent, { fingerprint, outcome });
    return outcome;
  }

  async #run(call: CreateCall, scope: OperationScope): Promise<CreateOutcome> {
    let identity = await this.#identify(call);
    const unwritten = this.#options.writer.unwritten(identity.id);
    if (unwritten !== undefined) return this.#repeat(call, unwritten, identity, scope);
    let begun = await this.#begin(this.#newRecord(call, identity, scope));
    if (begun.kind === 'otherSecret') {
      // The store lost its data; what it holds now is known by other names.
      this.#secret = undefined;
      identity = await this.#identify(call);
      begun = await this.#begin(this.#newRecord(call, identity, scope));
    }
    switch (begun.kind) {
      case 'begun': {
        const { isForgetful, record } = begun;
        return this.#options.recorded.send(call.request, record, scope, { isForgetful });
      }
      case 'exists':
        return this.#repeat(call, begun.record, identity, scope);
      case 'nameHeld':
        return this.#inProgress(begun.record);
      case 'unreadable':
        return {
          kind: 'unknown',
          reason: 'STORE_LOST',
          requestId: null,
          retryAfterSeconds: UNREADABLE_RETRY_SECONDS,
        };
      case 'otherSecret':
        return STORE_UNAVAILABLE;
    }
  }

  async #begin(
    record: OperationRecord,
  ): Promise<
    Exclude<BeginResult, { kind: 'begun' }> | { kind: 'begun'; isForgetful: boolean; record: OperationRecord }
  > {
    const { store, writer, clock } = this.#options;
    try {
      const result = await store.begin(record, clock.epochMs());
      return result.kind === 'begun' ? { ...result, record } : result;
    } catch (error) {
      // Nothing was sent, so a record that the store may have taken all the same must not stay.
      await writer.forget(record.id, record.owner);
      throw error;
    }
  }

  async #repeat(
    call: CreateCall,
    record: OperationRecord,
    identity: CreateIdentity,
    scope: OperationScope,
  ): Promise<CreateOutcome> {
    if (record.fingerprint !== identity.fingerprint) return { kind: 'keyReused' };
    return (await this.#continue(call, record, scope)) ?? this.#joinElsewhere(call, record, scope);
  }

  /** Tells the end of a record, or looks for it; undefined while somebody else does. */
  async #continue(
    call: CreateCall,
    record: OperationRecord,
    scope: OperationScope,
  ): Promise<CreateOutcome | undefined> {
    if (record.state === 'SUCCEEDED' || record.state === 'REJECTED') return outcomeOf(record, 0);
    const { store, clock, inline, namesAreUnique } = this.#options;
    const adopted = await adoptRecord(store, record, clock.epochMs(), ownershipMs(scope));
    if (adopted === undefined) return undefined;
    const reconciled = await inline.reconcile(adopted, scope);
    const { isSettled, emptySinceMs, isResent } = reconciled;
    // A create that was given up for lack of a good list left no proof of its absence.
    const isProvenAbsent = isSettled === true && emptySinceMs !== undefined;
    if (namesAreUnique && isProvenAbsent && isResent !== true) return this.#resend(call, reconciled, scope);
    return outcomeOf(reconciled, inline.secondsUntilDecided(reconciled));
  }

  // A late twin of the first request is refused by its name.
  async #resend(call: CreateCall, previous: OperationRecord, scope: OperationScope): Promise<CreateOutcome> {
    const { store, writer, clock, recorded } = this.#options;
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
      if (!(await store.reopen(again, previous.owner, nowMs))) return this.#inProgress(previous);
    } catch (error) {
      // Nothing was sent, so a store that has reopened it all the same must have it back as it was.
      await writer.write({ ...previous, owner: again.owner, ownedUntilMs: nowMs }, again.owner);
      throw error;
    }
    return recorded.send(call.request, again, scope, { previous });
  }

  // Somebody else works on it; a short wait often sees the end.
  async #joinElsewhere(
    call: CreateCall,
    { id }: OperationRecord,
    scope: OperationScope,
  ): Promise<CreateOutcome> {
    const { store, clock } = this.#options;
    const endMs = clock.monotonicMs() + JOIN_MS;
    while (clock.monotonicMs() < endMs) {
      await delay(JOIN_POLL_MS);
      const found = await store.find(id, clock.epochMs());
      if (found.kind !== 'found') break;
      const outcome = await this.#continue(call, found.record, scope);
      if (outcome !== undefined) return outcome;
    }
    return { kind: 'inProgress', retryAfterSeconds: 1 };
  }

  #inProgress(record: OperationRecord): CreateOutcome {
    return { kind: 'inProgress', retryAfterSeconds: this.#options.inline.secondsUntilDecided(record) };
  }

  #newRecord({ request }: CreateCall, identity: CreateIdentity, scope: OperationScope): OperationRecord {
    const { clock, markerTag } = this.#options;
    const nowMs = clock.epochMs();
    const { name, service, url } = request;
    return {
      version: 1,
      ...identity,
      state: 'SENDING',
      owner: randomUUID(),
      ownedUntilMs: nowMs + ownershipMs(scope),
      sentAtMs: nowMs,
      ...(markerTag && hasRoomForMarker(request) && { hasMarker: true }),
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

function ownershipMs({ deadline }: OperationScope): number {
  return deadline.remainingMs() + OWNERSHIP_MARGIN_MS;
}
