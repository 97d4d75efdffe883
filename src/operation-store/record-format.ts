import { z } from 'zod';
import { isObject } from '../lib/json.js';

// Stored: do not rename any field, state or reason below.

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const timeMs = z.number().nonnegative();
const rejection = openObject({
  code: z.enum(['NAME_TAKEN', 'REJECTED']),
  upstreamCode: z.string().nullable(),
  requestId: z.string().nullable(),
});

/** The fields of the input that identify a connection in DLI's list. */
const wanted = z.union([
  // Gateways of older versions write and read records of classic connections, which must not have a kind.
  openObject({ kind: z.undefined().optional(), name: z.string(), service: z.string(), url: z.string() }),
  openObject({ kind: z.literal('ENHANCED'), name: z.string(), vpcId: z.string(), networkId: z.string() }),
]);

/** The fields that records of every state have. Times are milliseconds since 1970-01-01 UTC. */
const COMMON = {
  /** Format of the record; version 2 keeps the fields of version 1 and their meaning. Any other is unreadable. */
  version: z.literal([1, 2]),
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
  /**
   * Whether an earlier call, whose record is gone, may have bound a connection in the list: the record was begun after
   * the store lost records, or DLI refused the name, and the connection of that name has the marker of this create.
   */
  isAfterLoss: z.boolean().exactOptional(),
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
  /** The resources of an enhanced create that could not be bound. Absent: not bound yet, or none were requested. */
  notBound: z
    .array(
      openObject({
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
  rejection: openObject({ ...rejection.shape, code: z.literal('AUTH_FAILED') }).exactOptional(),
  /** Reconciliation has ended without a result, and the name is free again. */
  isSettled: z.boolean().exactOptional(),
  /** Since when complete lists have not shown the connection. */
  emptySinceMs: timeMs.exactOptional(),
  /** When the list is read next in the background. */
  nextCheckAtMs: timeMs.exactOptional(),
};

const STATES = {
  SENDING: openObject({ ...COMMON, state: z.literal('SENDING') }),
  SUCCEEDED: openObject({ ...COMMON, state: z.literal('SUCCEEDED'), ...SUCCEEDED }),
  REJECTED: openObject({ ...COMMON, state: z.literal('REJECTED'), ...REJECTED }),
  UNKNOWN: openObject({ ...COMMON, state: z.literal('UNKNOWN'), ...UNKNOWN }),
};
const RECORD = z.discriminatedUnion('state', [STATES.SENDING, STATES.SUCCEEDED, STATES.REJECTED, STATES.UNKNOWN]);

// Earlier versions sent a create again, and left fields of one state in the next.
const LEGACY_FIELDS = ['isResent'];

/** The names of the fields of all states. */
export const COMMON_FIELDS: ReadonlySet<string> = new Set(Object.keys(COMMON));
/** The names of all fields that this version knows. A newer gateway has written the others, and needs them. */
export const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...Object.values(STATES).flatMap(({ shape }) => Object.keys(shape)),
  ...LEGACY_FIELDS,
]);

/** An object that keeps fields which this version does not know, and which its type does not show. */
function openObject<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<z.core.util.Writeable<S>> {
  return z.looseObject(shape) as unknown as z.ZodObject<z.core.util.Writeable<S>>;
}

type Stored = z.infer<typeof RECORD>;
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

/** The fields that records of every state have. */
export type CommonFields = Pick<OperationRecord, keyof typeof COMMON>;

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

/** Checks a stored record. Returns undefined for anything but a complete record that this version understands. */
export function parseRecord(stored: unknown): OperationRecord | undefined {
  if (!isObject(stored)) return undefined;
  const { success, data } = RECORD.safeParse(stored);
  if (!success) return undefined;
  const own = STATES[data.state].shape;
  const isKept = (name: string) => name in own || !KNOWN_FIELDS.has(name);
  // Fields of other states are left out.
  return Object.fromEntries(Object.entries(data).filter(([name]) => isKept(name))) as OperationRecord;
}
