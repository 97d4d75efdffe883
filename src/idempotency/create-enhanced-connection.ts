import type { Resource } from '../dli/connection.js';
import type { OperationContext } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import type { NotBound, OperationRecord, SucceededRecord } from '../operation-store/operation-record.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { BindingOutcome } from './binding-outcomes.js';
import type { ChangeBindings } from './change-bindings.js';
import type { CreateCommand, CreateConnection } from './create-connection.js';
import type { OperationKeys } from './operation-keys.js';
import { inputFingerprint } from './operation-keys.js';
import type { CreateOutcome } from './outcome.js';
import type { WriteBehind } from './write-behind.js';

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
 * in between binds what the first one did not; once that is recorded, a repeat binds nothing any more, because the
 * caller may have unbound it meanwhile.
 */
export class CreateEnhancedConnection {
  constructor(private readonly dependencies: Dependencies) {}

  /** Runs the create, or replays the outcome of the one that this call repeats. */
  async run(command: CreateCommand, context: OperationContext): Promise<CreateOutcome> {
    const outcome = await this.dependencies.createConnection.run(command, context);
    const { resources = [] } = command;
    if (outcome.kind !== 'created' || resources.length === 0) return outcome;
    const record = await this.#findRecord(command);
    if (record?.notBound !== undefined) return { ...outcome, notBound: record.notBound };
    const notBound = await this.#bind(outcome.connectionId, resources, context);
    if (record !== undefined) await this.dependencies.writer.write({ ...record, notBound });
    return { ...outcome, notBound };
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

  async #bind(connectionId: string, resources: readonly Resource[], context: OperationContext): Promise<NotBound[]> {
    const results = await this.dependencies.changeBindings.bindNew(connectionId, resources, context);
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
