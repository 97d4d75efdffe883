import { z } from 'zod';
import type { UnknownReason } from '../dli/dli-error.js';
import { parseJson } from '../lib/json.js';

/**
 * Where one create stands.
 *
 * SENDING: a request may be on its way. UNKNOWN: it ended without proof either way. SUCCEEDED: a connection
 * exists. REJECTED: DLI proved that it made none.
 */
type OperationState = 'SENDING' | 'SUCCEEDED' | 'REJECTED' | 'UNKNOWN';

/** What a definite refusal was, so that a repeat of the call gets the same answer. */
export interface StoredRejection {
  code: 'NAME_TAKEN' | 'REJECTED';
  upstreamCode: string | null;
  requestId: string | null;
}

/** One create as the store remembers it; plain JSON. Times are milliseconds since 1970-01-01 UTC. */
export interface OperationRecord {
  /** Form of the record; a reader that meets another one treats the record as unreadable. */
  version: 1;
  /** Keyed hash of tenant, project, operation and idempotency key: 64 hex digits. */
  id: string;
  /** Keyed hash of the project: 64 hex digits; only a gateway of the same project can find its connection. */
  projectId: string;
  /** Keyed hash of project and connection name: 64 hex digits; at most one unsettled record holds it. */
  nameId: string;
  /** SHA-256 of the canonical input: 64 hex digits. */
  fingerprint: string;
  state: OperationState;
  /** Random name of the attempt that may write the record. */
  owner: string;
  /** The owner can neither send nor answer after this moment. */
  ownedUntilMs: number;
  /** When SENDING was stored first: nothing was sent before. */
  sentAtMs: number;
  /** With UNKNOWN: nothing was sent after this moment. */
  lastSentAtMs?: number;
  /** Whether a request was sent after the create had settled without a trace; there is no third chance. */
  isResent?: boolean;
  /** Whether the request carried the tag by which its connection is found. */
  hasMarker?: boolean;
  /** Of the input, what recognises the connection in DLI's list. */
  wanted: { name: string; service: string; url: string };
  /** With SUCCEEDED. */
  connectionId?: string;
  /** With SUCCEEDED: DLI's hint. */
  message?: string | null;
  /** With SUCCEEDED: whether the connection was found in the list instead of in the answer. */
  isReconciled?: boolean;
  /** With REJECTED. */
  rejection?: StoredRejection;
  /** With UNKNOWN. */
  unknownReason?: UnknownReason | 'GATEWAY_RESTART' | 'STORE_LOST';
  /** With UNKNOWN: the id under which Huawei's support finds the request. */
  requestId?: string;
  /** With UNKNOWN: what DLI refused it for, if a good read of the list does not show that it worked all the same. */
  suspected?: StoredRejection;
  /**
   * With UNKNOWN: nothing was found for as long as a late create can appear, or no list that decides could be had
   * for much longer; the name is free again.
   */
  isSettled?: boolean;
  /** With UNKNOWN: since when good reads of the list have not shown the connection; absent while there was none. */
  emptySinceMs?: number;
  /** With UNKNOWN: when the list is to be read next without anybody asking. */
  nextCheckAtMs?: number;
  /** When the store forgets the record. */
  expiresAtMs: number;
}

/** What an open record says once its owner's time is over: whoever sent it may have ended without a word. */
export function unfinished(record: OperationRecord): OperationRecord {
  if (record.state !== 'SENDING') return record;
  const { unknownReason = 'GATEWAY_RESTART', ownedUntilMs: lastSentAtMs } = record;
  return { ...record, state: 'UNKNOWN', unknownReason, lastSentAtMs };
}

/** The moment after which nothing was sent any more, as far as is known. */
export function lastSentAt({ sentAtMs, lastSentAtMs }: OperationRecord): number {
  return lastSentAtMs ?? sentAtMs;
}

type Reason = NonNullable<OperationRecord['unknownReason']>;

/** Every reason once; a new one does not compile until it is listed. */
const REASONS: { [R in Reason]: R } = {
  TIMEOUT_AFTER_SEND: 'TIMEOUT_AFTER_SEND',
  CONNECTION_LOST: 'CONNECTION_LOST',
  UPSTREAM_ERROR: 'UPSTREAM_ERROR',
  UNREADABLE_RESPONSE: 'UNREADABLE_RESPONSE',
  UNEXPECTED_REDIRECT: 'UNEXPECTED_REDIRECT',
  GATEWAY_RESTART: 'GATEWAY_RESTART',
  STORE_LOST: 'STORE_LOST',
};

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const timeMs = z.number().nonnegative();

const rejection = z
  .strictObject({
    code: z.enum(['NAME_TAKEN', 'REJECTED']),
    upstreamCode: z.string().nullable(),
    requestId: z.string().nullable(),
  })
  .exactOptional();

const FIELDS = {
  version: z.literal(1),
  id: hash,
  projectId: hash,
  nameId: hash,
  fingerprint: hash,
  state: z.enum(['SENDING', 'SUCCEEDED', 'REJECTED', 'UNKNOWN']),
  owner: z.string().min(1),
  ownedUntilMs: timeMs,
  sentAtMs: timeMs,
  lastSentAtMs: timeMs.exactOptional(),
  isResent: z.boolean().exactOptional(),
  hasMarker: z.boolean().exactOptional(),
  wanted: z.strictObject({ name: z.string(), service: z.string(), url: z.string() }),
  connectionId: z.string().exactOptional(),
  message: z.string().nullable().exactOptional(),
  isReconciled: z.boolean().exactOptional(),
  rejection,
  unknownReason: z.enum(REASONS).exactOptional(),
  requestId: z.string().exactOptional(),
  suspected: rejection,
  isSettled: z.boolean().exactOptional(),
  emptySinceMs: timeMs.exactOptional(),
  nextCheckAtMs: timeMs.exactOptional(),
  expiresAtMs: timeMs,
} satisfies { [Key in keyof Required<OperationRecord>]: z.ZodType };

// Strict: a field that this version does not know would be lost when the record is written again. A success
// without its id, or a refusal without its reason, could not be answered.
const schema: z.ZodType<OperationRecord> = z
  .strictObject(FIELDS)
  .refine(
    ({ state, connectionId, rejection }) =>
      (state !== 'SUCCEEDED' || connectionId !== undefined) &&
      (state !== 'REJECTED' || rejection !== undefined),
  );

/** The record that a stored text holds; undefined when it is anything but a whole record of this version. */
export function readRecord(text: string): OperationRecord | undefined {
  return schema.safeParse(parseJson(text)).data;
}

/** The text under which a store keeps a record; {@link readRecord} reads it. */
export function writeRecord(record: OperationRecord): string {
  return JSON.stringify(record);
}

/** Whether the record has its final answer. */
export function isDecided({ state }: OperationRecord): boolean {
  return state === 'SUCCEEDED' || state === 'REJECTED';
}

/** Whether the record still needs an answer: it then holds its name. */
export function isOpen({ state, isSettled }: OperationRecord): boolean {
  return state === 'SENDING' || (state === 'UNKNOWN' && isSettled !== true);
}

const HOUR_MS = 3_600_000;

/**
 * How long records are kept, in milliseconds: from the moment of the answer, and until there is one from the moment
 * before the request was sent. Published in the README.
 */
export const RETENTION_MS = {
  SUCCEEDED: 72 * HOUR_MS,
  // That a tenant asked to delete a connection.
  DELETION: 72 * HOUR_MS,
  REJECTED: 24 * HOUR_MS,
  UNKNOWN: 7 * 24 * HOUR_MS,
  // Until it is answered a record may turn out unknown.
  SENDING: 7 * 24 * HOUR_MS,
} as const;
