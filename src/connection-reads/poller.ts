import { isDeepStrictEqual } from 'node:util';
import { DliError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import type { FairRateLimiter, RateLimitPermit } from './fair-rate-limiter.js';
import type { ConnectionChange } from './own-changes.js';
import type { ConnectionReader } from './reader.js';
import type { ConnectionEvent, Subscriber, WatchStream } from './watcher.js';

/** The dependencies and limits that all pollers share. */
export interface PollerDependencies {
  reader: ConnectionReader;
  limiter: FairRateLimiter;
  lease: PollLease;
  clock: Clock;
  /** Interval between polls while the connection changes, in milliseconds. */
  intervalMs: number;
  /** Called with an unexpected error; subscribers then get an UNAVAILABLE event. */
  onBug(error: unknown): void;
}

/** Lease that divides the polls of watched connections among processes and shares their results. */
export interface PollLease {
  /**
   * Acquires the poll lease of a connection for `leaseMs` (2 s until the first result is published).
   *
   * @param maxAgeMs maximum age of a result of the holder; an older one is not used, and the lease is taken over
   * @returns 'acquired' if this process must poll; else the result of the holder, or undefined if there is none yet
   */
  acquire(id: string, leaseMs: number, maxAgeMs: number): Promise<ConnectionEvent | 'acquired' | undefined>;
  /** Publishes the result of a poll and extends the lease to `leaseMs`. */
  publish(id: string, event: ConnectionEvent, leaseMs: number): void;
  /** Notifies other processes of a change. */
  publishChange(change: ConnectionChange): void;
  /** Calls the listeners for messages of other processes. */
  subscribe(listeners: LeaseListeners): void;
  close(): Promise<void>;
}

/** Listeners for messages of other processes. */
export interface LeaseListeners {
  onEvent(id: string, event: ConnectionEvent): void;
  onChange(change: ConnectionChange): void;
}

/** The lease of a single process, which always polls. */
export const LOCAL_LEASE: PollLease = {
  acquire: async () => 'acquired',
  publish: () => undefined,
  publishChange: () => undefined,
  subscribe: () => undefined,
  close: async () => undefined,
};

const MAX_INTERVAL_MS = 20_000;
// Caps the Retry-After of DLI, which may recover earlier.
const MAX_RETRY_AFTER_MS = 60_000;
const GROWTH = 1.5;
const JITTER = 0.2;

/** Polls one connection for all its subscribers. The interval grows up to 20 s while the connection is unchanged. */
export class ConnectionPoller {
  readonly #subscribers = new Map<WatchStream, Subscriber>();
  /** Streams without an event so far. */
  readonly #newStreams = new Set<WatchStream>();
  readonly #stop = new AbortController();
  #intervalMs: number;
  #last: { event: ConnectionEvent; atMs: number } | undefined;
  /** End of the Retry-After period of DLI. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isPolling = false;
  /** Whether the running poll may return the state from before a change. */
  #isPollStale = false;

  constructor(
    private readonly id: string,
    private readonly dependencies: PollerDependencies,
  ) {
    this.#intervalMs = dependencies.intervalMs;
  }

  /** Adds a stream, which gets the last event immediately if it is at most one interval old. */
  add(stream: WatchStream, subscriber: Subscriber): void {
    this.#subscribers.set(stream, subscriber);
    const { clock, intervalMs } = this.dependencies;
    if (this.#last !== undefined && clock.monotonicMs() - this.#last.atMs <= intervalMs) {
      stream.push(this.#last.event);
      return;
    }
    this.#newStreams.add(stream);
    this.#restartInterval();
  }

  /** @returns whether any streams are left */
  remove(stream: WatchStream): boolean {
    this.#subscribers.delete(stream);
    this.#newStreams.delete(stream);
    return this.#subscribers.size > 0;
  }

  /** Ends polling for good. A poll that waits for its turn is not sent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  /** Polls immediately after a change, and once more if a poll is already running. */
  pollNow(): void {
    this.#isPollStale = this.#isPolling;
    // New streams must not get the state from before the change.
    if (this.#last !== undefined) this.#last.atMs = Number.NEGATIVE_INFINITY;
    this.#restartInterval();
  }

  /** Delivers the result of a poll, by this or another process, to the subscribers if it is new. */
  deliver(event: ConnectionEvent): void {
    const before = this.#last?.event;
    const isNew = before === undefined || !isDeepStrictEqual(comparableOf(before), comparableOf(event));
    const { intervalMs, clock } = this.dependencies;
    this.#last = { event, atMs: clock.monotonicMs() };
    const isProblem = event.kind === 'problem';
    const { retryAfterSeconds = 0 } = isProblem ? event.error : {};
    this.#notBeforeMs = this.#last.atMs + Math.min(MAX_RETRY_AFTER_MS, retryAfterSeconds * 1_000);
    this.#intervalMs =
      isNew && !isProblem ? intervalMs : Math.max(intervalMs, Math.min(MAX_INTERVAL_MS, this.#intervalMs * GROWTH));
    for (const stream of [...(isNew ? this.#subscribers.keys() : this.#newStreams)]) stream.push(event);
    this.#newStreams.clear();
    this.#schedule(this.#intervalMs * (1 + JITTER * (2 * Math.random() - 1)));
  }

  #restartInterval(): void {
    this.#intervalMs = this.dependencies.intervalMs;
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    if (this.#stop.signal.aborted || this.#isPolling) return;
    clearTimeout(this.#timer);
    const waitMs = Math.max(delayMs, this.#notBeforeMs - this.dependencies.clock.monotonicMs());
    this.#timer = setTimeout(() => void this.#poll(), waitMs).unref();
  }

  async #poll(): Promise<void> {
    this.#isPolling = true;
    const result = await this.#pollWithLease();
    this.#isPolling = false;
    if (this.#stop.signal.aborted) return;
    const isStale = this.#isPollStale;
    this.#isPollStale = false;
    if (isStale) {
      this.#schedule(0);
    } else if (result === undefined) {
      // The holder of the lease publishes its result. If it fails to, the lease has expired by the next poll.
      this.#schedule(this.#intervalMs);
    } else {
      this.deliver(result.event);
      if (result.isOwn) this.dependencies.lease.publish(this.id, result.event, this.#leaseMs());
    }
  }

  /** Shorter than the interval, which jitter may shorten, too. */
  #leaseMs(): number {
    return this.#intervalMs * (1 - JITTER);
  }

  #pollWithLease(): Promise<{ event: ConnectionEvent; isOwn: boolean } | undefined> {
    const { limiter, lease } = this.dependencies;
    const tenants = () => [...this.#subscribers.values()].map(({ tenant }) => tenant);
    // The lease comes second: it would expire while the poll waits for the limiter.
    return limiter.run(tenants, this.#stop.signal, async permit => {
      // After a change the interval is at its minimum, so that the result of an earlier lease is too old.
      const result = await lease.acquire(this.id, this.#leaseMs(), this.#intervalMs);
      if (result === 'acquired') return { event: await this.#read(permit), isOwn: true };
      permit.refund();
      return result && { event: result, isOwn: false };
    });
  }

  async #read(permit: RateLimitPermit): Promise<ConnectionEvent> {
    // The log shows the poll under the trace id of the oldest subscriber.
    const [subscriber] = this.#subscribers.values();
    try {
      const connection = await this.dependencies.reader.readFresh(this.id, subscriber?.traceId ?? '', permit);
      return connection === undefined ? { kind: 'absent' } : { kind: 'connection', connection };
    } catch (error) {
      if (error instanceof DliError) return { kind: 'problem', error };
      this.dependencies.onBug(error);
      return { kind: 'problem', error: new DliError('UNAVAILABLE', { retryAfterSeconds: 1 }) };
    }
  }
}

// Problems compare by code, so that a lasting one is reported once although the ids of its calls differ.
function comparableOf(event: ConnectionEvent): unknown {
  return event.kind === 'problem' ? event.error.code : event;
}
