/** The end of one call to DLI, by an allow-list of what a log may hold. */
export interface DliCallRecord {
  traceId: string;
  operation: 'authenticate' | 'createConnection';
  outcome: string;
  durationMs: number;
  status?: number | undefined;
  upstreamCode?: string | undefined;
  requestId?: string | undefined;
  /** Whether request bytes may have left this process. */
  mayHaveBeenSent: boolean;
  /** Error code of the system, such as ECONNRESET. */
  causeCode?: string | undefined;
  /** Our own words about what is wrong. */
  detail?: string | undefined;
}

/** Where the data source reports its calls. */
export interface DliLog {
  info(record: DliCallRecord, message: string): void;
  warn(record: DliCallRecord, message: string): void;
}
