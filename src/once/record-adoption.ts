import { randomUUID } from 'node:crypto';
import type { OperationScope } from '../dli/dli-error.js';
import type { OperationRecord } from '../operation-store/operation-record.js';
import { unfinished } from '../operation-store/operation-record.js';
import type { RecordStore } from '../operation-store/operation-store.js';

// Between the end of an operation's time and the moment when others may take its record over.
const OWNERSHIP_MARGIN_MS = 5_000;

/** How long a record belongs to an operation, in milliseconds: longer than it can still send or answer. */
export function ownershipMs({ deadline }: OperationScope): number {
  return deadline.remainingMs() + OWNERSHIP_MARGIN_MS;
}

/**
 * Takes over a record that nobody works on.
 *
 * @param forMs how long others leave it alone, in milliseconds
 * @returns the record as it is stored, under its new owner; undefined while somebody else works on it, or once it is
 *   decided
 */
export async function adoptRecord(
  store: RecordStore,
  record: OperationRecord,
  nowMs: number,
  forMs: number,
): Promise<OperationRecord | undefined> {
  if (record.ownedUntilMs > nowMs) return undefined;
  const owner = randomUUID();
  const ownedUntilMs = nowMs + forMs;
  const adopted = await store.adopt(record.id, record.owner, owner, ownedUntilMs);
  if (adopted === undefined) return undefined;
  // What it says by now counts, but the time to which the previous owner could send is only in the older version.
  return { ...unfinished({ ...adopted, ownedUntilMs: record.ownedUntilMs }), ownedUntilMs };
}
