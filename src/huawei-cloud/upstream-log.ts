import type { LogSampler } from '../lib/log-sampler.js';
import type { Logger, TraceContext } from '../lib/logger.js';
import type { Metrics } from '../metrics/metrics.js';
import type { TransportFailure } from './transport-error.js';

/** The logged names of the calls to each upstream. */
// Logged: do not rename.
export interface UpstreamOperations {
  dli:
    | 'createConnection'
    | 'getConnection'
    | 'listConnections'
    | 'deleteConnection'
    | 'createEnhancedConnection'
    | 'getEnhancedConnection'
    | 'listEnhancedConnections'
    | 'deleteEnhancedConnection'
    | 'associateQueue'
    | 'disassociateQueue'
    | 'listElasticResourcePools'
    | 'listQueues'
    | 'listEnhancedConnectionTags';
  iam: 'issueToken' | 'listProjects';
  issuer: 'discoverIssuer' | 'fetchKeys';
}

/** What is known about a call when it ends: the allow-list of the fields of its log line. */
// Logged: do not rename.
export interface CallDetails {
  /** One of `SUCCESSES`, otherwise what the call proved. */
  outcome: string;
  /** Whether bytes of the request may have left this process. */
  mayHaveBeenSent: boolean;
  /** HTTP status of the response, if there was one. */
  status?: number | undefined;
  /** Why there was no response. */
  errorType?: TransportFailure | undefined;
  /** Error code of the system, such as ECONNRESET. */
  causeCode?: string | undefined;
  /** The error code of any component of Huawei Cloud. */
  upstreamCode?: string | undefined;
  /** Huawei Cloud's own words, if they may be shown. */
  upstreamMessage?: string | undefined;
  /** Huawei Cloud's request id, for its support. */
  upstreamRequestId?: string | undefined;
  /** The gateway's own description of the problem. */
  detail?: string | undefined;
}

/** One call to an upstream host. */
export type UpstreamCall = CallDetails & {
  trace: TraceContext;
  /** In milliseconds, with fractions. */
  durationMs: number;
} & { [T in keyof UpstreamOperations]: { target: T; operation: UpstreamOperations[T] } }[keyof UpstreamOperations];

/** The record of a call, or of the number of those that were left out. */
type UpstreamRecord =
  | (Omit<UpstreamCall, 'trace'> & TraceContext)
  | (Pick<UpstreamCall, 'target' | 'operation' | 'outcome'> & { count: number });

// Logged: do not rename.
const SUCCESSES: ReadonlySet<string> = new Set(['OK', 'created', 'notFound']);

/** Writes one log line, and the metrics, of every call to DLI, IAM and the issuer. */
export class UpstreamLog {
  constructor(
    private readonly logger: Pick<Logger<UpstreamRecord>, 'info' | 'warn'>,
    private readonly sampler: LogSampler,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Writes the line of a call that has ended; a failure as a warning.
   *
   * @param isLasting whether every call of this operation fails in the same way, so that its lines are sampled
   */
  write(call: UpstreamCall, isLasting = false): void {
    const { target, operation, outcome } = call;
    this.#measure(call);
    if (!isLasting) this.#writeLine(call);
    else
      this.sampler.sample(
        `${operation} ${outcome}`,
        () => this.#writeLine(call),
        count => this.logger.warn({ target, operation, outcome, count }, 'upstream calls not logged'),
      );
  }

  // Field by field, because rest and spread of objects cost more than writing the line.
  #writeLine(call: UpstreamCall): void {
    const { trace } = call;
    const level = SUCCESSES.has(call.outcome) ? 'info' : 'warn';
    const record = {
      requestId: trace.requestId,
      traceId: trace.traceId,
      spanId: trace.spanId,
      target: call.target,
      operation: call.operation,
      outcome: call.outcome,
      mayHaveBeenSent: call.mayHaveBeenSent,
      status: call.status,
      causeCode: call.causeCode,
      errorType: call.errorType,
      upstreamCode: call.upstreamCode,
      upstreamMessage: call.upstreamMessage,
      upstreamRequestId: call.upstreamRequestId,
      detail: call.detail,
      durationMs: Math.round(call.durationMs),
    };
    this.logger[level](record, 'upstream');
  }

  #measure({ target, operation, durationMs, status, errorType, upstreamCode }: UpstreamCall): void {
    const result = { status: String(status ?? ''), error_type: errorType ?? '' };
    this.metrics.observe('http_client_request_duration_seconds', { target, operation, ...result }, durationMs / 1_000);
    if (target !== 'dli' || upstreamCode === undefined) return;
    // Both prefixes of API Gateway mean the same.
    const code = upstreamCode.replace(/^APIGW\./, 'APIG.');
    this.metrics.count('dli_gateway_dli_errors_total', { operation, code });
  }
}
