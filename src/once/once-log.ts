/** A step of finding out what became of a create, by an allow-list of what a log may hold. */
interface OnceRecord {
  traceId?: string;
  operation: 'reconcile' | 'store';
  outcome: string;
  /** Milliseconds since the create was sent. */
  afterMs?: number;
  /** How many records it is about. */
  count?: number;
}

/** Where the once-only machinery reports. */
export interface OnceLog {
  info(record: OnceRecord, message: string): void;
  warn(record: OnceRecord, message: string): void;
}
