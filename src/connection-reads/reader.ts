import { isConnectionId } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import type { OperationContext } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { Logger } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline, within } from '../lib/time.js';
import type { CallBudget } from './fair-rate-limiter.js';
import { TooManyCallsError } from './fair-rate-limiter.js';
import type { ConnectionPage, PageRequest, ReadConnection } from './list-page.js';
import { ListedConnections } from './list-page.js';

/** What reading connections takes. */
interface ConnectionReadsOptions {
  dli: Pick<DliClient, 'getConnection' | 'listConnections'>;
  /** Of calls to DLI for callers; looks for watchers have their own. */
  budget: CallBudget;
  clock: Clock;
  /** How old an answer may be that was read for somebody else, in milliseconds. */
  freshnessMs: number;
  /** For one reading, in milliseconds. */
  timeoutMs: number;
  log: Logger;
}

/** Who asks for a reading. */
export interface Asker {
  tenant: string;
  traceId: string;
  /** When it must be answered, if that is sooner than any reading must. */
  deadline?: Deadline | undefined;
}

// Who turns pages wants those of one list, but not of yesterday's.
const PAGING_MS = 30_000;
const MAX_SINGLES = 1_000;

/**
 * Reads connections for all callers of the process: who asks for the same at about the same time shares one call
 * to DLI, and nobody is shown what was read before a change that went through this process.
 */
export class ConnectionReads {
  readonly #options: ConnectionReadsOptions;
  readonly #singles = new Map<string, SharedRead<ReadConnection | undefined>>();
  readonly #list: SharedRead<ListedConnections>;
  #release: NodeJS.Timeout | undefined;

  constructor(options: ConnectionReadsOptions) {
    this.#options = options;
    this.#list = new SharedRead(options.clock);
  }

  /**
   * One connection; undefined when there is none of this id.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE; THROTTLED also while too
   *   many others read
   */
  async get(anyCaseId: string, asker: Asker): Promise<ReadConnection | undefined> {
    if (!isConnectionId(anyCaseId)) return undefined;
    const id = anyCaseId.toLowerCase();
    const found = this.#single(id).get(this.#options.freshnessMs, asker.tenant, reading =>
      this.#inTurn(asker.traceId, reading, scope => this.#read(id, scope)),
    );
    return inTime(found, asker.deadline);
  }

  /**
   * The same for whoever watches, with what is known by others left aside.
   *
   * @param mayRepeat whether a call that failed may be sent once more
   * @throws {DliError} as {@link ConnectionReads.get}
   */
  async look(id: string, traceId: string, mayRepeat: () => boolean): Promise<ReadConnection | undefined> {
    return this.#single(id).renew(({ begin }) => {
      begin();
      return this.#read(id, { ...this.#scope(traceId), mayRepeat });
    });
  }

  /**
   * One page of all connections. Pages after the first are taken from the latest list, for half a minute, unless
   * something was changed meanwhile.
   *
   * @throws {DliError} as {@link ConnectionReads.get}
   * @throws {CursorError}
   */
  async page(request: PageRequest, { tenant, traceId }: Asker): Promise<ConnectionPage> {
    const { freshnessMs } = this.#options;
    const maxAgeMs = request.after === undefined ? freshnessMs : Math.max(PAGING_MS, freshnessMs);
    const list = await this.#list.get(maxAgeMs, tenant, reading =>
      this.#inTurn(traceId, reading, scope => this.#readList(scope)),
    );
    clearTimeout(this.#release);
    // A list of ten thousand is some megabytes, which need not be held when nobody reads.
    this.#release = setTimeout(() => this.#list.forget(), PAGING_MS + freshnessMs).unref();
    return list.page(request);
  }

  /**
   * Forgets what was read, because something was changed.
   *
   * @param id of the connection that was changed; undefined when it is not known
   */
  forget(id: string | undefined): void {
    if (id !== undefined) this.#singles.delete(id.toLowerCase());
    this.#list.forget();
  }

  close(): void {
    clearTimeout(this.#release);
    this.#singles.clear();
    this.#list.forget();
  }

  #single(id: string): SharedRead<ReadConnection | undefined> {
    const single = this.#singles.get(id) ?? new SharedRead(this.#options.clock);
    // To the end of the map's order, whose beginning is forgotten first.
    this.#singles.delete(id);
    this.#singles.set(id, single);
    const [oldest] = this.#singles.keys();
    if (this.#singles.size > MAX_SINGLES && oldest !== undefined) this.#singles.delete(oldest);
    return single;
  }

  /** Reads for callers, as far as the budget allows. */
  async #inTurn<T>(
    traceId: string,
    { tenants, begin }: SharedReading,
    read: (scope: OperationContext) => Promise<T>,
  ): Promise<T> {
    const { budget } = this.#options;
    const scope = this.#scope(traceId);
    const reading = budget.run(
      () => tenants,
      AbortSignal.timeout(Math.ceil(scope.deadline.remainingMs())),
      async turn => {
        begin();
        return { value: await read({ ...scope, mayRepeat: turn.takeAnother }) };
      },
    );
    const end = await reading.catch((error: unknown) => {
      if (error instanceof TooManyCallsError) return undefined;
      throw error;
    });
    if (end === undefined) throw new DliError('THROTTLED', { retryAfterSeconds: 1 });
    return end.value;
  }

  async #read(id: string, scope: OperationContext): Promise<ReadConnection | undefined> {
    const connection = await this.#options.dli.getConnection(id, scope);
    return connection && { ...connection, id };
  }

  async #readList(scope: OperationContext): Promise<ListedConnections> {
    const { dli, log } = this.#options;
    const { connections } = await dli.listConnections(scope);
    const usable = connections.filter(
      (connection): connection is ReadConnection => connection.id !== null && isConnectionId(connection.id),
    );
    const leftOut = connections.length - usable.length;
    if (leftOut > 0)
      log.warn(
        { traceId: scope.traceId, operation: 'listConnections', outcome: 'LEFT_OUT', count: leftOut },
        'connections without an id',
      );
    return new ListedConnections(usable);
  }

  #scope(traceId: string): OperationContext {
    const { clock, timeoutMs } = this.#options;
    return { traceId, deadline: new Deadline(clock, timeoutMs) };
  }
}

/** What a reading finds before its asker must answer. */
async function inTime<T>(reading: Promise<T>, deadline: Deadline | undefined): Promise<T> {
  if (deadline === undefined) return reading;
  const found = await within(
    deadline.remainingMs(),
    reading.then(value => ({ value })),
    undefined,
  );
  if (found === undefined) throw new DliError('UNAVAILABLE', { retryAfterSeconds: 1 });
  return found.value;
}

/** A reading that may have to wait before it begins. */
export interface SharedReading {
  /** The tenants who share it, to whom others may still come. */
  tenants: ReadonlySet<string>;
  /** Notes that it begins now: what it finds is no older. */
  begin(): void;
}

/** One reading of something, which whoever asks at about the same time shares. */
export class SharedRead<T> {
  readonly #clock: Clock;
  #current: { result: Promise<T>; tenants: Set<string>; begunAtMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What is read now, or was begun to be read at most so long ago. A reading that fails is told to all who wait
   * for it, and to nobody after.
   *
   * @param tenant who asks
   * @param read begins a reading, if one is needed
   */
  get(maxAgeMs: number, tenant: string, read: (reading: SharedReading) => Promise<T>): Promise<T> {
    const current = this.#current;
    if (current === undefined || this.#clock.monotonicMs() - current.begunAtMs > maxAgeMs)
      return this.renew(read, [tenant]);
    current.tenants.add(tenant);
    return current.result;
  }

  /** Begins a reading whatever is known, which those who ask from now on share. */
  renew(read: (reading: SharedReading) => Promise<T>, tenants: readonly string[] = []): Promise<T> {
    // Until it begins it cannot become old.
    const current = { tenants: new Set(tenants), begunAtMs: Number.POSITIVE_INFINITY };
    const begin = () => {
      current.begunAtMs = this.#clock.monotonicMs();
    };
    const result = read({ tenants: current.tenants, begin });
    const known = Object.assign(current, { result });
    this.#current = known;
    result.catch(() => {
      if (this.#current === known) this.#current = undefined;
    });
    return result;
  }

  /** Forgets what was read, and has nobody wait for what is being read. */
  forget(): void {
    this.#current = undefined;
  }
}
