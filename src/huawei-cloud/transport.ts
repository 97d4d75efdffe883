import { Agent } from 'undici';
import type { LogSampler } from '../lib/log-sampler.js';
import type { Logger, TraceContext } from '../lib/logger.js';
import type { Deadline } from '../lib/time.js';
import type { PoolName } from '../metrics/catalog.js';
import type { Metrics } from '../metrics/metrics.js';
import { NO_METRICS } from '../metrics/metrics.js';
import type { ClockSkew } from './clock-skew.js';
import type { ResponseLimits, UpstreamResponse } from './response-collector.js';
import { ResponseCollector } from './response-collector.js';
import type { TransportFailure } from './transport-error.js';
import { TransportError } from './transport-error.js';

/** One request to an upstream host; its headers include the credentials. */
interface UpstreamRequest extends ResponseLimits {
  method: 'GET' | 'POST' | 'DELETE';
  url: URL;
  headers: Readonly<Record<string, string>>;
  /** Text of the body. Default: no body. */
  body?: string;
}

/** Limits of the connections to one upstream host. */
interface TransportOptions {
  /** Maximum number of connections and thus of calls in flight. Default 50. */
  maxConnections?: number;
  /** Maximum number of queued calls; one more fails with OVERLOADED. Default 500. */
  maxWaiting?: number | undefined;
  /** Trusted certificate authorities in PEM, instead of those of Node. */
  certificates?: readonly string[] | undefined;
  /** Observes the `Date` of every response. */
  skew?: ClockSkew;
  /** The name of the pool in the metrics. */
  pool?: PoolName;
  metrics?: Metrics;
}

// undici's timers are coarse: the connect timeout fires within 3 s.
const CONNECT_TIMEOUT_MS = 2_500;
// Leaves time within an operation to reconcile a create.
const MAX_WAIT_MS = 5_000;
// A short idle time avoids reusing a connection that the server is closing: the outcome of that create is unknown.
const IDLE_CONNECTION_MS = 1_000;
const MAX_RESPONSE_HEADER_BYTES = 64 * 1024;

/**
 * Sends requests to upstream hosts over a bounded pool of keep-alive connections.
 *
 * It never retries, never follows redirects, and always verifies TLS, regardless of the environment.
 */
export class Transport {
  readonly #agent: Agent;
  readonly #semaphore: Semaphore;
  readonly #skew: ClockSkew | undefined;
  readonly #pool: PoolName;
  readonly #metrics: Metrics;

  constructor({
    maxConnections = 50,
    maxWaiting = 500,
    skew,
    certificates,
    pool = 'reads',
    metrics = NO_METRICS,
  }: TransportOptions = {}) {
    this.#skew = skew;
    this.#pool = pool;
    this.#metrics = metrics;
    this.#semaphore = new Semaphore(maxConnections, maxWaiting);
    metrics.read('dli_gateway_pool_waiting', () => ({ [pool]: this.#semaphore.waitingCount }));
    this.#agent = new Agent({
      connections: maxConnections,
      pipelining: 1,
      // The proof that a request was not sent relies on undici's HTTP/1.1 implementation.
      allowH2: false,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      keepAliveMaxTimeout: IDLE_CONNECTION_MS,
      maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
      // The collector has its own limits, which also bound a body that drips.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        ...(certificates !== undefined && { ca: [...certificates] }),
      },
    });
  }

  /**
   * Sends one request and returns its response.
   *
   * @throws {TransportError} if no complete response arrives within the limits
   */
  async send({ url, method, headers, body, ...limits }: UpstreamRequest): Promise<UpstreamResponse> {
    // undici cannot drop a request from its own queue, so requests queue here.
    if (!this.#semaphore.tryAcquire()) await this.#wait(limits.deadline);
    try {
      const collector = new ResponseCollector(limits);
      const path = `${url.pathname}${url.search}`;
      const request = { origin: url.origin, path, method, headers, body: body ?? null };
      const sentAtMs = this.#skew?.nowMs() ?? 0;
      this.#agent.dispatch(request, collector);
      const response = await collector.response;
      this.#skew?.observe(response.header('date'), sentAtMs);
      return response;
    } finally {
      this.#semaphore.release();
    }
  }

  async #wait(deadline: Deadline): Promise<void> {
    const startMs = performance.now();
    try {
      await this.#semaphore.wait(deadline);
    } finally {
      const waitedSeconds = (performance.now() - startMs) / 1_000;
      this.#metrics.observe('dli_gateway_pool_wait_seconds', { pool: this.#pool }, waitedSeconds);
    }
  }

  /** Closes all connections; calls in flight fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** FIFO semaphore with a bounded queue and a bounded wait. */
class Semaphore {
  /** The functions that let the waiting callers proceed, in order of arrival. */
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(
    permits: number,
    private readonly maxWaiting: number,
  ) {
    this.#free = permits;
  }

  /** Number of callers that wait for a permit. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Acquires a permit if one is free. */
  tryAcquire(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /**
   * Waits for a permit, for 5 s at most and never beyond the deadline.
   *
   * @throws {TransportError} OVERLOADED if too many callers wait already; TIMEOUT if no permit became free in time
   */
  async wait(deadline: Deadline): Promise<void> {
    if (this.#waiting.size >= this.maxWaiting) throw new TransportError('OVERLOADED', false);
    await new Promise<void>((resolve, reject) => {
      const proceed = () => {
        timer.stop();
        resolve();
      };
      const timer = deadline.timer(() => {
        this.#waiting.delete(proceed);
        reject(new TransportError('TIMEOUT', false));
      });
      timer.start(MAX_WAIT_MS);
      this.#waiting.add(proceed);
    });
  }

  /** Releases a permit to the caller that has waited longest. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

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

/** The one place that hears of every call to DLI, IAM and the issuer: one log line each. */
export class UpstreamLog {
  constructor(
    private readonly logger: Pick<Logger<UpstreamRecord>, 'info' | 'warn'>,
    private readonly sampler: LogSampler,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Writes the line of a call that has ended; a failure as a warning.
   *
   * @param isLasting whether every call of this operation fails alike, so that its lines are sampled
   */
  write(call: UpstreamCall, isLasting = false): void {
    const { trace, durationMs, ...details } = call;
    const { target, operation, outcome } = call;
    this.#measure(call);
    const level = SUCCESSES.has(outcome) ? 'info' : 'warn';
    const write = () => this.logger[level]({ ...trace, ...details, durationMs: Math.round(durationMs) }, 'upstream');
    const writeCount = (count: number) =>
      this.logger.warn({ target, operation, outcome, count }, 'upstream calls not logged');
    if (isLasting) this.sampler.sample(`${operation} ${outcome}`, write, writeCount);
    else write();
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
