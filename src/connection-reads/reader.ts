import { LRUCache } from 'lru-cache';
import { CONNECTION_ID } from '../dli/connection.js';
import { DecodedElements } from '../dli/decoded-elements.js';
import type { DliClient } from '../dli/dli-client.js';
import type { OperationContext } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { Deadline, withTimeout } from '../lib/time.js';
import type { StartRead } from './coalesced-read.js';
import { CoalescedRead } from './coalesced-read.js';
import type { FairRateLimiter, RateLimitPermit } from './fair-rate-limiter.js';
import { ReadQueueFullError } from './fair-rate-limiter.js';
import type { ConnectionPage, PageRequest, ReadConnection } from './list-page.js';
import { ConnectionSnapshot, showsDeleted } from './list-page.js';
import type { ConnectionChange } from './own-changes.js';
import { OwnChanges } from './own-changes.js';

interface Dependencies {
  dli: Pick<DliClient, 'getConnection' | 'listConnections'>;
  /** Limits the reads of callers; polls of watched connections have a limiter of their own. */
  limiter: FairRateLimiter;
  clock: Clock;
  /** Maximum age of a result shared with another caller, in milliseconds. */
  freshnessMs: number;
  /** Time limit of one read from DLI, in milliseconds. */
  timeoutMs: number;
}

/** The caller of a read. */
export interface ReadContext {
  tenant: string;
  traceId: string;
  /** Deadline of the response, if earlier than that of the read itself. */
  deadline?: Deadline | undefined;
}

/** Following pages come from one snapshot of the list, but not from an outdated one. */
export const SNAPSHOT_LIFE_MS = 30_000;
const MAX_CACHED_CONNECTIONS = 1_000;
const MAX_CACHED_BYTES = 16 * 1_024 * 1_024;
const BYTES_OF_PENDING_READ = 1_024;
/** A list does not wait longer for a connection that it lacks. */
const LOOKUP_TIMEOUT_MS = 5_000;

/**
 * Reads connections for all callers of the process. Simultaneous requests for the same data share one call to DLI. A
 * result shows the changes that were made through this process; of a list that lags, the ten newest creates.
 */
export class ConnectionReader {
  readonly #connections = new LRUCache<string, CoalescedRead<ReadConnection | undefined>>({
    max: MAX_CACHED_CONNECTIONS,
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: () => BYTES_OF_PENDING_READ,
    memoMethod: () => new CoalescedRead(this.dependencies.clock),
  });
  readonly #list: CoalescedRead<ConnectionSnapshot>;
  /** The elements of the latest list, which the next one need not decode again. */
  readonly #decoded = new DecodedElements();
  readonly #ownChanges: OwnChanges;
  #releaseTimer: NodeJS.Timeout | undefined;

  constructor(private readonly dependencies: Dependencies) {
    this.#list = new CoalescedRead(dependencies.clock);
    this.#ownChanges = new OwnChanges(dependencies.clock);
  }

  /**
   * Reads one connection; undefined if it does not exist.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE
   * @throws {ReadQueueFullError}
   */
  async get(anyCaseId: string, { tenant, traceId, deadline }: ReadContext): Promise<ReadConnection | undefined> {
    if (!CONNECTION_ID.test(anyCaseId)) return undefined;
    const id = anyCaseId.toLowerCase();
    const read = this.#connections.memo(id).get(
      this.dependencies.freshnessMs,
      tenant,
      this.#limited(traceId, context => this.#read(id, context)),
    );
    return beforeDeadline(read, deadline);
  }

  /**
   * Reads connections by their ids: a single one on its own, several from the list of all, so that they cost one call.
   * Returns those that exist, by id in lower case.
   *
   * @throws {DliError} see {@link ConnectionReader.get}
   * @throws {ReadQueueFullError}
   */
  async getAll(anyCaseIds: readonly string[], caller: ReadContext): Promise<ReadonlyMap<string, ReadConnection>> {
    const ids = new Set(anyCaseIds.filter(id => CONNECTION_ID.test(id)).map(id => id.toLowerCase()));
    const [first] = ids;
    if (first === undefined) return new Map();
    if (ids.size > 1) return (await this.list(this.dependencies.freshnessMs, false, caller)).findAll(ids);
    const connection = await this.get(first, caller);
    return new Map(connection === undefined ? [] : [[first, connection]]);
  }

  /**
   * Reads one connection from DLI, bypassing cached results and the limiter.
   *
   * @param permit of the caller's own limiter
   * @throws {DliError} see {@link ConnectionReader.get}
   */
  async readFresh(id: string, traceId: string, permit: RateLimitPermit): Promise<ReadConnection | undefined> {
    return this.#connections.memo(id).restart((_tenants, markStarted) => {
      markStarted();
      return this.#read(id, withPermit(this.#createContext(traceId), permit));
    });
  }

  /**
   * Reads one page of all connections. Following pages come from the latest snapshot of the list for 30 s.
   *
   * @throws {DliError} see {@link ConnectionReader.get}
   * @throws {ReadQueueFullError}
   * @throws {CursorError}
   */
  async page(request: PageRequest, caller: ReadContext): Promise<ConnectionPage> {
    const { freshnessMs } = this.dependencies;
    const maxAgeMs = request.after === undefined ? freshnessMs : Math.max(SNAPSHOT_LIFE_MS, freshnessMs);
    const snapshot = await this.list(maxAgeMs, showsDeleted(request.filter), caller);
    return snapshot.page(request);
  }

  /**
   * Reads all connections, or shares a reading that is at most `maxAgeMs` old. Own changes are applied to it.
   *
   * @param withDeleted whether its deleted connections matter
   * @throws {DliError} see {@link ConnectionReader.get}
   * @throws {ReadQueueFullError}
   */
  async list(maxAgeMs: number, withDeleted: boolean, caller: ReadContext): Promise<ConnectionSnapshot> {
    const snapshot = await this.#listWithOwnChanges(maxAgeMs, withDeleted, caller);
    clearTimeout(this.#releaseTimer);
    const lifeMs = SNAPSHOT_LIFE_MS + this.dependencies.freshnessMs;
    // A list of ten thousand connections takes some megabytes, so it is released when unused.
    this.#releaseTimer = setTimeout(() => this.#releaseList(), lifeMs).unref();
    return snapshot;
  }

  /** Takes a change into account, and discards the results that it has made stale. */
  notice(change: ConnectionChange): void {
    if (change.id !== undefined) this.#connections.delete(change.id.toLowerCase());
    if (change.kind === 'unknown') this.#list.clear();
    else this.#ownChanges.add(change.id, change.kind);
  }

  /** Releases all results. */
  close(): void {
    clearTimeout(this.#releaseTimer);
    this.#connections.clear();
    this.#releaseList();
  }

  #releaseList(): void {
    this.#list.clear();
    this.#decoded.clear();
  }

  /** Reuses the list if it is at most `maxAgeMs` old and own changes can be applied to it; otherwise reads it again. */
  async #listWithOwnChanges(maxAgeMs: number, withDeleted: boolean, caller: ReadContext): Promise<ConnectionSnapshot> {
    const readList = () =>
      this.#list.get(
        maxAgeMs,
        caller.tenant,
        this.#limited(caller.traceId, context => this.#readList(context)),
      );
    const lookUp = (id: string) =>
      this.get(id, { ...caller, deadline: new Deadline(this.dependencies.clock, LOOKUP_TIMEOUT_MS) });
    const current = readList();
    const kept = await current;
    const mayKeep = !(withDeleted && this.#ownChanges.hasDeletionSince(kept));
    if (mayKeep && (await this.#ownChanges.applyTo(kept, lookUp))) return kept;
    this.#list.discard(current);
    const snapshot = await readList();
    await this.#ownChanges.applyTo(snapshot, lookUp, true);
    return snapshot;
  }

  /** A read on behalf of callers, which passes through the limiter. */
  #limited<T>(traceId: string, read: (context: OperationContext) => Promise<T>): StartRead<T> {
    return async (tenants, markStarted) => {
      const context = this.#createContext(traceId);
      const result = await this.dependencies.limiter.run(
        () => tenants,
        AbortSignal.timeout(Math.ceil(context.deadline.remainingMs())),
        async permit => {
          markStarted();
          return { value: await read(withPermit(context, permit)) };
        },
      );
      if (result === undefined) throw new ReadQueueFullError();
      return result.value;
    };
  }

  async #read(id: string, context: OperationContext): Promise<ReadConnection | undefined> {
    const connection = await this.dependencies.dli.getConnection(id, context);
    if (connection === undefined) return undefined;
    const read = this.#connections.peek(id);
    // The size is known only now; a character takes up to two bytes.
    const size = BYTES_OF_PENDING_READ + 2 * JSON.stringify(connection).length;
    if (read !== undefined && this.#connections.delete(id)) this.#connections.set(id, read, { size });
    return { ...connection, id };
  }

  async #readList(context: OperationContext): Promise<ConnectionSnapshot> {
    const { sequence } = this.#ownChanges;
    const { connections } = await this.dependencies.dli.listConnections(context, this.#decoded);
    const identified = connections.filter((connection): connection is ReadConnection => connection.id !== null);
    return new ConnectionSnapshot(identified, sequence);
  }

  #createContext(traceId: string): OperationContext {
    const { clock, timeoutMs } = this.dependencies;
    return { traceId, deadline: new Deadline(clock, timeoutMs) };
  }
}

/** Retries only if the limiter allows one more call, and makes room for others while it waits for a shared call. */
function withPermit(context: OperationContext, permit: RateLimitPermit): OperationContext {
  return { ...context, mayRetry: permit.tryTakeAnother, onSharedWait: permit.leave };
}

/** @throws {DliError} UNAVAILABLE if the read does not end before the deadline */
async function beforeDeadline<T>(read: Promise<T>, deadline: Deadline | undefined): Promise<T> {
  if (deadline === undefined) return read;
  return withTimeout(deadline.remainingMs(), read, () => {
    throw new DliError('UNAVAILABLE', { retryAfterSeconds: 1 });
  });
}
