import type { AuditRecord } from '../auth/audit-log.js';
import type { Caller } from '../auth/caller.js';
import type { Subscriber } from '../connection-reads/watcher.js';
import type { HostMapping } from '../dli/connection.js';
import type { TraceContext } from '../lib/logger.js';
import type { Deadline } from '../lib/time.js';

/** The part of a mutation that the audit log records; never a value of its input. */
type MutationAuditEntry = Pick<
  AuditRecord,
  'operation' | 'inputFingerprint' | 'outcome' | 'code' | 'connectionId' | 'upstreamRequestId'
>;

/** The log's summary of an operation, completed while it is executed. Never contains a value from the caller. */
// Logged: do not rename.
export interface OperationSummary {
  kind?: 'query' | 'mutation' | 'subscription';
  /** The first root field, by its name in the schema. */
  field?: string;
  /** The number of root fields, if there are several. */
  fields?: number;
  /** The `__typename` of the payload of a mutation; otherwise `OK` or `ERROR`. */
  outcome?: string;
  /** The first error code; absent for a success. */
  code?: string;
  /** The number of events that a subscription has sent. */
  events?: number;
}

/** The context of resolvers: the request and its caller. */
export interface RequestContext {
  /** Correlates the lines of the log. Its trace id is in errors, too. */
  trace: TraceContext;
  operation: OperationSummary;
  /** The client's IP address. */
  address: string;
  caller: Caller;
  /** Whether the request may not change anything, because its method is GET. */
  isReadOnly?: boolean;
  /** Registers a listener that is called when the response is closed. Undefined where subscriptions handle it. */
  onDisconnect?: (listener: () => void) => void;
  /** Waits until the request may do more work, so that others get their turn. Undefined where there is little to do. */
  nextTurn?: () => Promise<void>;
  /** Expiry of the caller's token in milliseconds since 1970-01-01 UTC; undefined for no expiry. */
  validUntilMs?: number;
  /** A long list of hosts that was taken out of the input of a create. Undefined when the input has its hosts. */
  hosts?: readonly HostMapping[];
  /** The deadline of a mutation, including the fields of its payload. */
  deadline?: Deadline;
  /** The number of fields so far that cost a call to DLI each. */
  detailCount?: number;
  /** Set when a mutation starts, and completed when it ends. */
  auditEntry?: MutationAuditEntry;
}

/** The caller as a subscriber of changes. */
export function subscriberOf({ trace, caller: { tenant }, onDisconnect }: RequestContext): Subscriber {
  return { trace, tenant, onDisconnect };
}
