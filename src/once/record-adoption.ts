import { randomUUID } from 'node:crypto';
import type { OperationRecord } from './operation-record.js';
import { unfinished } from './operation-record.js';
import type { RecordStore } from './record-store.js';

/**
 * Takes over a record that nobody works on.
 *
 * @param forMs how long others leave it alone, in milliseconds
 * @returns the record under its new owner; undefined while somebody else works on it
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
  if (!(await store.adopt(record.id, record.owner, owner, ownedUntilMs))) return undefined;
  return { ...unfinished(record), owner, ownedUntilMs };
}
