import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { parseJson } from '../lib/json.js';
import type {
  CommonFields,
  OperationRecord,
  SendingRecord,
  StoredRejection,
  SucceededRecord,
  UndecidedRecord,
  UnknownRecord,
} from './record-format.js';
import { COMMON_FIELDS, KNOWN_FIELDS, parseRecord } from './record-format.js';

/** The result of a look-up by id. `unreadable`: something that this version does not understand. */
export type FindResult = { kind: 'found'; record: OperationRecord } | { kind: 'absent' } | { kind: 'unreadable' };

/** Reads and writes the texts of one store's records. */
export class RecordCodec {
  // Most records that are read are those that the same store wrote a moment ago.
  readonly #written = new LRUCache<string, OperationRecord>({ max: 1_000 });

  /** @param onUnreadable called for every text that {@link read} does not understand */
  constructor(private readonly onUnreadable: (text: string) => void = () => undefined) {}

  /** Parses a stored record. Returns undefined for anything but a complete record that this version understands. */
  read(text: string): OperationRecord | undefined {
    const record = this.#written.get(text) ?? parseRecord(parseJson(text));
    if (record === undefined) this.onUnreadable(text);
    return record;
  }

  /** Serializes a record for {@link read}. */
  write(record: OperationRecord): string {
    const text = JSON.stringify(record);
    this.#written.set(text, record);
    return text;
  }

  /** Reads what a store has under an id, if anything. An expired record is absent. */
  find(text: string | undefined, nowMs: number): FindResult {
    if (text === undefined) return { kind: 'absent' };
    const record = this.read(text);
    if (record === undefined) return { kind: 'unreadable' };
    return record.expiresAtMs <= nowMs ? { kind: 'absent' } : { kind: 'found', record };
  }
}

/** Whether the record has its final outcome. */
export function isDecided(record: OperationRecord): record is Exclude<OperationRecord, UndecidedRecord> {
  return record.state === 'SUCCEEDED' || record.state === 'REJECTED';
}

/** Whether the resources of the call are still to be bound. The owner binds them, and records those that it cannot. */
function awaitsBindings(record: OperationRecord): record is SucceededRecord {
  return record.state === 'SUCCEEDED' && record.wanted.kind === 'ENHANCED' && record.notBound === undefined;
}

/** A record that another owner may take over: undecided, or with bindings to be made. */
export type UnfinishedRecord = UndecidedRecord | SucceededRecord;

/** Whether a stored record may be taken over by a caller that has read `previous`, which may have changed since. */
export function mayBeTakenOver(
  stored: OperationRecord,
  previous: Pick<OperationRecord, 'owner' | 'state'>,
): stored is UnfinishedRecord {
  const wasDecided = previous.state === 'SUCCEEDED';
  return stored.owner === previous.owner && (wasDecided ? awaitsBindings(stored) : !isDecided(stored));
}

/** Whether the record is still being worked on. An open record holds its name. */
export function isOpen({ state, isSettled }: OperationRecord): boolean {
  return state === 'SENDING' || (state === 'UNKNOWN' && isSettled !== true);
}

/** Whether lists do not show the connection of a create that was refused for a missing right. */
export function isForbidden({ state, rejection, emptySinceMs }: OperationRecord): boolean {
  return state === 'UNKNOWN' && rejection !== undefined && emptySinceMs !== undefined;
}

/** The time after which nothing was sent, as far as is known: epoch milliseconds. */
export function lastSentAt({ sentAtMs, lastSentAtMs }: OperationRecord): number {
  return lastSentAtMs ?? sentAtMs;
}

/** The record of a new create. */
export function toSending(
  key: Pick<OperationRecord, 'id' | 'projectId' | 'nameId' | 'fingerprint' | 'traceId'>,
  wanted: OperationRecord['wanted'],
  hasMarker: boolean,
  nowMs: number,
  ownedUntilMs: number,
): SendingRecord {
  return {
    version: 1,
    ...key,
    state: 'SENDING',
    owner: randomUUID(),
    ownedUntilMs,
    sentAtMs: nowMs,
    ...(hasMarker && { hasMarker }),
    wanted,
    expiresAtMs: nowMs + RETENTION_MS.SENDING,
  };
}

/** The claim of a success on its connection. Undefined for any other record. */
export function claimOf(record: OperationRecord): { connectionId: string; expiresAtMs: number } | undefined {
  if (record.state !== 'SUCCEEDED') return undefined;
  // Until the last unknown record that might match the connection has expired.
  const expiresAtMs = record.expiresAtMs - RETENTION_MS.SUCCEEDED + RETENTION_MS.UNKNOWN;
  return { connectionId: record.connectionId, expiresAtMs };
}

/** What is known about a connection that was created. */
export type Success = Pick<SucceededRecord, 'connectionId' | 'message' | 'isReconciled' | 'recognisedBy'>;

/** The record after the connection was created, or found in the list. */
export function toSucceeded(record: UndecidedRecord, success: Success, nowMs: number): SucceededRecord {
  const expiresAtMs = nowMs + RETENTION_MS.SUCCEEDED;
  return { ...commonFields(record), state: 'SUCCEEDED', ...success, expiresAtMs };
}

/** The record after DLI proved that it created nothing. */
export function toRejected(
  record: UndecidedRecord,
  refusal: { rejection: StoredRejection; message?: string },
  nowMs: number,
): OperationRecord {
  const expiresAtMs = nowMs + RETENTION_MS.REJECTED;
  return { ...commonFields(record), state: 'REJECTED', ...refusal, expiresAtMs };
}

/** The record after its request ended without proof. */
export function toUnknown(
  record: SendingRecord,
  details: Pick<UnknownRecord, 'unknownReason' | 'requestId' | 'suspected' | 'message' | 'rejection' | 'lastSentAtMs'>,
): UnknownRecord {
  return { ...commonFields(record), state: 'UNKNOWN', ...details };
}

/** The fields of all states, and those that this version does not know. */
function commonFields(record: OperationRecord) {
  const isKept = (name: string) => COMMON_FIELDS.has(name) || !KNOWN_FIELDS.has(name);
  return Object.fromEntries(Object.entries(record).filter(([name]) => isKept(name))) as CommonFields;
}

const HOUR_MS = 3_600_000;

/** Milliseconds for which records are kept after their last change of state. Published in docs/operation-records.md. */
export const RETENTION_MS = {
  SUCCEEDED: 72 * HOUR_MS,
  /** The note that a tenant asked to delete a connection. */
  DELETION: 72 * HOUR_MS,
  REJECTED: 24 * HOUR_MS,
  UNKNOWN: 7 * 24 * HOUR_MS,
  // A record that is being sent may turn out unknown.
  SENDING: 7 * 24 * HOUR_MS,
} as const;
