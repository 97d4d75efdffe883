/** A step of the gateway's own work, by an allow-list of what a log may hold. */
interface LogRecord {
  traceId?: string;
  operation: 'reconcile' | 'store' | 'keys' | 'limits' | 'follow' | 'listConnections';
  outcome: string;
  /** Our own words. */
  detail?: string;
  /** Milliseconds since the create was sent. */
  afterMs?: number;
  /** How many records or connections it is about. */
  count?: number;
}

/** Where the parts of the gateway report, each with the records that it may write. */
export interface Logger<R extends object = LogRecord> {
  info(record: R, message: string): void;
  warn(record: R, message: string): void;
  error(record: R, message: string): void;
}

// A line of the log is at most 2 KB long, and the innermost frames say most.
const MAX_LENGTH = 1_500;

/**
 * Where an error happened: its stack without the message, which may hold what a caller sent or DLI answered.
 *
 * The innermost frames, of at most 1,500 characters together.
 *
 * @param error anything that can be thrown; what has no stack has no frames
 */
export function stackFrames(error: unknown): string[] {
  const lines = (error instanceof Error ? error.stack : undefined)?.split('\n') ?? [];
  let length = 0;
  return lines
    .filter(line => line.startsWith('    at '))
    .map(line => line.trim())
    .filter(frame => {
      length += frame.length;
      return length <= MAX_LENGTH;
    });
}
