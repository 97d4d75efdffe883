import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { DatasourceService } from '../dli/connection.js';
import { ConnectionState, serviceOfWireName, stateOfWireName } from '../dli/connection.js';
import type { DescribedClassicConnection, DescribedConnection, DescribedEnhancedConnection } from '../dli/responses.js';
import { parseJson } from '../lib/json.js';

/** A connection with an id. */
export type ReadConnection = ReadClassicConnection | ReadEnhancedConnection;

/** A classic connection with an id. */
export type ReadClassicConnection = DescribedClassicConnection & { id: string };

/** An enhanced connection with an id. */
export type ReadEnhancedConnection = DescribedEnhancedConnection & { id: string };

/** Filter of a connection list; an absent criterion matches all connections. */
export interface ConnectionFilter {
  /** Default: all states except DELETED. */
  states?: readonly ConnectionState[] | undefined;
  services?: readonly DatasourceService[] | undefined;
  /** Substring of the name, case-insensitive. */
  name?: string | undefined;
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
}

/** One page of a connection list. */
export interface ConnectionPage {
  items: ReadConnection[];
  /** Cursor for the following page; null on the last page. */
  nextCursor: string | null;
  /** Number of matching connections on all pages. */
  totalCount: number;
}

/** The cursor is malformed or belongs to another order. */
export class CursorError extends Error {
  override readonly name = 'CursorError';

  constructor() {
    super('The cursor does not belong to this list.');
  }
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
const MAX_CURSOR_LENGTH = 1_024;
// The maximum length of a DLI name; bounds the length of a cursor.
const MAX_KEY_LENGTH = 64;
const cursorContent = z.tuple([z.string(), z.union([z.string(), z.number()]), z.string()]);

/** The connections that match a filter, in an order. */
interface Selection {
  filter: ConnectionFilter;
  order: ConnectionOrder;
  entries: Entry[];
}

/**
 * All connections at the time of one read, with the changes of our own since. Sorted and filtered results are kept, so
 * that a page costs what it shows.
 */
export class ConnectionSnapshot {
  /** Sequence of the last own change that this list shows; -1: none yet. */
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

  /** @param readAtSequence the number of own changes before the read began */
  constructor(
    connections: readonly ReadConnection[],
    readonly readAtSequence: number,
  ) {
    this.#read = connections;
    this.#connections = [...connections];
    this.#ids = connections.map(({ id }) => id.toLowerCase());
  }

  /** All connections by id in lower case. */
  byId(): Map<string, ReadConnection> {
    return mapOf(this.#connections);
  }

  /** All connections by id in lower case, as DLI listed them, without our own changes since. */
  byIdAsRead(): Map<string, ReadConnection> {
    return mapOf(this.#read);
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

  /** Adds a connection, or replaces the one with its id. */
  put(connection: ReadConnection): void {
    const id = connection.id.toLowerCase();
    const position = this.#ids.indexOf(id);
    const replaced = this.#connections[position];
    const index = replaced === undefined ? this.#ids.length : position;
    this.#ids[index] = id;
    this.#connections[index] = connection;
    for (const selection of [...this.#sorted.values(), ...this.#selections.values()]) {
      if (replaced !== undefined) removeFrom(selection, replaced);
      if (matches(selection.filter, connection)) insertInto(selection, connection);
    }
  }

  /** @throws {CursorError} */
  page({ first, after, filter, order }: PageRequest): ConnectionPage {
    const { entries } = this.#select(filter, order);
    const start = after === undefined ? 0 : indexAfter(entries, order, decodeCursor(after, order));
    const shown = entries.slice(start, start + first);
    const last = shown.at(-1);
    const isLastPage = last === undefined || start + shown.length === entries.length;
    return {
      items: shown.map(({ connection }) => connection),
      nextCursor: isLastPage ? null : encodeCursor(order, last),
      totalCount: entries.length,
    };
  }

  #select(filter: ConnectionFilter, order: ConnectionOrder): Selection {
    const cacheKey = JSON.stringify([order, filter.states, filter.services, filter.name]);
    const cached = this.#selections.get(cacheKey);
    if (cached !== undefined) return cached;
    const entries = this.#sort(order).entries.filter(({ connection }) => matches(filter, connection));
    const selection = { filter, order, entries };
    this.#selections.set(cacheKey, selection);
    return selection;
  }

  // Cached apart from the selections, so that a new filter does not sort ten thousand connections again.
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

function mapOf(connections: readonly ReadConnection[]): Map<string, ReadConnection> {
  return new Map(connections.map(connection => [connection.id.toLowerCase(), connection]));
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

/** Whether a filter matches deleted connections. */
export function showsDeleted({ states }: ConnectionFilter): boolean {
  return states?.includes('DELETED') ?? false;
}

/** Whether a filter matches a connection. */
export function matches({ states, services, name = '' }: ConnectionFilter, connection: DescribedConnection): boolean {
  const state = stateOfWireName(connection.state);
  if (states === undefined ? state === 'DELETED' : !states.includes(state)) return false;
  if (name !== '' && !(connection.name ?? '').toLowerCase().includes(name.toLowerCase())) return false;
  if (services === undefined) return true;
  if (connection.kind !== 'CLASSIC') return false;
  const service = connection.service === null ? undefined : serviceOfWireName(connection.service);
  return service !== undefined && services.includes(service);
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

function encodeCursor(order: ConnectionOrder, { key, id }: Position): string {
  return Buffer.from(JSON.stringify([order, key, id])).toString('base64url');
}

/** @throws {CursorError} */
function decodeCursor(cursor: string, order: ConnectionOrder): Position {
  const content = cursor.length > MAX_CURSOR_LENGTH ? '' : Buffer.from(cursor, 'base64url').toString();
  const [cursorOrder, key, id] = cursorContent.safeParse(parseJson(content)).data ?? [];
  const keyType = order === 'NAME' ? 'string' : 'number';
  if (key === undefined || id === undefined || cursorOrder !== order || typeof key !== keyType) throw new CursorError();
  return { key, id };
}
