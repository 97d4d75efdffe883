import { LRUCache } from 'lru-cache';
import { CONNECTION_ID } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import type { OperationContext } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { Deadline, withTimeout } from '../lib/time.js';
import type { FairRateLimiter, RateLimitPermit } from './fair-rate-limiter.js';
import type { ConnectionPage, PageRequest, ReadConnection } from './list-page.js';
import { ConnectionSnapshot } from './list-page.js';

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

// Following pages come from one snapshot of the list, but not from an outdated one.
const SNAPSHOT_LIFE_MS = 30_000;
const MAX_CACHED_CONNECTIONS = 1_000;

/**
 * Reads connections for all callers of the process. Simultaneous requests for the same data share one call to DLI. A
 * result that predates a change made through this process is never returned.
 */
export class ConnectionReader {
  readonly #connections = new LRUCache<string, CoalescedRead<ReadConnection | undefined>>({
    max: MAX_CACHED_CONNECTIONS,
    memoMethod: () => new CoalescedRead(this.dependencies.clock),
  });
  readonly #list: CoalescedRead<ConnectionSnapshot>;
  #releaseTimer: NodeJS.Timeout | undefined;

  constructor(private readonly dependencies: Dependencies) {
    this.#list = new CoalescedRead(dependencies.clock);
  }

  /**
   * Reads one connection; undefined if it does not exist.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE; THROTTLED also if too many
   *   reads are queued
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
   * Reads one page of all connections. Following pages come from the latest snapshot of the list for 30 s, unless a
   * connection was changed meanwhile.
   *
   * @throws {DliError} see {@link ConnectionReader.get}
   * @throws {CursorError}
   */
  async page(request: PageRequest, { tenant, traceId }: ReadContext): Promise<ConnectionPage> {
    const { freshnessMs } = this.dependencies;
    const maxAgeMs = request.after === undefined ? freshnessMs : Math.max(SNAPSHOT_LIFE_MS, freshnessMs);
    const snapshot = await this.#list.get(
      maxAgeMs,
      tenant,
      this.#limited(traceId, context => this.#readList(context)),
    );
    clearTimeout(this.#releaseTimer);
    // A list of ten thousand connections takes some megabytes, so it is released when unused.
    this.#releaseTimer = setTimeout(() => this.#list.clear(), SNAPSHOT_LIFE_MS + freshnessMs).unref();
    return snapshot.page(request);
  }

  /** Discards results that a change of this connection, or of an unknown one, has made stale. */
  invalidate(id: string | undefined): void {
    if (id !== undefined) this.#connections.delete(id.toLowerCase());
    this.#list.clear();
  }

  close(): void {
    clearTimeout(this.#releaseTimer);
    this.#connections.clear();
    this.#list.clear();
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
      if (result === undefined) throw new DliError('THROTTLED', { retryAfterSeconds: 1 });
      return result.value;
    };
  }

  async #read(id: string, context: OperationContext): Promise<ReadConnection | undefined> {
    const connection = await this.dependencies.dli.getConnection(id, context);
    return connection && { ...connection, id };
  }

  async #readList(context: OperationContext): Promise<ConnectionSnapshot> {
    const { connections } = await this.dependencies.dli.listConnections(context);
    return new ConnectionSnapshot(
      connections.filter((connection): connection is ReadConnection => connection.id !== null),
    );
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

/** Starts a read for tenants, which others may join while it is queued. Its age counts from `markStarted`. */
type StartRead<T> = (tenants: ReadonlySet<string>, markStarted: () => void) => Promise<T>;

/** Single-flight read: callers at about the same time share one result. */
class CoalescedRead<T> {
  #current: { result: Promise<T>; tenants: Set<string>; startedAtMs: number } | undefined;

  constructor(private readonly clock: Clock) {}

  /**
   * Joins a read that is queued or started at most `maxAgeMs` ago; else starts one. A failure reaches the callers
   * that wait for it and is not cached.
   */
  get(maxAgeMs: number, tenant: string, start: StartRead<T>): Promise<T> {
    const current = this.#current;
    if (current === undefined || this.clock.monotonicMs() - current.startedAtMs > maxAgeMs)
      return this.restart(start, [tenant]);
    current.tenants.add(tenant);
    return current.result;
  }

  /** Starts a read, regardless of the current one, for all subsequent callers to share. */
  restart(start: StartRead<T>, tenants: readonly string[] = []): Promise<T> {
    // A queued read does not age.
    const queued = { tenants: new Set(tenants), startedAtMs: Number.POSITIVE_INFINITY };
    const markStarted = () => {
      queued.startedAtMs = this.clock.monotonicMs();
    };
    const result = start(queued.tenants, markStarted);
    const current = Object.assign(queued, { result });
    this.#current = current;
    result.catch(() => {
      if (this.#current === current) this.#current = undefined;
    });
    return result;
  }

  /** Discards the result; later callers do not join a running read either. */
  clear(): void {
    this.#current = undefined;
  }
}
