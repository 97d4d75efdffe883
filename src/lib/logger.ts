import { randomUUID } from 'node:crypto';
import { types } from 'node:util';

/** What correlates the log lines of one request, or of one piece of background work. */
export interface TraceContext {
  /** The gateway's own id of the request: 32 lower-case hex digits. Absent for background work. */
  requestId?: string | undefined;
  /** The trace, which may span several requests and services (W3C Trace Context): 32 lower-case hex digits. */
  traceId: string;
  /** The gateway's own span within the trace: 16 lower-case hex digits. */
  spanId: string;
}

/** A new random id of a trace or request: 32 lower-case hex digits. */
export function newTraceId(): string {
  return randomUUID().replaceAll('-', '');
}

/** A new span, in a trace of its own unless one is given. */
export function newTrace(traceId = newTraceId()): TraceContext {
  return { traceId, spanId: newTraceId().slice(0, 16) };
}

/** Fields of a log record of the gateway's internals: an allow-list. */
interface LogRecord extends Partial<TraceContext> {
  // Logged: do not rename.
  operation: 'reconcile' | 'store' | 'keys' | 'limits' | 'follow';
  outcome: string;
  /** Text written by the gateway, never by a caller or an upstream. */
  detail?: string;
  /** The id of the record of a create. */
  operationId?: string;
  connectionId?: string | undefined;
  /** Milliseconds since the create was sent. */
  afterMs?: number;
  /** Number of affected records or connections. */
  count?: number;
}

/** Structured log that accepts only records of type `R`. */
export interface Logger<R extends object = LogRecord> {
  info(record: R, message: string): void;
  warn(record: R, message: string): void;
  error(record: R, message: string): void;
}

// A log line has at most 2 KB, and the innermost frames are the most useful ones.
const MAX_FRAMES_BYTES = 1_400;
const MAX_NAME_LENGTH = 64;

/** The location of a bug. */
interface BugRecord {
  errorName: string;
  frames: string[];
}

/** Logs an error of our own as `internal error`, without its message, which may contain data of a caller or of DLI. */
export function logBug<const R extends object>(
  log: Pick<Logger<NoInfer<R> & BugRecord>, 'error'>,
  details: R,
  error: unknown,
): void {
  const errorName = error instanceof Error ? error.name.slice(0, MAX_NAME_LENGTH) : 'unknown';
  log.error({ ...details, errorName, frames: stackFrames(error) }, 'internal error');
}

/**
 * Returns the stack frames of an error without its message, which may contain data of a caller or of DLI.
 *
 * Only the innermost frames, 1,400 bytes of JSON in total; none for a value without a stack.
 */
export function stackFrames(error: unknown): string[] {
  // A line of the message may look like a frame.
  const lines = (error instanceof Error ? error.stack?.replace(error.message, '') : undefined)?.split('\n') ?? [];
  let bytes = 0;
  return lines
    .filter(line => line.startsWith('    at '))
    .map(line => line.trim())
    .filter(frame => {
      bytes += Buffer.byteLength(JSON.stringify(frame)) + 1;
      return bytes <= MAX_FRAMES_BYTES;
    });
}

/**
 * Returns the code of an error thrown by Node or undici; of the first error inside an AggregateError. Undefined if it
 * has none, or has other text there, which may contain data.
 */
export function codeOf(error: unknown): string | undefined {
  if (!types.isNativeError(error)) return undefined;
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : undefined;
}
