import type { DescribedConnection } from '../dli/responses.js';

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
export function keyOf(order: ConnectionOrder, { name, createdAtMs }: DescribedConnection): string | number {
  return order === 'NAME' ? (name ?? '').toLowerCase().slice(0, MAX_KEY_LENGTH) : (createdAtMs ?? 0);
}

/** Compares two places as `sort` wants it; equal keys are told apart by id, so no two places are equal. */
export function comparePlaces(order: ConnectionOrder, a: Placed, b: Placed): number {
  if (a.key !== b.key) return a.key < b.key === (order !== 'NEWEST_FIRST') ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
