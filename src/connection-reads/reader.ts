import { LRUCache } from 'lru-cache';
import { CONNECTION_ID } from '../dli/connection.js';
import type { ConnectionsClient } from '../dli/connections-client.js';
import type { OperationContext } from '../dli/dli-error.js';
import type { DescribedConnection } from '../dli/responses.js';
import type { TraceContext } from '../lib/logger.js';
import { Deadline } from '../lib/time.js';
import type { CoalescedRead } from './coalesced-read.js';
import { showsDeleted } from './connection-filter.js';
import type { ConnectionPage, PageRequest, ReadConnection } from './connection-snapshot.js';
import { ConnectionSnapshot } from './connection-snapshot.js';
import type { RateLimitPermit } from './fair-rate-limiter.js';
import type { ReadContext, ReadDependencies } from './limited-reads.js';
import { beforeDeadline, createCoalescedRead, LimitedReads, withPermit } from './limited-reads.js';
import { toReadConnection } from './readiness.js';
import type { ConnectionChange } from './recent-changes.js';
import { RecentChanges } from './recent-changes.js';

/** The source from which connections of both kinds are read. */
export interface ConnectionSource extends Pick<ConnectionsClient, 'getConnection' | 'listConnections' | 'remember'> {
  /** Releases what is kept of the latest list for decoding the next one. */
  release(): void;
}

interface Dependencies extends ReadDependencies {
  connections: ConnectionSource;
}

/** Further pages come from the same snapshot of the list, unless it is older than this. */
export const SNAPSHOT_LIFE_MS = 30_000;
const MAX_CACHED_CONNECTIONS = 1_000;
const MAX_CACHED_BYTES = 16 * 1_024 * 1_024;
const BYTES_OF_PENDING_READ = 1_024;
/** How long a list waits for a connection that it lacks. */
const LOOKUP_TIMEOUT_MS = 5_000;

/**
 * Reads connections for all callers of the process. Simultaneous requests for the same data share one call to DLI.
 * Results include the changes made through this process; if DLI's list lags behind, only the ten newest creates.
 */
export class ConnectionReader {
  readonly #connections = new LRUCache<string, CoalescedRead<ReadConnection | undefined>>({
    max: MAX_CACHED_CONNECTIONS,
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: () => BYTES_OF_PENDING_READ,
    memoMethod: () => createCoalescedRead(this.dependencies),
  });
  readonly #list: CoalescedRead<ConnectionSnapshot>;
  readonly #recentChanges: RecentChanges;
  readonly #reads: LimitedReads;
  #releaseTimer: NodeJS.Timeout | undefined;

  constructor(private readonly dependencies: Dependencies) {
    this.#list = createCoalescedRead(dependencies);
    this.#recentChanges = new RecentChanges(dependencies.clock);
    this.#reads = new LimitedReads(dependencies);
  }

  /**
   * Reads one connection; undefined if it does not exist.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE
   * @throws {ReadQueueFullError}
   */
  async get(anyCaseId: string, { tenant, trace, deadline }: ReadContext): Promise<ReadConnection | undefined> {
    if (!CONNECTION_ID.test(anyCaseId)) return undefined;
    const id = anyCaseId.toLowerCase();
    const read = this.#connections.memo(id).get(
      this.dependencies.freshnessMs,
      tenant,
      this.#reads.start(trace, context => this.#read(id, context)),
    );
    return beforeDeadline(read, deadline);
  }

  /**
   * Reads connections by id: a single one with a get, several from the list of all, so that they cost one call. Returns
   * those that exist, by id in lower case. While a kind cannot be listed, missing ones are read one by one.
   *
   * @throws {DliError} see {@link ConnectionReader.get}
   * @throws {ReadQueueFullError}
   */
  async getAll(anyCaseIds: readonly string[], caller: ReadContext): Promise<ReadonlyMap<string, ReadConnection>> {
    const ids = new Set(anyCaseIds.filter(id => CONNECTION_ID.test(id)).map(id => id.toLowerCase()));
    if (ids.size <= 1) return this.#getEach([...ids], caller);
    const list = await this.list(this.dependencies.freshnessMs, false, caller);
    const listed = list.findAll(ids);
    const missing = list.failures.size === 0 ? [] : [...ids].filter(id => !listed.has(id));
    return new Map([...listed, ...(await this.#getEach(missing, caller))]);
  }

  /**
   * Reads one connection from DLI, bypassing cached results and the limiter.
   *
   * @param permit of the caller's own limiter
   * @throws {DliError} see {@link ConnectionReader.get}
   */
  async readFresh(id: string, trace: TraceContext, permit: RateLimitPermit): Promise<ReadConnection | undefined> {
    return this.#connections.memo(id).restart((_tenants, markStarted) => {
      markStarted();
      const { clock, timeoutMs } = this.dependencies;
      return this.#read(id, withPermit({ trace, deadline: new Deadline(clock, timeoutMs) }, permit));
    });
  }

  /**
   * Reads one page of all connections. Further pages come from the latest snapshot of the list for 30 s, unless it
   * temporarily lacks a kind.
   *
   * @throws {DliError} see {@link ConnectionReader.get}; also if a required kind could not be listed
   * @throws {ReadQueueFullError}
   * @throws {CursorError}
   */
  async page(request: PageRequest, caller: ReadContext): Promise<ConnectionPage> {
    const { freshnessMs } = this.dependencies;
    const withDeleted = showsDeleted(request.filter);
    if (request.after === undefined) return (await this.list(freshnessMs, withDeleted, caller)).page(request);
    const kept = await this.list(Math.max(SNAPSHOT_LIFE_MS, freshnessMs), withDeleted, caller);
    const snapshot = kept.isIncomplete ? await this.list(freshnessMs, withDeleted, caller) : kept;
    return snapshot.page(request);
  }

  /**
   * Reads all connections, or shares a snapshot that is at most `maxAgeMs` old. Recent changes are applied to it. It
   * may lack the connections of one kind, see {@link ConnectionSnapshot.failures}.
   *
   * @param withDeleted whether its deleted connections matter
   * @throws {DliError} see {@link ConnectionReader.get}; if neither kind can be listed
   * @throws {ReadQueueFullError}
   */
  async list(maxAgeMs: number, withDeleted: boolean, caller: ReadContext): Promise<ConnectionSnapshot> {
    const snapshot = await this.#listWithRecentChanges(maxAgeMs, withDeleted, caller);
    clearTimeout(this.#releaseTimer);
    const lifeMs = SNAPSHOT_LIFE_MS + this.dependencies.freshnessMs;
    // A list of ten thousand connections takes some megabytes, so it is released when unused.
    this.#releaseTimer = setTimeout(() => this.#releaseList(), lifeMs).unref();
    return snapshot;
  }

  /** Takes a change into account, and discards the results that it has made stale. */
  applyChange(change: ConnectionChange): void {
    if (change.id !== undefined) this.#connections.delete(change.id.toLowerCase());
    // An id of unknown kind is tried as that of a classic connection first.
    if (change.kind === 'created' && change.connectionKind !== 'CLASSIC')
      this.dependencies.connections.remember(change.id, change.connectionKind);
    if (change.kind === 'unknown') this.#list.clear();
    else this.#recentChanges.add(change);
  }

  /** Releases all results. */
  close(): void {
    clearTimeout(this.#releaseTimer);
    this.#connections.clear();
    this.#releaseList();
  }

  #releaseList(): void {
    this.#list.clear();
    this.dependencies.connections.release();
  }

  async #getEach(ids: readonly string[], caller: ReadContext): Promise<Map<string, ReadConnection>> {
    const found = await Promise.all(ids.map(id => this.get(id, caller)));
    return new Map(found.flatMap(connection => (connection === undefined ? [] : [[connection.id, connection]])));
  }

  /** Reuses the list if it is at most `maxAgeMs` old and recent changes can be applied to it; otherwise reads it again. */
  async #listWithRecentChanges(
    maxAgeMs: number,
    withDeleted: boolean,
    caller: ReadContext,
  ): Promise<ConnectionSnapshot> {
    const readList = () =>
      this.#list.get(
        maxAgeMs,
        caller.tenant,
        this.#reads.start(caller.trace, context => this.#readList(context)),
      );
    const lookUp = (id: string) =>
      this.get(id, { ...caller, deadline: new Deadline(this.dependencies.clock, LOOKUP_TIMEOUT_MS) });
    const current = readList();
    const kept = await current;
    const mayKeep = !(withDeleted && this.#recentChanges.hasDeletionSince(kept));
    if (mayKeep && (await this.#recentChanges.applyTo(kept, lookUp))) return kept;
    this.#list.discard(current);
    const snapshot = await readList();
    await this.#recentChanges.applyTo(snapshot, lookUp, true);
    return snapshot;
  }

  async #read(id: string, context: OperationContext): Promise<ReadConnection | undefined> {
    const connection = await this.dependencies.connections.getConnection(id, context);
    if (connection === undefined) return undefined;
    const read = this.#connections.peek(id);
    // The size is known only now; a character takes up to two bytes.
    const size = BYTES_OF_PENDING_READ + 2 * JSON.stringify(connection).length;
    if (read !== undefined && this.#connections.delete(id)) this.#connections.set(id, read, { size });
    return toReadConnection({ ...connection, id }, this.dependencies.clock.epochMs());
  }

  async #readList(context: OperationContext): Promise<ConnectionSnapshot> {
    const { sequence } = this.#recentChanges;
    const { connections, failures } = await this.dependencies.connections.listConnections(context);
    const readAtMs = this.dependencies.clock.epochMs();
    const identified = connections.filter(hasId).map(connection => toReadConnection(connection, readAtMs));
    return new ConnectionSnapshot(identified, sequence, failures);
  }
}

function hasId(connection: DescribedConnection): connection is DescribedConnection & { id: string } {
  return connection.id !== null;
}
