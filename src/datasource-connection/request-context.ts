import type { AuditRecord } from '../auth/audit-log.js';
import type { Caller } from '../auth/caller.js';
import type { Subscriber } from '../connection-reads/watcher.js';
import type { HostMapping } from '../dli/connection.js';
import type { Deadline } from '../lib/time.js';

/** The part of a mutation that the audit log records; never a value of its input. */
type MutationAuditEntry = Pick<
  AuditRecord,
  'operation' | 'inputFingerprint' | 'outcome' | 'code' | 'connectionId' | 'requestId'
>;

/** The context of resolvers: the request and its caller. */
export interface RequestContext {
  /** The trace id in logs and errors: 32 lower-case hex digits. */
  traceId: string;
  /** The client's IP address. */
  address: string;
  caller: Caller;
  /** Whether the request may not change anything, because its method is GET. */
  isReadOnly?: boolean;
  /** Registers a listener that is called when the response is closed. Undefined where subscriptions handle it. */
  onDisconnect?: (listener: () => void) => void;
  /** Waits until the request may do more work, so that others get their share of it. Undefined where it does little. */
  nextTurn?: () => Promise<void>;
  /** Expiry of the caller's token in milliseconds since 1970-01-01 UTC; undefined for no expiry. */
  validUntilMs?: number;
  /** A long list of hosts that was taken out of the input of a create. Undefined when the input has its hosts. */
  hosts?: readonly HostMapping[];
  /** The deadline of a mutation, including the fields of its payload. */
  deadline?: Deadline;
  /** The number of fields that cost a call to DLI each, so far. */
  detailCount?: number;
  /** Set when a mutation starts, and completed when it ends. */
  auditEntry?: MutationAuditEntry;
}

/** The caller as a subscriber of changes. */
export function subscriberOf({ traceId, caller: { tenant }, onDisconnect }: RequestContext): Subscriber {
  return { traceId, tenant, onDisconnect };
}
