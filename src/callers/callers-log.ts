/** Something about the check of callers that operators should see, by an allow-list of what a log may hold. */
interface CallersRecord {
  operation: 'keys' | 'limits';
  outcome: string;
  /** Our own words. */
  detail?: string;
}

/** Where the check of callers reports. */
export interface CallersLog {
  info(record: CallersRecord, message: string): void;
  warn(record: CallersRecord, message: string): void;
}
