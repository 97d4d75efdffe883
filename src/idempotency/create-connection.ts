import type { ConnectionRequest, Resource } from '../dli/connection.js';
import type { ResultOf } from '../dli/create-attempt.js';
import type { PreparedCreate } from '../dli/create-request.js';
import type { DliClient } from '../dli/dli-client.js';
import type { FailedResult, OperationContext } from '../dli/dli-error.js';
import type { ConfidentialTexts } from '../dli/sanitize.js';
import { shownMessage } from '../dli/sanitize.js';
import type { Logger } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline, withTimeout } from '../lib/time.js';
import { RETENTION_MS, toRejected, toSending, toSucceeded, toUnknown } from '../operation-store/operation-record.js';
import type { BeginResult, OperationStore } from '../operation-store/operation-store.js';
import { mayHaveWritten, StoreUnavailableError } from '../operation-store/operation-store.js';
import type { OperationRecord, SendingRecord } from '../operation-store/record-format.js';
import { hasRoomForMarker, markerTagOf } from './connection-lookup.js';
import type { OperationKey, OperationKeys } from './operation-keys.js';
import { inputFingerprint, wantedOf } from './operation-keys.js';
import type { CreateOutcome } from './outcome.js';
import { recordedOutcome, STORE_UNAVAILABLE, toRejection, toUnconfirmed, unknownOutcome } from './outcome.js';
import type { Reconciler } from './reconciler.js';
import { toFoundSuccess } from './reconciler.js';
import type { InlineReconciliation } from './reconciliation-schedule.js';
import { OWNERSHIP_MARGIN_MS, RESPONSE_MARGIN_MS } from './reconciliation-schedule.js';
import type { ResumeCreate } from './resume-create.js';
import { IN_FLIGHT_WAIT_MS, IN_PROGRESS } from './resume-create.js';
import type { WriteBehind } from './write-behind.js';

const UNREADABLE_RETRY_SECONDS = 60;
const STORE_LOST_RETRY_SECONDS = 5;

/** A validated create of one caller. */
export interface CreateCommand {
  request: ConnectionRequest;
  /** Equal for all repeats of one create. */
  idempotencyKey: string;
  /** Scope of the idempotency key. */
  tenant: string;
  /** The pools and queues that an enhanced connection is to be bound to. Default: none. */
  resources?: readonly Resource[];
}

interface Dependencies {
  dli: DliClient;
  store: OperationStore;
  writer: WriteBehind;
  keys: OperationKeys;
  resume: ResumeCreate;
  reconciler: Reconciler;
  inline: InlineReconciliation;
  clock: Clock;
  log: Logger;
  /** Whether creates carry a tag that identifies their connection. */
  addsMarkerTag: boolean;
  /** Texts that must never be shown, not even from a record that is older than a credential. */
  confidential: ConfidentialTexts;
}

/** Idempotent create: at most one connection per idempotency key, and the same outcome for every repeat. */
export class CreateConnection {
  readonly #inFlight = new Map<string, { fingerprint: string; outcome: Promise<CreateOutcome> }>();

  constructor(private readonly dependencies: Dependencies) {}

  /** Runs the create, or replays the outcome of the one that this call repeats. */
  async run(command: CreateCommand, context: OperationContext): Promise<CreateOutcome> {
    const flightKey = JSON.stringify([command.tenant, command.idempotencyKey]);
    const fingerprint = inputFingerprint(command.request, command.resources);
    const running = this.#inFlight.get(flightKey);
    if (running !== undefined) {
      if (running.fingerprint !== fingerprint) return { kind: 'keyReused' };
      return withTimeout(IN_FLIGHT_WAIT_MS, running.outcome, () => IN_PROGRESS);
    }
    const outcome = this.#begin(command, fingerprint, context)
      .then(each => withShownTexts(each, this.dependencies.confidential))
      .catch(notSentOutcome)
      .finally(() => this.#inFlight.delete(flightKey));
    this.#inFlight.set(flightKey, { fingerprint, outcome });
    return outcome;
  }

  async #begin(command: CreateCommand, fingerprint: string, context: OperationContext): Promise<CreateOutcome> {
    const { dli, keys, store, writer, clock } = this.dependencies;
    const key = await keys.forCreate(command, fingerprint);
    const pending = writer.pending(key.id);
    if (pending !== undefined) return this.#resume(pending, fingerprint, context);
    // Before the sign-in, so that a repeat is answered whether or not IAM can be reached.
    const found = await store.find(key.id, clock.epochMs());
    if (found.kind === 'found') return this.#resume(found.record, fingerprint, context);
    if (found.kind === 'unreadable') return unknownOutcome('STORE_LOST', undefined, UNREADABLE_RETRY_SECONDS);
    const prepared = await dli.prepareCreate(context);
    if (prepared.kind === 'failed') return prepared;
    return this.#recordAndSend(command, key, prepared, context).catch(error => {
      prepared.release();
      throw error;
    });
  }

  /** Records the create durably and sends it, or continues the one that is recorded already. */
  async #recordAndSend(
    command: CreateCommand,
    key: OperationKey,
    prepared: PreparedCreate,
    context: OperationContext,
  ): Promise<CreateOutcome> {
    const { record, begun } = await this.#beginRecord(command, key, context);
    if (begun.kind === 'begun' && !begun.hasLostRecords) return this.#send(command.request, record, context, prepared);
    // No other branch sends this create at once, and lookups may need the credential.
    prepared.release();
    switch (begun.kind) {
      case 'begun':
        return this.#sendAfterLoss(command.request, record, context);
      case 'exists':
        return this.#resume(begun.record, key.fingerprint, context);
      case 'nameHeld':
        return { kind: 'inProgress', retryAfterSeconds: this.dependencies.inline.secondsUntilDecided(begun.record) };
      case 'unreadable':
        return unknownOutcome('STORE_LOST', undefined, UNREADABLE_RETRY_SECONDS);
      case 'secretReplaced':
        return STORE_UNAVAILABLE;
    }
  }

  /** Begins the record; once more if the store has replaced the secret that identifies its records. */
  async #beginRecord(
    command: CreateCommand,
    derived: OperationKey,
    context: OperationContext,
  ): Promise<{ record: SendingRecord; begun: BeginResult }> {
    const { keys } = this.dependencies;
    const { fingerprint } = derived;
    // Another create may have replaced the secret during the sign-in.
    const isCurrent = derived.projectId === (await keys.projectId());
    const begin = async (key: OperationKey) => {
      const record = this.#newRecord(command, key, context);
      return { record, begun: await this.#store(record) };
    };
    const first = await begin(isCurrent ? derived : await keys.forCreate(command, fingerprint));
    if (first.begun.kind !== 'secretReplaced') return first;
    // The store lost its data.
    keys.forgetSecret();
    return begin(await keys.forCreate(command, fingerprint));
  }

  #store(record: SendingRecord): Promise<BeginResult> {
    const { store, writer } = this.dependencies;
    return store.begin(record, record.sentAtMs).catch(async error => {
      // Nothing was sent, so a record that the store may have written must not stay.
      if (mayHaveWritten(error)) await writer.remove(record);
      throw error;
    });
  }

  async #resume(record: OperationRecord, fingerprint: string, context: OperationContext) {
    if (record.fingerprint !== fingerprint) return { kind: 'keyReused' } as const;
    return this.dependencies.resume.run(record, context);
  }

  async #send(
    request: ConnectionRequest,
    record: SendingRecord,
    context: OperationContext,
    prepared: PreparedCreate,
  ): Promise<CreateOutcome> {
    const { dli } = this.dependencies;
    const tagged =
      record.hasMarker === true ? { ...request, tags: [...(request.tags ?? []), markerTagOf(record.id)] } : request;
    const result = await dli.createConnection(tagged, prepared, context);
    switch (result.kind) {
      case 'created':
        return this.#settleCreated(result, record);
      case 'failed':
        return this.#settleFailed(result, record, context);
      case 'unconfirmed':
      case 'unknown':
        return this.#reconcile(result, record, context);
    }
  }

  /** Sends the create unless the list shows that an earlier call, whose record the store lost, has created it. */
  async #sendAfterLoss(
    request: ConnectionRequest,
    begun: SendingRecord,
    context: OperationContext,
  ): Promise<CreateOutcome> {
    // Any connection made within the retention time may be this create's own.
    const sentAtMs = this.dependencies.clock.epochMs() - RETENTION_MS.SUCCEEDED;
    const record = { ...begun, sentAtMs, isAfterLoss: true };
    const earlier = await this.#findAfterLoss(record, context);
    if (earlier !== undefined) return earlier;
    const prepared = await this.dependencies.dli.prepareCreate(context);
    if (prepared.kind === 'failed') return this.#settleFailed(prepared, record, context);
    return this.#send(request, record, context, prepared);
  }

  /** The connection of an earlier call whose record the store lost. Undefined: there is none. */
  async #findAfterLoss(record: SendingRecord, context: OperationContext): Promise<CreateOutcome | undefined> {
    const { reconciler, writer } = this.dependencies;
    const finding = await reconciler.findAfterLoss(record, context.trace, this.#lookupDeadline(context));
    if (finding.kind === 'absent' || finding.kind === 'nearMiss') return undefined;
    if (finding.kind === 'claimed') return this.#settleFound(record, finding, 'a loss of records', context);
    await writer.remove(record);
    return unknownOutcome('STORE_LOST', undefined, STORE_LOST_RETRY_SECONDS);
  }

  /** Settles a create with the connection of an earlier call, whose record is gone. */
  async #settleFound(
    record: SendingRecord,
    finding: Parameters<typeof toFoundSuccess>[1],
    event: 'a loss of records' | 'a refusal of its name',
    { trace }: OperationContext,
  ): Promise<CreateOutcome> {
    const { writer, clock, log } = this.dependencies;
    const success = toFoundSuccess(record, finding);
    const found = toSucceeded({ ...record, isAfterLoss: true }, success, clock.epochMs());
    await writer.write(found);
    const ids = { operationId: record.id, connectionId: found.connectionId };
    log.info({ ...trace, ...ids, operation: 'reconcile', outcome: 'found' }, `create found after ${event}`);
    return recordedOutcome(found);
  }

  async #settleCreated({ connectionId, message }: ResultOf<'created'>, record: SendingRecord): Promise<CreateOutcome> {
    const { writer, clock } = this.dependencies;
    const success = { connectionId, message, isReconciled: false };
    const written = toSucceeded(record, success, clock.epochMs());
    await writer.write(written);
    return { kind: 'created', ...success, record: written };
  }

  async #settleFailed(result: FailedResult, record: SendingRecord, context: OperationContext): Promise<CreateOutcome> {
    const { writer, reconciler, clock } = this.dependencies;
    const { code } = result;
    if (code !== 'REJECTED' && code !== 'NAME_TAKEN') {
      // The same call may succeed later, so its key is free again.
      await writer.remove(record);
      return result;
    }
    const refusal = { ...result, code };
    if (code === 'NAME_TAKEN' && record.isAfterLoss === true)
      return this.#reconcile({ kind: 'unconfirmed', reason: 'UPSTREAM_ERROR', refusal }, record, context);
    if (code === 'NAME_TAKEN' && record.hasMarker === true) {
      // Without an earlier request, only the marker proves that the connection of this name is ours.
      const deadline = this.#lookupDeadline(context);
      const found = await reconciler.findMarked(record, context.trace, deadline);
      if (found !== undefined) return this.#settleFound(record, found, 'a refusal of its name', context);
    }
    await writer.write(toRejected(record, toRejection(refusal), clock.epochMs()));
    return result;
  }

  /** Looks for the connection in DLI's list while the caller waits. */
  async #reconcile(
    result: ResultOf<'unconfirmed' | 'unknown'>,
    record: SendingRecord,
    context: OperationContext,
  ): Promise<CreateOutcome> {
    const { writer, inline, clock } = this.dependencies;
    const isUnconfirmed = result.kind === 'unconfirmed';
    const { requestId } = isUnconfirmed ? result.refusal : result;
    const unknown = toUnknown(record, {
      unknownReason: result.reason,
      lastSentAtMs: clock.epochMs(),
      ...(requestId !== undefined && { requestId }),
      ...(isUnconfirmed && toUnconfirmed(result.refusal)),
    });
    await writer.write(unknown);
    const reconciled = await inline.reconcile(unknown, context);
    return recordedOutcome(reconciled, inline.secondsUntilDecided(reconciled));
  }

  #newRecord({ request }: CreateCommand, key: OperationKey, context: OperationContext): SendingRecord {
    const { clock, addsMarkerTag } = this.dependencies;
    const hasMarker = addsMarkerTag && hasRoomForMarker(request);
    const ownedUntilMs = context.deadline.endsAtEpochMs + OWNERSHIP_MARGIN_MS;
    const identity = { ...key, traceId: context.trace.traceId };
    return toSending(identity, wantedOf(request), hasMarker, clock.epochMs(), ownedUntilMs);
  }

  /** Leaves enough of the deadline to write the record and respond. */
  #lookupDeadline({ deadline }: OperationContext): Deadline {
    return new Deadline(this.dependencies.clock, Math.max(0, deadline.remainingMs() - RESPONSE_MARGIN_MS));
  }
}

function withShownTexts(outcome: CreateOutcome, confidential: ConfidentialTexts): CreateOutcome {
  if (outcome.kind === 'created') return { ...outcome, message: shownMessage(outcome.message, confidential) };
  if (outcome.kind === 'failed' && outcome.upstreamMessage !== undefined)
    return { ...outcome, upstreamMessage: shownMessage(outcome.upstreamMessage, confidential) ?? undefined };
  return outcome;
}

// Only what comes before the first byte throws.
function notSentOutcome(error: unknown): CreateOutcome {
  if (error instanceof StoreUnavailableError) return STORE_UNAVAILABLE;
  throw error;
}
