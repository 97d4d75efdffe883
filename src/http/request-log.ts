import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OperationSummary } from '../datasource-connection/request-context.js';
import type { LogSampler } from '../lib/log-sampler.js';
import type { Logger, TraceContext } from '../lib/logger.js';
import { newTrace, newTraceId } from '../lib/logger.js';
import type { Metrics } from '../metrics/metrics.js';

/** A request, or an operation over a WebSocket, that has ended. Field names are part of the log's interface. */
// Logged: do not rename.
export interface RequestRecord {
  trace: TraceContext;
  operation: OperationSummary;
  /** Null for a request that could not be parsed. */
  method: string | null;
  /** The path of the route; null when there is none. */
  route: string | null;
  /** 499 if the client left before the response was sent; 101 for an operation over a WebSocket. */
  status: number;
  /** In milliseconds, unrounded (the log rounds it); absent for a request that could not be parsed. */
  durationMs?: number | undefined;
  /** Bytes of the request body, if the request declared its length. */
  bytesIn?: number | undefined;
  /** Bytes of the response body. */
  bytesOut?: number | undefined;
  clientName?: string | undefined;
  clientVersion?: string | undefined;
}

/** Why a connection was closed: the limits are described in docs/configuration.md. */
export type CloseReason = 'idle' | 'invalid' | 'pipelining' | 'server full' | 'too many' | 'unread';

/** A line of the log: a request, several that were left out, or a connection. */
type LoggedRecord =
  | (Omit<RequestRecord, 'trace' | 'operation'> &
      TraceContext & { [F in keyof OperationSummary]: OperationSummary[F] | undefined })
  | { status: number; count: number }
  | { reason: CloseReason; address: string }
  | { reason: CloseReason; count: number };

// HTTP has no status for a client that left before its response; nginx logs this one, too.
const CLIENT_CLOSED_REQUEST = 499;

/** The log of requests and connections. */
export class RequestLog {
  constructor(
    private readonly logger: Pick<Logger<LoggedRecord>, 'info'> & {
      debug(record: LoggedRecord, message: string): void;
    },
    private readonly sampler: LogSampler,
    private readonly metrics: Metrics,
  ) {}

  /** Writes a request that succeeded or whose caller is authenticated. */
  write(record: RequestRecord): void {
    this.#measure(record);
    this.#writeLine(record);
  }

  #writeLine(record: RequestRecord): void {
    // Anyone can load the explorer or send a preflight, as often as they like.
    this.#write(record.operation.kind === undefined && record.status < 400 ? 'debug' : 'info', record);
  }

  /** Writes a refused request that anyone can send, unless there were many with its status. */
  writeAnonymous(record: RequestRecord): void {
    const { status } = record;
    this.#measure(record);
    this.sampler.sample(
      `request ${status}`,
      () => this.#writeLine(record),
      count => this.logger.info({ status, count }, 'refused requests not logged'),
    );
  }

  /** Writes a request to the admin port, where probes arrive all the time. */
  writeProbe(record: RequestRecord): void {
    this.#write('debug', record);
  }

  /** Writes a connection that was closed without a response, unless there were many for this reason. */
  writeClosed(reason: CloseReason, address: string): void {
    this.metrics.count('dli_gateway_refused_total', { reason });
    this.sampler.sample(
      `closed ${reason}`,
      () => this.logger.info({ reason, address }, 'connection closed'),
      count => this.logger.info({ reason, count }, 'closed connections not logged'),
    );
  }

  #write(level: 'debug' | 'info', record: RequestRecord): void {
    const { trace, operation, status, durationMs } = record;
    // The operation of a client that has left goes on, and its outcome is in the audit log.
    const isRefused = status >= 400 && status !== CLIENT_CLOSED_REQUEST;
    // Field by field, because spreads of objects cost more than writing the line.
    const line = {
      requestId: trace.requestId,
      traceId: trace.traceId,
      spanId: trace.spanId,
      method: record.method,
      route: record.route,
      status,
      kind: operation.kind,
      field: operation.field,
      fields: operation.fields,
      outcome: operation.outcome ?? (isRefused ? 'ERROR' : undefined),
      code: operation.code,
      events: operation.events,
      bytesIn: record.bytesIn,
      bytesOut: record.bytesOut,
      clientName: record.clientName,
      clientVersion: record.clientVersion,
      durationMs: durationMs === undefined ? undefined : Math.round(durationMs),
    };
    this.logger[level](line, 'request');
  }

  #measure({ method, route, status, durationMs = 0, bytesIn, bytesOut, operation }: RequestRecord): void {
    const { metrics } = this;
    const { kind, field, outcome, code } = operation;
    const seconds = durationMs / 1_000;
    // An operation over a WebSocket is not a request, and the duration of a stream is that of its subscription.
    if (status !== 101 && kind !== 'subscription') {
      const labels = {
        http_request_method: method ?? '',
        http_route: route ?? '',
        http_response_status_code: String(status),
      };
      metrics.observe('http_server_request_duration_seconds', labels, seconds);
      if (bytesIn !== undefined && bytesIn <= MAX_MEASURED_BYTES)
        metrics.observe('http_server_request_body_size_bytes', {}, bytesIn);
      if (bytesOut !== undefined) metrics.observe('http_server_response_body_size_bytes', {}, bytesOut);
    }
    if (kind !== undefined) {
      const labels = { type: kind, field: field ?? '', outcome: outcome ?? 'DISCONNECTED' };
      metrics.observe('graphql_operation_duration_seconds', labels, seconds);
    }
    if (code === undefined) return;
    if (kind === undefined && status >= 400) metrics.count('dli_gateway_refused_total', { reason: code });
    else metrics.count('graphql_errors_total', { code });
  }
}

// A declared length proves nothing: that of a refused body would distort the sum.
const MAX_MEASURED_BYTES = 5 * 1_024 * 1_024;

/** What the log will show of a request that is being served. */
export interface RequestEntry {
  readonly trace: TraceContext;
  /** Completed while the operation is executed. */
  readonly operation: OperationSummary;
  readonly startMs: number;
  /** Bytes of a stream that were sent so far; undefined for any other response. */
  streamedBytes?: number;
}

const entries = new WeakMap<IncomingMessage, RequestEntry>();

/** The entry of a request, created at the first call. */
export function entryOf(request: IncomingMessage): RequestEntry {
  const known = entries.get(request);
  if (known !== undefined) return known;
  const entry = newEntry(traceIdIn(request));
  entries.set(request, entry);
  return entry;
}

/** The entry of an operation over a WebSocket, or of a request that could not be parsed. Its trace is new. */
export function newEntry(traceId?: string): RequestEntry {
  const trace = { requestId: newTraceId(), ...newTrace(traceId) };
  return { trace, operation: {}, startMs: performance.now() };
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace id of a valid `traceparent` header (W3C Trace Context). */
function traceIdIn({ headers }: IncomingMessage): string | undefined {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
}

/** The record of an HTTP request whose response is closed. */
export function recordOf({ raw: request, routeOptions }: FastifyRequest, reply: FastifyReply): RequestRecord {
  const { trace, operation, startMs, streamedBytes } = entryOf(request);
  const isAnswered = reply.raw.writableFinished || streamedBytes !== undefined;
  const client = clientOf(request);
  return {
    trace,
    operation,
    method: request.method ?? null,
    route: routeOptions.url ?? null,
    status: isAnswered ? reply.raw.statusCode : CLIENT_CLOSED_REQUEST,
    durationMs: performance.now() - startMs,
    bytesIn: bytesIn(request),
    bytesOut: streamedBytes ?? lengthOf(reply.getHeader('content-length')),
    clientName: client.clientName,
    clientVersion: client.clientVersion,
  };
}

function bytesIn({ headers }: IncomingMessage): number | undefined {
  return headers['transfer-encoding'] === undefined ? lengthOf(headers['content-length'] ?? 0) : undefined;
}

function lengthOf(header: unknown): number | undefined {
  return header === undefined ? undefined : Number(header);
}

const CLIENT_TEXT = /^[A-Za-z0-9._@/ -]{1,64}$/;

/** The name and version that a client sends in the headers of Apollo's clients or others; plain text only. */
export function clientOf({ headers }: IncomingMessage): Pick<RequestRecord, 'clientName' | 'clientVersion'> {
  const read = (name: string) => {
    const text = headers[`apollographql-client-${name}`] ?? headers[`graphql-client-${name}`];
    return typeof text === 'string' && CLIENT_TEXT.test(text) ? text : undefined;
  };
  return { clientName: read('name'), clientVersion: read('version') };
}
