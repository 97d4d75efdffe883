import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import type { Deletion } from './connection.js';
import { ConnectionKind } from './connection.js';
import { DecodedElements } from './decoded-elements.js';
import type { DliClient, ReadPurpose } from './dli-client.js';
import type { OperationContext } from './dli-error.js';
import { DliError } from './dli-error.js';
import type { ConnectionList, DescribedConnection } from './responses.js';

/** The connections of both kinds. */
export interface BothLists extends ConnectionList {
  /** The kinds that could not be listed, with the reason. Never both. */
  failures: ReadonlyMap<ConnectionKind, DliError>;
}

const KINDS = [ConnectionKind.CLASSIC, ConnectionKind.ENHANCED] as const;
/** About 2 MB. An id beyond these costs one more call. */
const MAX_KNOWN_KINDS = 10_000;
const NOT_OFFERED_LIFE_MS = 60_000;
const NOT_OFFERED = 'notOffered';

/** A get that failed. */
interface FailedGet {
  kind: ConnectionKind;
  error: DliError;
}

/**
 * Reads and deletes connections of either kind by id. The kind of an id is found by asking DLI, and then remembered:
 * ids are UUIDs that are never reused.
 */
export class ConnectionsClient {
  /** By id in lower case. */
  // `maxSize`, because `max` would allocate room for all entries at once.
  readonly #kinds = new LRUCache<string, ConnectionKind>({ maxSize: MAX_KNOWN_KINDS, sizeCalculation: () => 1 });
  /** The elements of the latest list of classic connections, which the next one need not decode again. */
  readonly #decoded = new DecodedElements();

  /** Until when a kind counts as not offered, by the monotonic clock. */
  readonly #notOfferedUntilMs = { CLASSIC: Number.NEGATIVE_INFINITY, ENHANCED: Number.NEGATIVE_INFINITY };

  constructor(
    private readonly clients: Readonly<Record<ConnectionKind, DliClient>>,
    private readonly clock: Clock,
  ) {}

  /**
   * One connection, possibly in state DELETED. Undefined only when DLI, for both kinds, has none with this id or does
   * not offer the kind.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE
   */
  async getConnection(id: string, context: OperationContext): Promise<DescribedConnection | undefined> {
    return this.#get('reads', id, context);
  }

  /**
   * {@link getConnection} on the transport of changes, so that reads cannot delay it.
   *
   * @throws {DliError} as {@link ConnectionsClient.getConnection}
   */
  async getForChange(id: string, context: OperationContext): Promise<DescribedConnection | undefined> {
    return this.#get('changes', id, context);
  }

  /**
   * All connections that DLI lists, deleted ones included.
   *
   * @throws {DliError} the error of the classic kind, when neither kind can be listed
   */
  async listConnections(context: OperationContext): Promise<BothLists> {
    const { CLASSIC: classic, ENHANCED: enhanced } = this.clients;
    const results = await Promise.allSettled([
      classic.listConnections(context, this.#decoded),
      enhanced.listConnections(context),
    ]);
    const lists = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
    const failures = new Map<ConnectionKind, DliError>();
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') continue;
      const error: unknown = result.reason;
      if (!(error instanceof DliError)) throw error;
      failures.set(index === 0 ? ConnectionKind.CLASSIC : ConnectionKind.ENHANCED, error);
    }
    const [list] = lists;
    if (list === undefined) throw failures.get(ConnectionKind.CLASSIC);
    const connections = lists.flatMap(each => each.connections);
    for (const { id, kind } of connections) if (id !== null) this.remember(id, kind);
    return { connections, skew: list.skew, failures };
  }

  /** Releases the elements of the latest list, which take some megabytes. The next list is decoded in full. */
  release(): void {
    this.#decoded.clear();
  }

  /**
   * Deletes one connection of a known kind. Idempotent, because DLI never reuses an id.
   *
   * @throws {UnknownOutcomeError} when it may have been executed
   * @throws {DliError} REJECTED also while DLI is still creating it, or one of its bindings
   */
  deleteConnection(kind: ConnectionKind, id: string, context: OperationContext): Promise<Deletion> {
    return this.clients[kind].deleteConnection(id.toLowerCase(), context);
  }

  /** Remembers the kind of a connection. */
  remember(id: string, kind: ConnectionKind): void {
    this.#kinds.set(id.toLowerCase(), kind);
  }

  async #get(
    purpose: ReadPurpose,
    anyCaseId: string,
    context: OperationContext,
  ): Promise<DescribedConnection | undefined> {
    // As DLI spells it.
    const id = anyCaseId.toLowerCase();
    const known = this.#kinds.get(id);
    const kinds = known === undefined ? KINDS : [known];
    const found = await this.#ask(kinds, purpose, id, context);
    if (found !== undefined) this.remember(id, found.kind);
    return found;
  }

  async #ask(
    kinds: readonly ConnectionKind[],
    purpose: ReadPurpose,
    id: string,
    context: OperationContext,
  ): Promise<DescribedConnection | undefined> {
    const refused: FailedGet[] = [];
    for (const [index, kind] of kinds.entries()) {
      // A kind that hangs must not keep the other from being asked.
      const deadline = new Deadline(this.clock, context.deadline.remainingMs() / (kinds.length - index));
      try {
        const found = await this.clients[kind].getConnection(id, purpose, { ...context, deadline });
        if (found !== undefined) return found;
      } catch (error) {
        refused.push({ kind, error: asDliError(error) });
      }
    }
    return this.#search(refused, kinds.length, id, context);
  }

  /** Searches the lists of the kinds whose gets were refused. Lists come last, because they take longer. */
  async #search(
    refused: readonly FailedGet[],
    kindCount: number,
    id: string,
    context: OperationContext,
  ): Promise<DescribedConnection | undefined> {
    const results = await Promise.all(refused.map(each => this.#searchList(each, id, context)));
    for (const result of results) if (typeof result === 'object' && 'kind' in result) return result;
    const failure = results.find(result => result instanceof DliError);
    if (failure !== undefined) throw failure;
    const [first] = refused;
    const notOffered = results.filter(result => result === NOT_OFFERED);
    if (first !== undefined && notOffered.length === kindCount) throw first.error;
    return undefined;
  }

  /** Searches the list of one kind. A kind whose get is not offered counts as such only if its list is not either. */
  async #searchList(
    { kind, error }: FailedGet,
    id: string,
    context: OperationContext,
  ): Promise<DescribedConnection | DliError | typeof NOT_OFFERED | undefined> {
    if (error.isNotOffered && this.clock.monotonicMs() < this.#notOfferedUntilMs[kind]) return NOT_OFFERED;
    try {
      return await this.clients[kind].findInList(id, context, error);
    } catch (failure) {
      const listError = asDliError(failure);
      if (listError === error || !listError.isNotOffered) return listError;
      this.#notOfferedUntilMs[kind] = this.clock.monotonicMs() + NOT_OFFERED_LIFE_MS;
      return NOT_OFFERED;
    }
  }
}

/** @throws the error, if it is of another class */
function asDliError(error: unknown): DliError {
  if (error instanceof DliError) return error;
  throw error;
}
