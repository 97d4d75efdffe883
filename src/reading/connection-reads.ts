import { isConnectionId } from '../dli/connection-id.js';
import type { DliClient } from '../dli/dli-client.js';
import type { OperationScope } from '../dli/operation-scope.js';
import type { Clock } from '../huawei-cloud/clock.js';
import { Deadline } from '../huawei-cloud/deadline.js';
import type { ConnectionPage, PageRequest, ReadConnection } from './connection-list.js';
import { ListedConnections } from './connection-list.js';
import type { ReadingLog } from './reading-log.js';
import { SharedRead } from './shared-read.js';

/** What reading connections takes. */
export interface ConnectionReadsOptions {
  dli: Pick<DliClient, 'getConnection' | 'listConnections'>;
  clock: Clock;
  /** How old an answer may be that was read for somebody else, in milliseconds. */
  freshnessMs: number;
  /** For one reading, in milliseconds. */
  timeoutMs: number;
  log: ReadingLog;
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
   * @param maxAgeMs how old the answer may be; default: as old as for every caller
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE
   */
  async get(
    anyCaseId: string,
    traceId: string,
    maxAgeMs = this.#options.freshnessMs,
  ): Promise<ReadConnection | undefined> {
    if (!isConnectionId(anyCaseId)) return undefined;
    const id = anyCaseId.toLowerCase();
    const single = this.#singles.get(id) ?? new SharedRead(this.#options.clock);
    // To the end of the map's order, whose beginning is forgotten first.
    this.#singles.delete(id);
    this.#singles.set(id, single);
    const [oldest] = this.#singles.keys();
    if (this.#singles.size > MAX_SINGLES && oldest !== undefined) this.#singles.delete(oldest);
    return single.get(maxAgeMs, async () => {
      const connection = await this.#options.dli.getConnection(id, this.#scope(traceId));
      return connection && { ...connection, id };
    });
  }

  /**
   * One page of all connections. Pages after the first are taken from the list that the first was taken from, for
   * half a minute, unless something was changed meanwhile.
   *
   * @throws {DliError} as {@link ConnectionReads.get}
   * @throws {CursorError}
   */
  async page(request: PageRequest, traceId: string): Promise<ConnectionPage> {
    const { freshnessMs } = this.#options;
    const maxAgeMs = request.after === undefined ? freshnessMs : Math.max(PAGING_MS, freshnessMs);
    const list = await this.#list.get(maxAgeMs, () => this.#readList(traceId));
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

  async #readList(traceId: string): Promise<ListedConnections> {
    const { dli, log } = this.#options;
    const { connections } = await dli.listConnections(this.#scope(traceId));
    const usable = connections.filter(
      (connection): connection is ReadConnection => connection.id !== null && isConnectionId(connection.id),
    );
    const leftOut = connections.length - usable.length;
    if (leftOut > 0)
      log.warn(
        { traceId, operation: 'listConnections', outcome: 'LEFT_OUT', count: leftOut },
        'connections without an id',
      );
    return new ListedConnections(usable);
  }

  #scope(traceId: string): OperationScope {
    const { clock, timeoutMs } = this.#options;
    return { traceId, deadline: new Deadline(clock, timeoutMs) };
  }
}
