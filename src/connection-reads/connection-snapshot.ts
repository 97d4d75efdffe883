import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { ConnectionKind, ConnectionState } from '../dli/connection.js';
import type {
  DescribedBinding,
  DescribedClassicConnection,
  DescribedConnection,
  DescribedEnhancedConnection,
} from '../dli/responses.js';
import type { ConnectionFilter, ListFailures } from './connection-filter.js';
import { failureOf, isNotOffered, kindsOf, matches } from './connection-filter.js';
import { CursorError, decodeCursor, encodeCursor } from './cursor.js';

/** A connection with an id. */
export type ReadConnection = ReadClassicConnection | ReadEnhancedConnection;

/** A classic connection with an id. */
export type ReadClassicConnection = DescribedClassicConnection & { id: string };

/** An enhanced connection with an id. */
export type ReadEnhancedConnection = Omit<DescribedEnhancedConnection, 'bindings'> & {
  id: string;
  bindings: ReadBinding[];
};

/** A binding of an enhanced connection. */
export interface ReadBinding extends DescribedBinding {
  /** Whether it had been CREATING for 15 minutes or longer when it was read. */
  isOverdue: boolean;
}

/** The orders in which connections can be listed. */
export const ConnectionOrder = {
  NEWEST_FIRST: 'NEWEST_FIRST',
  OLDEST_FIRST: 'OLDEST_FIRST',
  NAME: 'NAME',
} as const;

/** One of {@link ConnectionOrder}. */
export type ConnectionOrder = (typeof ConnectionOrder)[keyof typeof ConnectionOrder];

/** Request for one page of a connection list. */
export interface PageRequest {
  /** Maximum number of items. */
  first: number;
  /** Cursor of the preceding page. Default: the first page. */
  after?: string | undefined;
  filter: ConnectionFilter;
  order: ConnectionOrder;
  /** Whether the page may lack a kind that cannot be listed at the moment if it has another. Default: false. */
  acceptsPartial?: boolean;
}

/** One page of a connection list. */
export interface ConnectionPage {
  items: ReadConnection[];
  /** Cursor for the following page; null on the last page. */
  nextCursor: string | null;
  /** Number of matching connections on all pages. */
  totalCount: number;
  /** The kinds that the filter can match but that could not be listed. */
  unavailableKinds: ConnectionKind[];
}

/** Position in an order. Unlike an offset it stays valid when its item disappears. */
interface Position {
  /** Sort key. */
  key: string | number;
  id: string;
}

interface Entry extends Position {
  connection: ReadConnection;
}

/** Matches all connections. */
const ALL: ConnectionFilter = { states: Object.values(ConnectionState) };
const BYTES_PER_ENTRY = 8;
const MAX_SELECTIONS = 32;
const MAX_SELECTION_BYTES = 4 * 1_024 * 1_024;
// The maximum length of a DLI name; bounds the length of a cursor.
const MAX_KEY_LENGTH = 64;
/** Order, sort key and id. */
const cursorSchema = z.tuple([z.string(), z.union([z.string(), z.number()]), z.string()]);

/** The connections that match a filter, in an order. */
interface Selection {
  filter: ConnectionFilter;
  order: ConnectionOrder;
  entries: Entry[];
}

/**
 * All connections at the time of one read, with recent changes since then. Sorted and filtered results are cached, so
 * the cost of a page depends only on its size.
 */
export class ConnectionSnapshot {
  /** Sequence of the last recent change that this list shows; -1: none yet. */
  appliedSequence = -1;
  readonly #sorted = new Map<ConnectionOrder, Selection>();
  readonly #selections = new LRUCache<string, Selection>({
    max: MAX_SELECTIONS,
    maxSize: MAX_SELECTION_BYTES,
    sizeCalculation: ({ entries }, key) => key.length + BYTES_PER_ENTRY * (entries.length + 1),
  });
  readonly #read: readonly ReadConnection[];
  readonly #connections: ReadConnection[];
  /** Ids in lower case, by position. A map would cost too much to build for every list. */
  readonly #ids: string[];

  /**
   * @param readAtSequence the number of recent changes before the read began
   * @param failures the kinds whose connections are missing
   */
  constructor(
    connections: readonly ReadConnection[],
    readonly readAtSequence: number,
    readonly failures: ListFailures,
  ) {
    this.#read = connections;
    this.#connections = [...connections];
    this.#ids = connections.map(({ id }) => id.toLowerCase());
  }

  /** Whether a kind is missing that may be available again soon. */
  get isIncomplete(): boolean {
    return [...this.failures.values()].some(error => !isNotOffered(error));
  }

  /** All connections of a kind by id in lower case. */
  byId(kind: ConnectionKind): Map<string, ReadConnection> {
    return mapOf(this.#connections, kind);
  }

  /** All connections of a kind by id in lower case, as DLI listed them, without recent changes since then. */
  byIdAsRead(kind: ConnectionKind): Map<string, ReadConnection> {
    return mapOf(this.#read, kind);
  }

  /** The connections with these ids, which are in lower case. */
  findAll(ids: ReadonlySet<string>): Map<string, ReadConnection> {
    const found = new Map<string, ReadConnection>();
    if (ids.size === 0) return found;
    for (const [index, connection] of this.#connections.entries()) {
      const id = this.#ids[index] ?? '';
      if (ids.has(id)) found.set(id, connection);
    }
    return found;
  }

  /** Adds a connection, or replaces the one with the same id. */
  put(read: ReadConnection): void {
    const id = read.id.toLowerCase();
    const position = this.#ids.indexOf(id);
    const replaced = this.#connections[position];
    const connection = withListedFields(read, replaced);
    const index = replaced === undefined ? this.#ids.length : position;
    this.#ids[index] = id;
    this.#connections[index] = connection;
    for (const selection of [...this.#sorted.values(), ...this.#selections.values()]) {
      if (replaced !== undefined) removeFrom(selection, replaced);
      if (matches(selection.filter, connection)) insertInto(selection, connection);
    }
  }

  /**
   * @throws {DliError} if a required kind is missing
   * @throws {CursorError}
   */
  page({ first, after, filter, order, acceptsPartial }: PageRequest): ConnectionPage {
    const failure = failureOf(filter, this.failures, { acceptsPartial });
    if (failure !== undefined) throw failure;
    const { entries } = this.#select(filter, order);
    const start = after === undefined ? 0 : indexAfter(entries, order, positionOf(after, order));
    const shown = entries.slice(start, start + first);
    const last = shown.at(-1);
    const isLastPage = last === undefined || start + shown.length === entries.length;
    return {
      items: shown.map(({ connection }) => connection),
      nextCursor: isLastPage ? null : encodeCursor([order, last.key, last.id]),
      totalCount: entries.length,
      unavailableKinds: kindsOf(filter).filter(kind => this.failures.has(kind)),
    };
  }

  #select(filter: ConnectionFilter, order: ConnectionOrder): Selection {
    const { kinds, states, services, name, vpcId, boundTo, readiness } = filter;
    const cacheKey = JSON.stringify([order, kinds, states, services, name, vpcId, boundTo, readiness]);
    const cached = this.#selections.get(cacheKey);
    if (cached !== undefined) return cached;
    const entries = this.#sort(order).entries.filter(({ connection }) => matches(filter, connection));
    const selection = { filter, order, entries };
    this.#selections.set(cacheKey, selection);
    return selection;
  }

  // Cached separately from the selections, so that a new filter does not sort ten thousand connections again.
  #sort(order: ConnectionOrder): Selection {
    const cached = this.#sorted.get(order);
    if (cached !== undefined) return cached;
    const entries = this.#connections
      .map(connection => entryOf(order, connection))
      .sort((a, b) => comparePositions(order, a, b));
    const sorted = { filter: ALL, order, entries };
    this.#sorted.set(order, sorted);
    return sorted;
  }
}

function mapOf(connections: readonly ReadConnection[], kind: ConnectionKind): Map<string, ReadConnection> {
  const ofKind = connections.filter(connection => connection.kind === kind);
  return new Map(ofKind.map(connection => [connection.id.toLowerCase(), connection]));
}

/** A connection that was read by its id, with the fields that only lists have. */
function withListedFields(read: ReadConnection, listed: ReadConnection | undefined): ReadConnection {
  if (read.kind !== ConnectionKind.ENHANCED || listed?.kind !== ConnectionKind.ENHANCED) return read;
  const { isShared, isIpv6Enabled } = listed;
  return { ...read, isShared: read.isShared ?? isShared, isIpv6Enabled: read.isIpv6Enabled ?? isIpv6Enabled };
}

function entryOf(order: ConnectionOrder, connection: ReadConnection): Entry {
  return { key: sortKeyOf(order, connection), id: connection.id, connection };
}

function insertInto({ order, entries }: Selection, connection: ReadConnection): void {
  const entry = entryOf(order, connection);
  entries.splice(indexAfter(entries, order, entry), 0, entry);
}

function removeFrom({ order, entries }: Selection, connection: ReadConnection): void {
  const index = indexAfter(entries, order, entryOf(order, connection)) - 1;
  if (entries[index]?.connection === connection) entries.splice(index, 1);
}

/** The sort key: the name in lower case, or the time of creation (0 if DLI does not report it). */
function sortKeyOf(order: ConnectionOrder, { name, createdAtMs }: DescribedConnection): string | number {
  return order === 'NAME' ? (name ?? '').toLowerCase().slice(0, MAX_KEY_LENGTH) : (createdAtMs ?? 0);
}

/** Comparator for `sort`. The id breaks ties, so that no two positions are equal. */
function comparePositions(order: ConnectionOrder, a: Position, b: Position): number {
  if (a.key !== b.key) return a.key < b.key === (order !== 'NEWEST_FIRST') ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** Binary search for the first entry after a position. */
function indexAfter(entries: readonly Entry[], order: ConnectionOrder, position: Position): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && comparePositions(order, entry, position) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @throws {CursorError} when it belongs to another order */
function positionOf(cursor: string, order: ConnectionOrder): Position {
  const [cursorOrder, key, id] = decodeCursor(cursor, cursorSchema);
  if (cursorOrder !== order || typeof key !== (order === 'NAME' ? 'string' : 'number')) throw new CursorError();
  return { key, id };
}
