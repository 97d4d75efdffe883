import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { BindingsClient } from '../dli/bindings-client.js';
import type { ConnectionTag, HostMapping } from '../dli/connection.js';
import type { CoalescedRead } from './coalesced-read.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { ReadContext, ReadDependencies } from './limited-reads.js';
import { beforeDeadline, createCoalescedRead, LimitedReads } from './limited-reads.js';

/** Request for one page of the hosts of a connection. */
export interface HostPageRequest {
  /** Maximum number of items. */
  first: number;
  /** Cursor of the preceding page. Default: the first page. */
  after?: string | undefined;
  /** Substring of the name, case-insensitive. Default: all hosts. */
  name?: string | undefined;
}

/** One page of the hosts of a connection, sorted by name, ignoring case. */
export interface HostPage {
  items: HostMapping[];
  /** Cursor for the following page; null on the last page. */
  nextCursor: string | null;
  /** Number of matching hosts on all pages. */
  totalCount: number;
}

interface Dependencies extends ReadDependencies {
  bindings: Pick<BindingsClient, 'getHosts' | 'getTags'>;
}

interface ListedHost {
  /** The name in lower case. */
  key: string;
  host: HostMapping;
}

const MAX_HOST_LISTS = 50;
const MAX_HOST_BYTES = 16 * 1_024 * 1_024;
const MAX_TAG_LISTS = 500;
const BYTES_OF_PENDING_READ = 1_024;
/** Memory of a host's objects and strings, apart from their characters. */
const BYTES_PER_HOST = 100;
/** Name and address of the last host of a page. */
const cursorSchema = z.tuple([z.literal('HOSTS'), z.string(), z.string()]);

/** Reads the details of enhanced connections that cost a call each. Simultaneous requests share one call. */
export class ConnectionDetails {
  readonly #hosts = new LRUCache<string, CoalescedRead<ListedHost[]>>({
    max: MAX_HOST_LISTS,
    maxSize: MAX_HOST_BYTES,
    sizeCalculation: () => BYTES_OF_PENDING_READ,
    memoMethod: () => createCoalescedRead(this.dependencies),
  });
  readonly #tags = new LRUCache<string, CoalescedRead<ConnectionTag[]>>({
    max: MAX_TAG_LISTS,
    memoMethod: () => createCoalescedRead(this.dependencies),
  });
  readonly #reads: LimitedReads;

  constructor(private readonly dependencies: Dependencies) {
    this.#reads = new LimitedReads(dependencies);
  }

  /**
   * One page of the hosts of an enhanced connection. Empty if DLI does not find the connection.
   *
   * @throws {DliError} UNAVAILABLE, THROTTLED, REJECTED, AUTH_FAILED or AUTH_UNAVAILABLE
   * @throws {ReadQueueFullError}
   * @throws {CursorError}
   */
  async hostsPage(id: string, { first, after, name = '' }: HostPageRequest, caller: ReadContext): Promise<HostPage> {
    const last = after === undefined ? undefined : hostAt(after);
    const part = name.toLowerCase();
    const matching = (await this.#allHosts(id, caller)).filter(({ key }) => key.includes(part));
    const rest = last === undefined ? matching : matching.filter(each => compareHosts(each, last) > 0);
    const items = rest.slice(0, first).map(({ host }) => host);
    const shown = items.at(-1);
    const isLastPage = shown === undefined || items.length === rest.length;
    return {
      items,
      nextCursor: isLastPage ? null : encodeCursor(['HOSTS', shown.name, shown.ip]),
      totalCount: matching.length,
    };
  }

  /**
   * The tags of an enhanced connection that may be shown.
   *
   * @throws {DliError} see {@link ConnectionDetails.hostsPage}
   * @throws {ReadQueueFullError}
   */
  tags(anyCaseId: string, { tenant, trace, deadline }: ReadContext): Promise<ConnectionTag[]> {
    const { bindings, freshnessMs } = this.dependencies;
    const id = anyCaseId.toLowerCase();
    const start = this.#reads.start(trace, context => bindings.getTags(id, context));
    return beforeDeadline(this.#tags.memo(id).get(freshnessMs, tenant, start), deadline);
  }

  /** All hosts, in page order. */
  #allHosts(anyCaseId: string, { tenant, trace, deadline }: ReadContext): Promise<ListedHost[]> {
    const { bindings, freshnessMs } = this.dependencies;
    const id = anyCaseId.toLowerCase();
    const start = this.#reads.start(trace, async context => {
      const hosts = (await bindings.getHosts(id, context)) ?? [];
      this.#noteSize(id, hosts);
      return hosts.map(toListedHost).sort(compareHosts);
    });
    return beforeDeadline(this.#hosts.memo(id).get(freshnessMs, tenant, start), deadline);
  }

  /** The size is known only now; a character takes up to two bytes. */
  #noteSize(id: string, hosts: readonly HostMapping[]): void {
    const read = this.#hosts.peek(id);
    const size = hosts.reduce(
      (bytes, { name, ip }) => bytes + BYTES_PER_HOST + 2 * (name.length + ip.length),
      BYTES_OF_PENDING_READ,
    );
    if (read !== undefined && this.#hosts.delete(id)) this.#hosts.set(id, read, { size });
  }
}

function toListedHost(host: HostMapping): ListedHost {
  return { key: host.name.toLowerCase(), host };
}

/** @throws {CursorError} */
function hostAt(cursor: string): ListedHost {
  const [, name, ip] = decodeCursor(cursor, cursorSchema);
  return toListedHost({ name, ip });
}

// By code units, which is fast and the same everywhere.
function compareHosts(a: ListedHost, b: ListedHost): number {
  return compareTexts(a.key, b.key) || compareTexts(a.host.name, b.host.name) || compareTexts(a.host.ip, b.host.ip);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
