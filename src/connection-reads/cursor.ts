import type { z } from 'zod';
import { parseJson } from '../lib/json.js';

/** The most characters that a cursor may have. */
export const MAX_CURSOR_LENGTH = 1_024;

/** The cursor is malformed or belongs to another list or order. */
export class CursorError extends Error {
  override readonly name = 'CursorError';

  constructor() {
    super('The cursor does not belong to this list.');
  }
}

/** Encodes a position in a list as an opaque string. */
export function encodeCursor(position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/**
 * Decodes the position of a cursor.
 *
 * @throws {CursorError} when it does not match the schema
 */
export function decodeCursor<T>(cursor: string, schema: z.ZodType<T>): T {
  const text = cursor.length > MAX_CURSOR_LENGTH ? '' : Buffer.from(cursor, 'base64url').toString();
  const { data } = schema.safeParse(parseJson(text));
  if (data === undefined) throw new CursorError();
  return data;
}
