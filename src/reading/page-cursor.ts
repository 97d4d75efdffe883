import { z } from 'zod';
import type { ConnectionOrder } from './connection-order.js';

/** The place of an item in an order: whatever comes after it is on the next page, whether it is still there or not. */
export interface PagePlace {
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
export function writeCursor({ order, key, id }: PagePlace): string {
  return Buffer.from(JSON.stringify([order, key, id])).toString('base64url');
}

/**
 * The place that a cursor stands for.
 *
 * @throws {CursorError}
 */
export function readCursor(cursor: string, order: ConnectionOrder): PagePlace {
  try {
    if (cursor.length > MAX_CURSOR_LENGTH) throw new CursorError();
    const [ofOrder, key, id] = place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (ofOrder !== order || typeof key !== (order === 'NAME' ? 'string' : 'number')) throw new CursorError();
    return { order, key, id };
  } catch {
    throw new CursorError();
  }
}
