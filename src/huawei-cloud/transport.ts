import { Agent } from 'undici';
import type { Deadline } from '../lib/time.js';
import type { ClockSkew } from './clock-skew.js';
import type { CollectedResponse } from './response-collector.js';
import { ResponseCollector } from './response-collector.js';
import { TransportError } from './transport-error.js';

/** One request to an upstream host; its headers already carry the credentials. */
export interface UpstreamRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: URL;
  headers: Readonly<Record<string, string>>;
  /** Text to send as the body; none when absent. */
  body?: string;
  deadline: Deadline;
  /** A longer answer ends the call with TOO_LARGE. */
  maxBodyBytes: number;
  /** Called right before the first byte is sent: the connection stands. */
  onSending?: (() => void) | undefined;
}

/** One complete answer of an upstream host, whatever its status. */
export interface UpstreamResponse {
  status: number;
  text: string;
  /** The value of a header by its lower-case name; the first one when it was repeated. */
  header(name: string): string | undefined;
}

/** Bounds of the connections to one upstream host. */
interface TransportOptions {
  /** Open connections at most, which is also the number of calls in flight. Default 50. */
  maxConnections?: number;
  /** Calls that may wait for a connection; one more fails with OVERLOADED. Default 500. */
  maxWaiting?: number;
  /** The only authorities that may vouch for the host, in PEM. Default: those of Node. */
  certificates?: readonly string[] | undefined;
  /** Learns from the date of every answer. */
  skew?: ClockSkew;
}

// undici's timers are coarse: this ends within 3 s.
const CONNECT_TIMEOUT_MS = 2_500;
// Waiting and headers leave time within an operation to find out what became of a create.
const MAX_WAIT_MS = 5_000;
const HEADERS_TIMEOUT_MS = 10_000;
const BODY_TIMEOUT_MS = 5_000;
// Longer idle times meet servers that close at the same moment, and a lost create cannot be told from a done one.
const IDLE_CONNECTION_MS = 1_000;
const MAX_ANSWER_HEADER_BYTES = 64 * 1024;

/**
 * Sends requests to upstream hosts over kept-alive, bounded connections.
 *
 * Never retries, never follows a redirect, and always verifies TLS, whatever the environment says.
 */
export class Transport {
  readonly #agent: Agent;
  readonly #slots: Semaphore;
  readonly #skew: ClockSkew | undefined;

  constructor({ maxConnections = 50, maxWaiting = 500, skew, certificates }: TransportOptions = {}) {
    this.#skew = skew;
    this.#slots = new Semaphore(maxConnections, maxWaiting);
    this.#agent = new Agent({
      connections: maxConnections,
      pipelining: 1,
      // Whether a request has left is known from the way undici speaks HTTP/1.1.
      allowH2: false,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      keepAliveMaxTimeout: IDLE_CONNECTION_MS,
      maxHeaderSize: MAX_ANSWER_HEADER_BYTES,
      // The collector has its own limits, which cover dripping too.
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
   * The answer to one request.
   *
   * @throws {TransportError} when no complete answer came within the limits
   */
  async send({
    url,
    method,
    headers,
    body,
    deadline,
    maxBodyBytes,
    onSending,
  }: UpstreamRequest): Promise<UpstreamResponse> {
    // undici cannot drop a request that waits inside it, so none ever does.
    const slot = await this.#slots.acquire(deadline, MAX_WAIT_MS);
    if (slot !== 'taken') throw new TransportError(slot === 'full' ? 'OVERLOADED' : 'TIMEOUT', false);
    try {
      const collector = new ResponseCollector({
        deadline,
        headersMs: HEADERS_TIMEOUT_MS,
        bodyMs: BODY_TIMEOUT_MS,
        maxBodyBytes,
        onSending,
      });
      const path = `${url.pathname}${url.search}`;
      const request = { origin: url.origin, path, method, headers, body: body ?? null };
      const sentAtMs = this.#skew?.nowMs() ?? 0;
      this.#agent.dispatch(request, collector);
      const answer = toUpstreamAnswer(await collector.answer);
      this.#skew?.observe(answer.header('date'), sentAtMs);
      return answer;
    } finally {
      this.#slots.release();
    }
  }

  /** Ends all connections; calls in flight fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function toUpstreamAnswer({ status, headers, text }: CollectedResponse): UpstreamResponse {
  return {
    status,
    text,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
}

interface Waiter {
  proceed(): void;
}

/** A limited number of places for work that runs at the same time, given out in order of arrival. */
export class Semaphore {
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Waiter>();
  #free: number;

  constructor(places: number, maxWaiting: number) {
    this.#free = places;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Takes a place, waiting for one at most `maxWaitMs` and never past the deadline.
   *
   * @returns 'taken'; 'full' when too many wait already; 'timeout' when no place became free in time
   */
  async acquire(deadline: Deadline, maxWaitMs: number): Promise<'taken' | 'full' | 'timeout'> {
    if (this.#free > 0) {
      this.#free -= 1;
      return 'taken';
    }
    if (this.#waiting.size >= this.#maxWaiting) return 'full';
    return new Promise(resolve => {
      const waiter: Waiter = {
        proceed: () => {
          clearTimeout(timer);
          resolve('taken');
        },
      };
      const timer = setTimeout(
        () => {
          this.#waiting.delete(waiter);
          resolve('timeout');
        },
        Math.min(maxWaitMs, deadline.remainingMs()),
      );
      this.#waiting.add(waiter);
    });
  }

  /** Gives a place back, to whoever has waited longest. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next.proceed();
  }
}
