import { z } from 'zod';
import type { OperationRecord } from './operation-record.js';

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
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return schema.safeParse(value).data;
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
