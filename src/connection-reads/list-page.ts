import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { ConnectionState, DatasourceService } from '../dli/connection.js';
import { serviceOfWireName, stateOfWireName } from '../dli/connection.js';
import type { DescribedConnection } from '../dli/responses.js';
import { parseJson } from '../lib/json.js';

/** A connection with an id. */
export type ReadConnection = DescribedConnection & { id: string };

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

const MAX_SELECTIONS = 8;
const MAX_CURSOR_LENGTH = 1_024;
// The maximum length of a DLI name; bounds the length of a cursor.
const MAX_KEY_LENGTH = 64;
const cursorContent = z.tuple([z.string(), z.union([z.string(), z.number()]), z.string()]);

/** Snapshot of all connections. Sorted and filtered results are cached, so that further pages are cheap. */
export class ConnectionSnapshot {
  readonly #sorted = new Map<ConnectionOrder, readonly Entry[]>();
  readonly #selections = new LRUCache<string, readonly Entry[]>({ max: MAX_SELECTIONS });

  constructor(private readonly connections: readonly ReadConnection[]) {}

  /** @throws {CursorError} */
  page({ first, after, filter, order }: PageRequest): ConnectionPage {
    const selection = this.#select(filter, order);
    const start = after === undefined ? 0 : indexAfter(selection, order, decodeCursor(after, order));
    const entries = selection.slice(start, start + first);
    const last = entries.at(-1);
    const isLastPage = last === undefined || start + entries.length === selection.length;
    return {
      items: entries.map(({ connection }) => connection),
      nextCursor: isLastPage ? null : encodeCursor(order, last),
      totalCount: selection.length,
    };
  }

  #select(filter: ConnectionFilter, order: ConnectionOrder): readonly Entry[] {
    const cacheKey = JSON.stringify([order, filter.states, filter.services, filter.name]);
    const cached = this.#selections.get(cacheKey);
    if (cached !== undefined) return cached;
    const entries = this.#sort(order).filter(({ connection }) => matches(filter, connection));
    this.#selections.set(cacheKey, entries);
    return entries;
  }

  // Cached apart from the selections, so that a new filter does not sort ten thousand connections again.
  #sort(order: ConnectionOrder): readonly Entry[] {
    const cached = this.#sorted.get(order);
    if (cached !== undefined) return cached;
    const entries = this.connections
      .map(connection => ({ key: sortKeyOf(order, connection), id: connection.id, connection }))
      .sort((a, b) => comparePositions(order, a, b));
    this.#sorted.set(order, entries);
    return entries;
  }
}

function matches({ states, services, name = '' }: ConnectionFilter, connection: DescribedConnection): boolean {
  const state = stateOfWireName(connection.state);
  if (states === undefined ? state === 'DELETED' : !states.includes(state)) return false;
  if (!(connection.name ?? '').toLowerCase().includes(name.toLowerCase())) return false;
  if (services === undefined) return true;
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
