/** The end of one call to DLI, by an allow-list of what a log may hold. */
export interface DliCallRecord {
  traceId: string;
  operation: 'authenticate' | 'createConnection' | 'getConnection' | 'listConnections' | 'deleteConnection';
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

/** A limit that begins or ends to hold for all calls. */
interface DliLimitRecord {
  operation: 'authenticate' | 'createConnection';
  outcome: 'BREAKER_OPENED' | 'BREAKER_CLOSED' | 'CREDENTIAL_STOPPED';
  /** How long it held, when it ends. */
  durationMs?: number;
  /** How long it will hold, when that is known. */
  retryAfterSeconds?: number;
  causeCode?: string | undefined;
  detail?: string | undefined;
}

/** Where the data source reports its calls. */
export interface DliLog {
  info(record: DliCallRecord, message: string): void;
  warn(record: DliCallRecord | DliLimitRecord, message: string): void;
}
