import { z } from 'zod';
import type { ConnectionState, DatasourceService } from '../dli/connection.js';
import { serviceOfWireName, stateOfWireName } from '../dli/connection.js';
import type { DescribedConnection } from '../dli/responses.js';

/** A connection that can be asked for by its id. */
export type ReadConnection = DescribedConnection & { id: string };

/** Which connections are wanted; what is not given does not matter. */
export interface ConnectionFilter {
  /** Default: all but DELETED. */
  states?: readonly ConnectionState[] | undefined;
  services?: readonly DatasourceService[] | undefined;
  /** Part of the name, without regard to case. */
  name?: string | undefined;
}

/** Which page of a list is wanted. */
export interface PageRequest {
  /** How many items at most. */
  first: number;
  /** The cursor of the page before. */
  after?: string | undefined;
  filter: ConnectionFilter;
  order: ConnectionOrder;
}

/** Some of a list's connections. */
export interface ConnectionPage {
  items: ReadConnection[];
  /** Where the next page begins; null when this is the last. */
  nextCursor: string | null;
  /** How many there are on all pages together. */
  totalCount: number;
}

interface Entry {
  key: string | number;
  id: string;
  connection: ReadConnection;
}

const MAX_SELECTIONS = 8;

/** All connections as they were at one time. What is filtered and sorted once is kept, so a further page costs what it holds. */
export class ConnectionSnapshot {
  readonly #all: readonly ReadConnection[];
  readonly #ordered = new Map<ConnectionOrder, readonly Entry[]>();
  readonly #selections = new Map<string, readonly Entry[]>();

  constructor(connections: readonly ReadConnection[]) {
    this.#all = connections;
  }

  /**
   * One page.
   *
   * @throws {CursorError}
   */
  page({ first, after, filter, order }: PageRequest): ConnectionPage {
    const selection = this.#select(filter, order);
    const start = after === undefined ? 0 : firstAfter(selection, readCursor(after, order));
    const entries = selection.slice(start, start + first);
    const last = entries.at(-1);
    const isLast = last === undefined || start + entries.length === selection.length;
    return {
      items: entries.map(({ connection }) => connection),
      nextCursor: isLast ? null : writeCursor({ order, key: last.key, id: last.id }),
      totalCount: selection.length,
    };
  }

  #select(filter: ConnectionFilter, order: ConnectionOrder): readonly Entry[] {
    const name = JSON.stringify([order, filter.states, filter.services, filter.name]);
    const known = this.#selections.get(name);
    if (known !== undefined) return known;
    const isWanted = matcherOf(filter);
    const entries = this.#order(order).filter(({ connection }) => isWanted(connection));
    const [oldest] = this.#selections.keys();
    if (this.#selections.size === MAX_SELECTIONS && oldest !== undefined) this.#selections.delete(oldest);
    this.#selections.set(name, entries);
    return entries;
  }

  // Whoever searches with ever other filters must not have ten thousand sorted each time.
  #order(order: ConnectionOrder): readonly Entry[] {
    const known = this.#ordered.get(order);
    if (known !== undefined) return known;
    const entries = this.#all
      .map(connection => ({ key: keyOf(order, connection), id: connection.id, connection }))
      .sort((a, b) => comparePlaces(order, a, b));
    this.#ordered.set(order, entries);
    return entries;
  }
}

function matcherOf({
  states,
  services,
  name,
}: ConnectionFilter): (connection: DescribedConnection) => boolean {
  const part = name?.toLowerCase() ?? '';
  return connection => {
    const state = stateOfWireName(connection.state);
    if (states === undefined ? state === 'DELETED' : !states.includes(state)) return false;
    if (!(connection.name ?? '').toLowerCase().includes(part)) return false;
    if (services === undefined) return true;
    const service = connection.service === null ? undefined : serviceOfWireName(connection.service);
    return service !== undefined && services.includes(service);
  };
}

// Binary search: a list of ten thousand is not walked through for each page.
function firstAfter(entries: readonly Entry[], place: ReturnType<typeof readCursor>): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && comparePlaces(place.order, entry, place) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The orders in which connections can be listed. */
export const ConnectionOrder = {
  NEWEST_FIRST: 'NEWEST_FIRST',
  OLDEST_FIRST: 'OLDEST_FIRST',
  NAME: 'NAME',
} as const;

/** One of {@link ConnectionOrder}. */
export type ConnectionOrder = (typeof ConnectionOrder)[keyof typeof ConnectionOrder];

/** Where something stands in an order. */
interface Placed {
  key: string | number;
  id: string;
}

// As long as names are; a longer one must still fit into a cursor.
const MAX_KEY_LENGTH = 64;

/** What an order goes by: the time of creation, 0 where DLI does not tell it, or the name without regard to case. */
function keyOf(order: ConnectionOrder, { name, createdAtMs }: DescribedConnection): string | number {
  return order === 'NAME' ? (name ?? '').toLowerCase().slice(0, MAX_KEY_LENGTH) : (createdAtMs ?? 0);
}

/** Compares two places as `sort` wants it; equal keys are told apart by id, so no two places are equal. */
function comparePlaces(order: ConnectionOrder, a: Placed, b: Placed): number {
  if (a.key !== b.key) return a.key < b.key === (order !== 'NEWEST_FIRST') ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The place of an item in an order: whatever comes after it is on the next page, whether it is still there or not. */
interface PagePlace {
  order: ConnectionOrder;
  /** What the order goes by. */
  key: string | number;
  id: string;
}

/** A cursor is none of ours, or belongs to another order. */
export class CursorError extends Error {
  override readonly name = 'CursorError';

  constructor() {
    super('The cursor does not belong to this list.');
  }
}

const MAX_CURSOR_LENGTH = 1_024;
const place = z.tuple([z.string(), z.union([z.string(), z.number()]), z.string()]);

/** The text that stands for a place; callers should not look into it. */
function writeCursor({ order, key, id }: PagePlace): string {
  return Buffer.from(JSON.stringify([order, key, id])).toString('base64url');
}

/**
 * The place that a cursor stands for.
 *
 * @throws {CursorError}
 */
function readCursor(cursor: string, order: ConnectionOrder): PagePlace {
  try {
    if (cursor.length > MAX_CURSOR_LENGTH) throw new CursorError();
    const [ofOrder, key, id] = place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (ofOrder !== order || typeof key !== (order === 'NAME' ? 'string' : 'number')) throw new CursorError();
    return { order, key, id };
  } catch {
    throw new CursorError();
  }
}
