import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Resource } from '../dli/connection.js';
import type { OperationContext } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { withTimeout } from '../lib/time.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { ifAvailable, StoreUnavailableError } from '../operation-store/operation-store.js';
import type { NotBound, OperationRecord, SucceededRecord } from '../operation-store/record-format.js';
import type { BindingOutcome } from './binding-outcomes.js';
import type { ChangeBindings } from './change-bindings.js';
import type { CreateCommand, CreateConnection } from './create-connection.js';
import type { OperationKeys } from './operation-keys.js';
import { inputFingerprint } from './operation-keys.js';
import type { CreateOutcome } from './outcome.js';
import { OWNERSHIP_MARGIN_MS } from './reconciliation-schedule.js';
import { IN_FLIGHT_WAIT_MS, IN_PROGRESS, OWNER_POLL_MS } from './resume-create.js';
import type { WriteBehind } from './write-behind.js';

type CreatedOutcome = Extract<CreateOutcome, { kind: 'created' }>;

interface Dependencies {
  createConnection: CreateConnection;
  changeBindings: ChangeBindings;
  store: OperationStore;
  writer: WriteBehind;
  keys: OperationKeys;
  clock: Clock;
}

/**
 * Creates enhanced connections like {@link CreateConnection}, then binds them to the resources of the call.
 *
 * The create itself names no resources, so that its refusal proves that nothing exists. A repeat of a call that ended
 * in between binds what the first one did not; once that is recorded, a repeat no longer binds anything, because the
 * caller may have unbound it meanwhile. For the same reason, only one call at a time binds: the owner of the record.
 */
export class CreateEnhancedConnection {
  /** By connection: the resources that could not be bound, or undefined if another process is binding. */
  readonly #inFlight = new Map<string, Promise<readonly NotBound[] | undefined>>();

  constructor(private readonly dependencies: Dependencies) {}

  /** Runs the create, or replays the outcome of the one that this call repeats. */
  async run(command: CreateCommand, context: OperationContext): Promise<CreateOutcome> {
    const outcome = await this.dependencies.createConnection.run(command, context);
    const { resources = [] } = command;
    if (outcome.kind !== 'created' || resources.length === 0 || outcome.notBound !== undefined) return outcome;
    const { connectionId } = outcome;
    const withNotBound = (notBound: readonly NotBound[] | undefined): CreateOutcome =>
      notBound === undefined ? IN_PROGRESS : { ...outcome, notBound };
    const running = this.#inFlight.get(connectionId);
    if (running !== undefined) return withTimeout(IN_FLIGHT_WAIT_MS, running.then(withNotBound), () => IN_PROGRESS);
    const binding = this.#bindOnce(command, outcome, context).finally(() => this.#inFlight.delete(connectionId));
    this.#inFlight.set(connectionId, binding);
    return binding.then(withNotBound);
  }

  /** Binds the connection and records what could not be bound, unless that is recorded or another process does it. */
  async #bindOnce(
    command: CreateCommand,
    { isReplay = false, record: written }: CreatedOutcome,
    context: OperationContext,
  ): Promise<readonly NotBound[] | undefined> {
    const { writer } = this.dependencies;
    const latest = isReplay ? await this.#awaitOwner(command) : written;
    if (latest?.notBound !== undefined) return latest.notBound;
    const record = isReplay ? await this.#takeOver(latest, context) : latest;
    if (record === undefined) return undefined;
    const notBound = await this.#bind(record, command.resources ?? [], context);
    await writer.write({ ...record, notBound });
    return notBound;
  }

  /** Takes over the record. Of several gateways that try at the same time, one succeeds. */
  async #takeOver(
    record: SucceededRecord | undefined,
    { deadline }: OperationContext,
  ): Promise<SucceededRecord | undefined> {
    const { store, clock } = this.dependencies;
    if (record === undefined || record.ownedUntilMs > clock.epochMs()) return undefined;
    const ownedUntilMs = deadline.endsAtEpochMs + OWNERSHIP_MARGIN_MS;
    const taken = await ifAvailable(store.takeOver(record, randomUUID(), ownedUntilMs));
    return taken?.state === 'SUCCEEDED' ? taken : undefined;
  }

  /** Returns the record once its owner has bound the connection or its time has expired; after 2 s in any case. */
  async #awaitOwner(command: CreateCommand): Promise<SucceededRecord | undefined> {
    const { clock } = this.dependencies;
    const endMs = clock.monotonicMs() + IN_FLIGHT_WAIT_MS;
    for (;;) {
      const record = await this.#findRecord(command);
      const isOwned = record?.notBound === undefined && (record?.ownedUntilMs ?? 0) > clock.epochMs();
      if (!isOwned || clock.monotonicMs() >= endMs) return record;
      await delay(OWNER_POLL_MS);
    }
  }

  /** The record of the create. Undefined while the store cannot be read. */
  async #findRecord(command: CreateCommand): Promise<SucceededRecord | undefined> {
    const { keys, store, writer, clock } = this.dependencies;
    try {
      const { id } = await keys.forCreate(command, inputFingerprint(command.request, command.resources));
      const pending = writer.pending(id);
      if (pending !== undefined) return asSucceeded(pending);
      const found = await store.find(id, clock.epochMs());
      return found.kind === 'found' ? asSucceeded(found.record) : undefined;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return undefined;
    }
  }

  async #bind(
    { connectionId, isReconciled, isAfterLoss }: SucceededRecord,
    resources: readonly Resource[],
    context: OperationContext,
  ): Promise<NotBound[]> {
    const { changeBindings } = this.dependencies;
    // An earlier call, whose record the store lost, may have bound a connection that was found, and others unbound it.
    const isEarlier = isAfterLoss === true && isReconciled;
    const results = isEarlier
      ? await changeBindings.findBound(connectionId, resources, context)
      : await changeBindings.bindNew(connectionId, resources, context);
    return results.flatMap(({ resource, outcome }) => {
      const reason = reasonOf(outcome);
      if (reason === undefined) return [];
      const upstreamCode = outcome.kind === 'failed' ? (outcome.upstreamCode ?? null) : null;
      return [{ ...resource, reason, upstreamCode }];
    });
  }
}

function asSucceeded(record: OperationRecord): SucceededRecord | undefined {
  return record.state === 'SUCCEEDED' ? record : undefined;
}

/** Why a resource is not bound. Undefined if it is. */
function reasonOf(outcome: BindingOutcome): NotBound['reason'] | undefined {
  switch (outcome.kind) {
    case 'done':
      return undefined;
    case 'resourceNotFound':
      return 'NOT_FOUND';
    case 'busy':
      return 'BUSY';
    case 'gone':
    case 'unknown':
      return 'UNKNOWN';
    case 'failed':
      return outcome.code === 'NAME_TAKEN' ? 'REJECTED' : outcome.code;
  }
}
