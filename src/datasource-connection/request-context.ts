import type { Caller } from '../auth/caller.js';
import type { Deadline } from '../lib/time.js';

/** What an audit tells of a mutation; never a value of its input. */
interface MutationAccount {
  /** The mutation's field. */
  operation: string;
  /** SHA-256 of the input. */
  inputFingerprint: string;
  /** The member of the payload; undefined while there is none. */
  outcome?: string;
  code?: string;
  connectionId?: string;
  /** Huawei Cloud's id of the request. */
  requestId?: string;
}

/** What resolvers may know about the request that they answer. */
export interface RequestContext {
  /** Identifies the request in the log and in errors: 32 lower-case hex digits. */
  traceId: string;
  /** Where the request comes from. */
  address: string;
  caller: Caller;
  /** Has a listener told when the request's sender has its answer, or waits no longer. */
  onDisconnect?: (listener: () => void) => void;
  /** Until when the caller is let in, in milliseconds since 1970-01-01 UTC; undefined: for ever. */
  validUntilMs?: number;
  /** When a mutation's answer must be there, the fields of its payload included. */
  deadline?: Deadline;
  /** Set as soon as a mutation begins, and completed when it ends. */
  account?: MutationAccount;
}
