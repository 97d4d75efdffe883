import { setTimeout as delay } from 'node:timers/promises';
import type { BindingsClient } from '../dli/bindings-client.js';
import type { Resource } from '../dli/connection.js';
import { ConnectionState, stateOfWireName } from '../dli/connection.js';
import type { ConnectionsClient } from '../dli/connections-client.js';
import type { OperationContext } from '../dli/dli-error.js';
import { DliError, failedResult, UnknownOutcomeError } from '../dli/dli-error.js';
import type { ResolvedResource, ResourceDirectory } from '../dli/resource-directory.js';
import type { DescribedBinding } from '../dli/responses.js';
import type { Clock } from '../lib/time.js';
import type {
  BindingAction,
  BindingChange,
  BindingOutcome,
  ChangeBindingsOutcome,
  EnhancedConnection,
} from './binding-outcomes.js';
import {
  BINDINGS_RETRY_AFTER_SECONDS,
  changedOutcome,
  expectedBindings,
  findBinding,
  isAsWanted,
  refusedOutcome,
  unfinishedOutcome,
} from './binding-outcomes.js';
import { unknownOutcome } from './outcome.js';
import { CHECK_MARGIN_MS, sendBeforeCheck, sendUpToTwice } from './repeatable-change.js';

/** How many resources of one call are changed at a time. */
const MAX_CONCURRENT = 4;
/** DLI may still be working on what it has refused; after this time a second check decides. */
const RECHECK_DELAY_MS = 3_000;
/** DLI may show a change a little later; the time between two polls, as a fraction of the recheck delay: 500 ms. */
const LAG_POLL_FRACTION = 1 / 6;
const MAX_LAG_POLLS = 4;

/** A validated request to bind a connection to resources, or to unbind it from them. */
export interface ChangeBindingsCommand {
  action: BindingAction;
  /** A UUID. */
  connectionId: string;
  /** 1 to 20, in lower case. */
  resources: readonly Resource[];
}

/** The binding of one resource that is to be made or removed. */
interface WantedBinding {
  action: BindingAction;
  /** Of the connection. */
  id: string;
  resource: Resource;
}

const DONE: BindingOutcome = { kind: 'done', hasSent: true };
const NOTHING_TO_DO: BindingOutcome = { kind: 'done', hasSent: false };

interface Dependencies {
  connections: Pick<ConnectionsClient, 'getForChange'>;
  bindings: Pick<BindingsClient, 'changeBinding'>;
  directory: ResourceDirectory;
  clock: Clock;
  /** Time before the second check of a refused change, in milliseconds. Default is 3,000. */
  recheckMs?: number | undefined;
}

/**
 * Binds enhanced connections to pools and queues, and unbinds them. A call asks for a state, so a repeat has the same
 * outcome, and nothing is recorded: the connection itself shows how an earlier call ended.
 *
 * One request per name, because DLI processes several names one by one and does not say how far it got.
 */
export class ChangeBindings {
  readonly #recheckMs: number;

  constructor(private readonly dependencies: Dependencies) {
    this.#recheckMs = dependencies.recheckMs ?? RECHECK_DELAY_MS;
  }

  /** Runs the change. If a resource does not exist, nothing is bound. */
  async run(command: ChangeBindingsCommand, context: OperationContext): Promise<ChangeBindingsOutcome> {
    const { action, resources } = command;
    const connectionId = command.connectionId.toLowerCase();
    const resolved = await this.dependencies.directory.resolve(resources, context);
    const missing = action === 'bind' ? resolved.filter(({ exists }) => exists === false) : [];
    if (missing.length > 0)
      return { kind: 'resourcesNotFound', names: missing.map(({ requested }) => requested.name), changed: [] };
    const before = await this.#readConnection(connectionId, context);
    if (before instanceof DliError) return { ...failedResult(before.code, before), changed: [] };
    if (before === undefined) return { kind: 'notFound' };
    // A queue may be bound as its pool, which only the lists of pools and queues show.
    const isUnclear = ({ bound, exists }: ResolvedResource) =>
      bound.kind === 'QUEUE' && exists === undefined && findBinding(before.bindings, bound) === undefined;
    if (action === 'unbind' && before.bindings.length > 0 && resolved.some(isUnclear))
      return { ...failedResult('UNAVAILABLE', { retryAfterSeconds: BINDINGS_RETRY_AFTER_SECONDS }), changed: [] };
    const changes = await this.#changeAll(action, before, resolved, context);
    return unfinishedOutcome(changes) ?? this.#describe(action, before, changes, context);
  }

  /** Binds a new connection to those resources that exist. Returns what became of each. */
  async bindNew(
    connectionId: string,
    resources: readonly Resource[],
    context: OperationContext,
  ): Promise<{ resource: Resource; outcome: BindingOutcome }[]> {
    const resolved = await this.dependencies.directory.resolve(resources, context);
    const before = await this.#readConnection(connectionId, context);
    const known = before instanceof DliError ? undefined : before;
    const existing = resolved.filter(({ exists }) => exists !== false);
    const changes = await this.#changeAll(
      'bind',
      known ?? { id: connectionId, bindings: [], areBindingsKnown: true },
      existing,
      context,
    );
    return resolved.map(({ requested }) => {
      const { outcome } = changes.find(change => change.requested === requested) ?? {
        outcome: { kind: 'resourceNotFound' },
      };
      // An earlier call that was interrupted may have bound it.
      const mayBeBound = known === undefined && outcome.kind === 'failed';
      return {
        resource: requested,
        outcome: mayBeBound
          ? unknownOutcome('UPSTREAM_ERROR', outcome.requestId, BINDINGS_RETRY_AFTER_SECONDS)
          : outcome,
      };
    });
  }

  /** Finds out to which of these resources the connection of an earlier call is bound, and binds none of them. */
  async findBound(
    connectionId: string,
    resources: readonly Resource[],
    context: OperationContext,
  ): Promise<{ resource: Resource; outcome: BindingOutcome }[]> {
    const resolved = await this.dependencies.directory.resolve(resources, context);
    const connection = await this.#readConnection(connectionId, context);
    const bindings = connection === undefined || connection instanceof DliError ? [] : connection.bindings;
    return resolved.map(({ requested, bound }) => ({
      resource: requested,
      outcome:
        findBinding(bindings, bound) === undefined
          ? unknownOutcome('STORE_LOST', undefined, BINDINGS_RETRY_AFTER_SECONDS)
          : NOTHING_TO_DO,
    }));
  }

  async #changeAll(
    action: BindingAction,
    { id, bindings, areBindingsKnown }: Pick<EnhancedConnection, 'id' | 'bindings' | 'areBindingsKnown'>,
    resources: readonly Omit<BindingChange, 'outcome'>[],
    context: OperationContext,
  ): Promise<BindingChange[]> {
    const outcomes = new Map<string, BindingOutcome>();
    const waiting = new Map(resources.map(({ bound }) => [keyOf(bound), bound]));
    const worker = async () => {
      for (const [key, resource] of waiting) {
        waiting.delete(key);
        const isBound = findBinding(bindings, resource) !== undefined;
        const isDone = action === 'bind' ? isBound : !isBound && areBindingsKnown;
        // Repeating it is safe: what is bound already is not bound twice, and ids are never reused.
        const send = () => this.#send({ action, id, resource }, context);
        outcomes.set(key, isDone ? NOTHING_TO_DO : await sendUpToTwice(context, send, isProven));
      }
    };
    await Promise.all(Array.from({ length: MAX_CONCURRENT }, worker));
    return resources.map(({ requested, bound }) => ({
      requested,
      bound,
      outcome: outcomes.get(keyOf(bound)) ?? NOTHING_TO_DO,
    }));
  }

  /** Sends one request, and checks what came of it if the response proves nothing. */
  async #send(wanted: WantedBinding, context: OperationContext): Promise<BindingOutcome> {
    const { clock, bindings } = this.dependencies;
    const { action, id, resource } = wanted;
    const result = await sendBeforeCheck(context, clock, each => bindings.changeBinding(action, id, resource, each));
    if (result instanceof UnknownOutcomeError || (!(result instanceof DliError) && result.kind === 'unsuccessful')) {
      const reason = result instanceof UnknownOutcomeError ? result.reason : 'UNREADABLE_RESPONSE';
      const unknown = unknownOutcome(reason, result.requestId, BINDINGS_RETRY_AFTER_SECONDS);
      return this.#afterCheck(wanted, context, () => unknown);
    }
    if (!(result instanceof DliError)) return DONE;
    const failure = failedResult(result.code, result);
    const isRefusedByDli = result.code === 'REJECTED' || result.isUnconfirmed;
    // Refused before DLI saw the request.
    if (!isRefusedByDli) return failure;
    const unknown = unknownOutcome('UPSTREAM_ERROR', result.requestId, BINDINGS_RETRY_AFTER_SECONDS);
    return this.#afterCheck(wanted, context, async () => {
      if (context.deadline.remainingMs() < this.#recheckMs + CHECK_MARGIN_MS) return unknown;
      await delay(this.#recheckMs);
      return this.#afterCheck(wanted, context, binding => refusedOutcome(failure, binding));
    });
  }

  /** @param otherwise returns the outcome when the connection is not as wanted, given its current binding */
  async #afterCheck(
    wanted: WantedBinding,
    context: OperationContext,
    otherwise: (binding: DescribedBinding | undefined) => BindingOutcome | Promise<BindingOutcome>,
  ): Promise<BindingOutcome> {
    const connection = await this.#readConnection(wanted.id, context);
    if (connection === undefined) return { kind: 'gone' };
    if (connection instanceof DliError)
      return unknownOutcome('UPSTREAM_ERROR', connection.requestId, BINDINGS_RETRY_AFTER_SECONDS);
    const { action, resource } = wanted;
    const { bindings, areBindingsKnown } = connection;
    // A binding that cannot be read may exist.
    if (!areBindingsKnown && findBinding(bindings, resource) === undefined)
      return unknownOutcome('UNREADABLE_RESPONSE', undefined, BINDINGS_RETRY_AFTER_SECONDS);
    if (isAsWanted(action, bindings, resource)) return DONE;
    return otherwise(findBinding(connection.bindings, resource));
  }

  /** The outcome of a change that DLI has made, with the connection as it is now. */
  async #describe(
    action: BindingAction,
    before: EnhancedConnection,
    changes: readonly BindingChange[],
    context: OperationContext,
  ): Promise<ChangeBindingsOutcome> {
    const resources = changes.map(({ bound }) => bound);
    const lagPollMs = this.#recheckMs * LAG_POLL_FRACTION;
    for (let poll = 0; poll <= MAX_LAG_POLLS; poll += 1) {
      if (poll > 0) await delay(lagPollMs);
      const connection = await this.#readConnection(before.id, context);
      if (connection === undefined) return { kind: 'notFound' };
      if (connection instanceof DliError) break;
      if (resources.every(resource => isAsWanted(action, connection.bindings, resource)))
        return changedOutcome(action, connection, resources);
      const isLast = poll === MAX_LAG_POLLS || context.deadline.remainingMs() < lagPollMs + CHECK_MARGIN_MS;
      if (isLast && action === 'unbind')
        return unknownOutcome('TIMEOUT_AFTER_SEND', undefined, BINDINGS_RETRY_AFTER_SECONDS);
      if (isLast) break;
    }
    // DLI has accepted it, but does not show it yet.
    const bindings = expectedBindings(action, before.bindings, resources);
    return changedOutcome(action, { ...before, bindings }, resources);
  }

  /** The connection as it is now. Undefined when it does not exist, was deleted, or is a classic one. */
  async #readConnection(id: string, context: OperationContext): Promise<EnhancedConnection | DliError | undefined> {
    try {
      const connection = await this.dependencies.connections.getForChange(id, context);
      if (connection?.kind !== 'ENHANCED') return undefined;
      if (stateOfWireName(connection.state) === ConnectionState.DELETED) return undefined;
      return { ...connection, id: connection.id ?? id };
    } catch (error) {
      if (error instanceof DliError) return error;
      throw error;
    }
  }
}

function isProven({ kind }: BindingOutcome): boolean {
  return kind === 'done' || kind === 'gone';
}

function keyOf({ kind, name }: Resource): string {
  return `${kind} ${name}`;
}
