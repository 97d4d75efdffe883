import { randomUUID } from 'node:crypto';
import type { ConnectionRequest } from '../dli/connection.js';
import type { OperationContext } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { within } from '../lib/time.js';
import type { OperationRecord } from '../operation-store/operation-record.js';
import { RETENTION_MS } from '../operation-store/operation-record.js';
import type { BeginResult, OperationStore } from '../operation-store/operation-store.js';
import { mayHaveWritten, StoreUnavailableError } from '../operation-store/operation-store.js';
import { hasRoomForMarker } from './connection-lookup.js';
import type { OperationKey, OperationKeys } from './operation-keys.js';
import { fingerprintOf } from './operation-keys.js';
import type { CreateOutcome } from './outcome.js';
import { STORE_UNAVAILABLE } from './outcome.js';
import type { InlineReconciliation } from './reconciliation-schedule.js';
import { ownershipMs } from './reconciliation-schedule.js';
import type { ResumeCreate } from './resume-create.js';
import { JOIN_MS } from './resume-create.js';
import type { RecordedCreate } from './send-create.js';
import type { WriteBehind } from './write-behind.js';

/** One call of a caller. */
export interface CreateCommand {
  request: ConnectionRequest;
  /** Equal for all repeats of one intent. */
  idempotencyKey: string;
  /** Separates the keys of callers who have nothing to do with each other. */
  tenant: string;
}

/** What creating once takes. */
interface CreateOnceOptions {
  recorded: RecordedCreate;
  repeated: ResumeCreate;
  inline: InlineReconciliation;
  store: OperationStore;
  writer: WriteBehind;
  clock: Clock;
  identities: OperationKeys;
  /** Whether creates carry a tag by which their connection is found. */
  markerTag: boolean;
}

const UNREADABLE_RETRY_SECONDS = 60;

/** Makes at most one connection out of one intent, and tells every repeat of the call the same story. */
export class CreateConnection {
  readonly #options: CreateOnceOptions;
  readonly #running = new Map<string, { fingerprint: string; outcome: Promise<CreateOutcome> }>();

  constructor(options: CreateOnceOptions) {
    this.#options = options;
  }

  /** What became of the create: of this call, or of the one that it repeats. */
  async create(call: CreateCommand, scope: OperationContext): Promise<CreateOutcome> {
    const intent = JSON.stringify([call.tenant, call.idempotencyKey]);
    const fingerprint = fingerprintOf(call.request);
    const running = this.#running.get(intent);
    if (running !== undefined) {
      if (running.fingerprint !== fingerprint) return { kind: 'keyReused' };
      return within(JOIN_MS, running.outcome, { kind: 'inProgress', retryAfterSeconds: 1 });
    }
    const outcome = this.#run(call, fingerprint, scope)
      .catch((error: unknown) => {
        if (error instanceof StoreUnavailableError) return STORE_UNAVAILABLE;
        throw error;
      })
      .finally(() => this.#running.delete(intent));
    this.#running.set(intent, { fingerprint, outcome });
    return outcome;
  }

  async #run(call: CreateCommand, fingerprint: string, scope: OperationContext): Promise<CreateOutcome> {
    const { identities, writer } = this.#options;
    const identify = async () => ({
      ...(await identities.identify({ ...call, name: call.request.name })),
      fingerprint,
    });
    let identity = await identify();
    const pending = writer.pending(identity.id);
    if (pending !== undefined) return this.#repeat(pending, identity, scope);
    let begun = await this.#begin(this.#newRecord(call, identity, scope));
    if (begun.kind === 'secretReplaced') {
      // The store lost its data; what it holds now is known by other names.
      identities.forgetSecret();
      identity = await identify();
      begun = await this.#begin(this.#newRecord(call, identity, scope));
    }
    switch (begun.kind) {
      case 'begun': {
        return this.#options.recorded.send(call.request, begun.record, scope, begun.hasLostRecords);
      }
      case 'exists':
        return this.#repeat(begun.record, identity, scope);
      case 'nameHeld':
        return this.#inProgress(begun.record);
      case 'unreadable':
        return {
          kind: 'unknown',
          reason: 'STORE_LOST',
          requestId: null,
          retryAfterSeconds: UNREADABLE_RETRY_SECONDS,
        };
      case 'secretReplaced':
        return STORE_UNAVAILABLE;
    }
  }

  async #begin(
    record: OperationRecord,
  ): Promise<
    | Exclude<BeginResult, { kind: 'begun' }>
    | { kind: 'begun'; hasLostRecords: boolean; record: OperationRecord }
  > {
    const { store, writer, clock } = this.#options;
    try {
      const result = await store.begin(record, clock.epochMs());
      return result.kind === 'begun' ? { ...result, record } : result;
    } catch (error) {
      // Nothing was sent, so a record that the store may have taken all the same must not stay.
      if (mayHaveWritten(error)) await writer.forget(record.id, record.owner);
      throw error;
    }
  }

  async #repeat(
    record: OperationRecord,
    identity: OperationKey,
    scope: OperationContext,
  ): Promise<CreateOutcome> {
    if (record.fingerprint !== identity.fingerprint) return { kind: 'keyReused' };
    return this.#options.repeated.tell(record, scope);
  }

  #inProgress(record: OperationRecord): CreateOutcome {
    return { kind: 'inProgress', retryAfterSeconds: this.#options.inline.secondsUntilDecided(record) };
  }

  #newRecord({ request }: CreateCommand, identity: OperationKey, scope: OperationContext): OperationRecord {
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
}
