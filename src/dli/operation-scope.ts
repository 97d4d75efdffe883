import type { Deadline } from '../lib/time.js';

/** What belongs to one operation of a caller, through all calls to DLI that it needs. */
export interface OperationScope {
  /** Covers every call and every wait of the operation. */
  deadline: Deadline;
  /** Joins the log lines of the operation: 32 lower-case hex digits. */
  traceId: string;
  /** Whether a call that failed may be sent once more, where that is safe; default: yes. */
  mayRepeat?: (() => boolean) | undefined;
}
