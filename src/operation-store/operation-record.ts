import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { parseJson } from '../lib/json.js';

// Stored: do not rename any field, state or reason below.

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const timeMs = z.number().nonnegative();
const rejection = z.strictObject({
  code: z.enum(['NAME_TAKEN', 'REJECTED']),
  upstreamCode: z.string().nullable(),
  requestId: z.string().nullable(),
});

/** The fields of the input that identify a connection in DLI's list. */
const wanted = z.union([
  // Gateways of older versions write and read records of classic connections, which must not have a kind.
  z.strictObject({ kind: z.undefined().optional(), name: z.string(), service: z.string(), url: z.string() }),
  z.strictObject({ kind: z.literal('ENHANCED'), name: z.string(), vpcId: z.string(), networkId: z.string() }),
]);

/** The fields that records of every state have. Times are milliseconds since 1970-01-01 UTC. */
const COMMON = {
  /** Format of the record. Any other version is unreadable. */
  version: z.literal(1),
  /** Keyed hash of tenant, project and idempotency key: 64 hex digits. */
  id: hash,
  /** Keyed hash of the project: 64 hex digits. Only gateways of the same project reconcile the record. */
  projectId: hash,
  /** Keyed hash of project and connection name: 64 hex digits. At most one open record holds a name. */
  nameId: hash,
  /** SHA-256 of the canonical input: 64 hex digits. */
  fingerprint: hash,
  /** Fencing token: only the operation that knows it may write the record. */
  owner: z.string().min(1),
  /** The owner neither sends nor responds after this time, so that others may take the record over. */
  ownedUntilMs: timeMs,
  /** When the record was begun. Nothing was sent before. */
  sentAtMs: timeMs,
  /** Whether the request carries the marker tag. */
  hasMarker: z.boolean().exactOptional(),
  wanted,
  /** The trace of the request that began the record: 32 hex digits. Absent from records of older versions. */
  traceId: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .exactOptional(),
  /** When the store may drop the record. */
  expiresAtMs: timeMs,
};

const SUCCEEDED = {
  connectionId: z.string(),
  /** DLI's hint. */
  message: z.string().nullable().default(null),
  /** Whether the connection was found in the list instead of in the response. */
  isReconciled: z.boolean().default(false),
  /** How an enhanced connection was recognised in the list. Absent: by the response. */
  recognisedBy: z.enum(['LABEL', 'LIKENESS']).exactOptional(),
  /** The resources of an enhanced create that could not be bound. Absent: none were bound yet, or none were asked for. */
  notBound: z
    .array(
      z.strictObject({
        kind: z.enum(['ELASTIC_RESOURCE_POOL', 'QUEUE']),
        name: z.string(),
        reason: z.enum([
          'NOT_FOUND',
          'BUSY',
          'REJECTED',
          'THROTTLED',
          'UNAVAILABLE',
          'AUTH_FAILED',
          'AUTH_UNAVAILABLE',
          'UNKNOWN',
        ]),
        upstreamCode: z.string().nullable(),
      }),
    )
    .exactOptional(),
};

const REJECTED = {
  rejection,
  /** DLI's own words. Beside the refusal, because older gateways drop the field here but could not read it there. */
  message: z.string().exactOptional(),
};

const UNKNOWN = {
  unknownReason: z
    .enum([
      'TIMEOUT_AFTER_SEND',
      'CONNECTION_LOST',
      'UPSTREAM_ERROR',
      'UNREADABLE_RESPONSE',
      'UNEXPECTED_REDIRECT',
      'GATEWAY_RESTART',
      'STORE_LOST',
    ])
    .default('GATEWAY_RESTART'),
  /** Huawei Cloud's request id, for its support. */
  requestId: z.string().exactOptional(),
  /** Nothing was sent after this time. Absent: after `sentAtMs`. */
  lastSentAtMs: timeMs.exactOptional(),
  /** A refusal that stands unless the list shows the connection. */
  suspected: rejection.exactOptional(),
  /** DLI's own words about the suspected refusal. */
  message: z.string().exactOptional(),
  /** A refusal of the gateway's rights that stands while lists do not show the connection. */
  // Not `suspected`: older gateways drop this field, but could not read the record with another code there.
  rejection: rejection.extend({ code: z.literal('AUTH_FAILED') }).exactOptional(),
  /** Reconciliation has ended without a result, and the name is free again. */
  isSettled: z.boolean().exactOptional(),
  /** Since when complete lists do not show the connection. */
  emptySinceMs: timeMs.exactOptional(),
  /** When the list is read next in the background. */
  nextCheckAtMs: timeMs.exactOptional(),
};

const STATES = z.discriminatedUnion('state', [
  z.object({ ...COMMON, state: z.literal('SENDING') }),
  z.object({ ...COMMON, state: z.literal('SUCCEEDED'), ...SUCCEEDED }),
  z.object({ ...COMMON, state: z.literal('REJECTED'), ...REJECTED }),
  z.object({ ...COMMON, state: z.literal('UNKNOWN'), ...UNKNOWN }),
]);

// Earlier versions sent a create again, and left fields of one state in the next; STATES drops them.
const LEGACY_FIELDS = ['isResent'];
const FIELD_NAMES = [...Object.keys({ state: '', ...COMMON, ...SUCCEEDED, ...REJECTED, ...UNKNOWN }), ...LEGACY_FIELDS];
// A field that this version does not know would be lost when the record is written again.
const KNOWN_FIELDS = z.strictObject(Object.fromEntries(FIELD_NAMES.map(name => [name, z.unknown().optional()])));
const RECORD = KNOWN_FIELDS.pipe(STATES);

type Stored = z.infer<typeof STATES>;
type AnyField = Stored extends infer S ? (S extends S ? keyof S : never) : never;
// A field of another state does not compile, not even when it comes out of a spread.
type Exact<S> = S extends S ? S & { [F in Exclude<AnyField, keyof S>]?: never } : never;

/**
 * One create as the store keeps it, by state.
 *
 * SENDING: a request may be under way. UNKNOWN: it ended without proof. SUCCEEDED: the connection exists.
 * REJECTED: DLI proved that it created none.
 */
export type OperationRecord = Exact<Stored>;

/** A record whose request may be under way. */
export type SendingRecord = Extract<OperationRecord, { state: 'SENDING' }>;

/** A record whose request ended without proof. */
export type UnknownRecord = Extract<OperationRecord, { state: 'UNKNOWN' }>;

/** A record of a connection that exists. */
export type SucceededRecord = Extract<OperationRecord, { state: 'SUCCEEDED' }>;

/** A resource of an enhanced create that could not be bound, and why. */
export type NotBound = NonNullable<SucceededRecord['notBound']>[number];

/** A record without a final outcome. */
export type UndecidedRecord = SendingRecord | UnknownRecord;

/** A definite refusal, which every repeat of the call replays. */
export type StoredRejection = z.infer<typeof rejection>;

/** The result of a look-up by id. `unreadable`: something that is not a record of this version. */
export type FindResult = { kind: 'found'; record: OperationRecord } | { kind: 'absent' } | { kind: 'unreadable' };

/** Reads and writes the texts of one store's records. */
export class RecordCodec {
  // Most records that are read are those that the same store wrote a moment ago.
  readonly #written = new LRUCache<string, OperationRecord>({ max: 1_000 });

  /** Parses a stored record. Returns undefined for anything but a complete record of this version. */
  read(text: string): OperationRecord | undefined {
    return this.#written.get(text) ?? RECORD.safeParse(parseJson(text)).data;
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

/** Whether the record is still being worked on. An open record holds its name. */
export function isOpen({ state, isSettled }: OperationRecord): boolean {
  return state === 'SENDING' || (state === 'UNKNOWN' && isSettled !== true);
}

/** Whether lists do not show the connection of a create that was refused for a missing right. */
export function isForbidden({ state, rejection: refusal, emptySinceMs }: OperationRecord): boolean {
  return state === 'UNKNOWN' && refusal !== undefined && emptySinceMs !== undefined;
}

/** The time after which nothing was sent, as far as is known: epoch milliseconds. */
export function lastSentAt({ sentAtMs, lastSentAtMs }: OperationRecord): number {
  return lastSentAtMs ?? sentAtMs;
}

/** The record of a new create. */
export function toSending(
  key: Pick<OperationRecord, 'id' | 'projectId' | 'nameId' | 'fingerprint' | 'traceId'>,
  sought: OperationRecord['wanted'],
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
    wanted: sought,
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

function commonFields({ hasMarker, traceId, ...record }: OperationRecord) {
  const { version, id, projectId, nameId, fingerprint, owner, ownedUntilMs, sentAtMs, wanted, expiresAtMs } = record;
  return {
    ...{ version, id, projectId, nameId, fingerprint, owner, ownedUntilMs, sentAtMs, wanted, expiresAtMs },
    ...(hasMarker !== undefined && { hasMarker }),
    ...(traceId !== undefined && { traceId }),
  };
}

const HOUR_MS = 3_600_000;

/** How long the store keeps records, in milliseconds, from their last change of state. Published in docs/operation-records.md. */
export const RETENTION_MS = {
  SUCCEEDED: 72 * HOUR_MS,
  /** The note that a tenant asked to delete a connection. */
  DELETION: 72 * HOUR_MS,
  REJECTED: 24 * HOUR_MS,
  UNKNOWN: 7 * 24 * HOUR_MS,
  // A record that is being sent may turn out unknown.
  SENDING: 7 * 24 * HOUR_MS,
} as const;
