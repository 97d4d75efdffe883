import { Agent } from 'undici';
import type { Deadline } from '../lib/time.js';
import type { PoolName } from '../metrics/catalog.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ClockSkew } from './clock-skew.js';
import type { EgressProxy } from './egress-proxy.js';
import { createProxyConnector } from './egress-proxy.js';
import type { ResponseLimits, UpstreamResponse } from './response-collector.js';
import { ResponseCollector } from './response-collector.js';
import { TransportError } from './transport-error.js';

/** The timeouts of a call to Huawei Cloud in production, in milliseconds. They leave time to reconcile a create. */
export const UPSTREAM_TIMEOUTS = {
  /** To wait for a free connection. */
  queueMs: 5_000,
  /** To connect, and again from the first byte sent to the headers of the response. */
  headersMs: 10_000,
  /** To receive the body of a response or, with a filter, its next bytes. */
  bodyMs: 5_000,
};

/** Timeouts of a call to Huawei Cloud, in milliseconds. */
export type UpstreamTimeouts = Readonly<typeof UPSTREAM_TIMEOUTS>;

/** One request to an upstream host; its headers include the credentials. */
interface UpstreamRequest extends ResponseLimits {
  method: 'GET' | 'POST' | 'DELETE';
  url: URL;
  headers: Readonly<Record<string, string>>;
  /** Text of the body. Default: no body. */
  body?: string;
}

/** How upstream hosts are reached. */
export interface Egress {
  /** Trusted certificate authorities in PEM, instead of those of Node. */
  certificates: readonly string[] | undefined;
  /** Undefined: directly. */
  proxy: EgressProxy | undefined;
  /** Default: {@link UPSTREAM_TIMEOUTS}. */
  timeouts?: UpstreamTimeouts | undefined;
}

interface Dependencies {
  egress: Egress;
  /** The name of the pool in the metrics. */
  pool: PoolName;
  metrics: Metrics;
  /** Observes the `Date` of every response. Default: nothing does. */
  skew?: ClockSkew;
}

/** Limits of the connections to one upstream host. */
interface TransportLimits {
  /** Maximum number of connections and thus of calls in flight. Default 50. */
  maxConnections?: number;
  /**
   * Maximum number of queued calls; further calls fail with OVERLOADED. Once a call has timed out in the queue, only a
   * fifth may wait until a connection is free. Default 500.
   */
  maxWaiting?: number | undefined;
}

// undici's timers are coarse: the connect timeout fires within 3 s.
const CONNECT_TIMEOUT_MS = 2_500;
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
  readonly #timeouts: UpstreamTimeouts;
  readonly #pool: PoolName;
  readonly #metrics: Metrics;

  constructor(
    { egress, pool, metrics, skew }: Dependencies,
    { maxConnections = 50, maxWaiting = 500 }: TransportLimits = {},
  ) {
    const { certificates, proxy, timeouts = UPSTREAM_TIMEOUTS } = egress;
    this.#skew = skew;
    this.#timeouts = timeouts;
    this.#pool = pool;
    this.#metrics = metrics;
    this.#semaphore = new Semaphore(maxConnections, maxWaiting, timeouts.queueMs);
    metrics.read('dli_gateway_pool_waiting', () => ({ [pool]: this.#semaphore.waitingCount }));
    const connect = {
      timeout: CONNECT_TIMEOUT_MS,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2' as const,
      ...(certificates !== undefined && { ca: [...certificates] }),
    };
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
      connect: proxy === undefined ? connect : createProxyConnector(proxy, connect),
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
      const collector = new ResponseCollector(limits, this.#timeouts);
      const path = `${url.pathname}${url.search}`;
      const request = { origin: url.origin, path, method, headers, body: body ?? null };
      const sentAtMs = this.#skew?.nowMs() ?? 0;
      this.#agent.dispatch(request, collector);
      const response = await collector.response;
      this.#skew?.observe(response.header('date'), sentAtMs, isDateRefused(response));
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

/** Whether a response refuses a signature for its date. */
export function isDateRefused({ status, text }: Pick<UpstreamResponse, 'status' | 'text'>): boolean {
  // No code of its own; API Gateway writes it after "Incorrect IAM authentication information".
  return status === 401 && text.includes('signature expired');
}

/** The share of the queue that is used while callers time out in it: further callers are refused at once. */
const STALLED_SHARE = 1 / 5;

/** FIFO semaphore with a bounded queue and a bounded wait. */
class Semaphore {
  /** The functions that let the waiting callers proceed, in order of arrival. */
  readonly #waiting = new Set<() => void>();
  #free: number;
  /** Whether a wait has timed out since a permit was last free. */
  #isStalled = false;

  constructor(
    permits: number,
    private readonly maxWaiting: number,
    private readonly maxWaitMs: number,
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
   * Waits for a permit, for a limited time and never beyond the deadline.
   *
   * @throws {TransportError} OVERLOADED if too many callers wait already; TIMEOUT if no permit became free in time
   */
  async wait(deadline: Deadline): Promise<void> {
    const limit = this.#isStalled ? this.maxWaiting * STALLED_SHARE : this.maxWaiting;
    if (this.#waiting.size >= limit) throw new TransportError('OVERLOADED', false);
    await new Promise<void>((resolve, reject) => {
      const proceed = () => {
        timer.stop();
        resolve();
      };
      const timer = deadline.timer(() => {
        this.#waiting.delete(proceed);
        this.#isStalled = true;
        reject(new TransportError('TIMEOUT', false));
      });
      timer.start(this.maxWaitMs);
      this.#waiting.add(proceed);
    });
  }

  /** Releases a permit to the caller that has waited longest. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      this.#isStalled = false;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
