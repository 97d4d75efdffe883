import { isDeepStrictEqual } from 'node:util';
import { DliError } from '../dli/dli-error.js';
import { newTrace } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import type { FairRateLimiter, RateLimitPermit } from './fair-rate-limiter.js';
import { PollSchedule } from './poll-schedule.js';
import type { ConnectionReader } from './reader.js';
import type { WatchStream } from './watch-stream.js';
import type { ConnectionEvent, PollLease, Subscriber } from './watcher.js';

/** The dependencies and limits that all pollers share. */
export interface PollerDependencies {
  reader: ConnectionReader;
  limiter: FairRateLimiter;
  lease: PollLease;
  clock: Clock;
  metrics: Metrics;
  /** Interval between polls while something changes, in milliseconds. */
  intervalMs: number;
  /** Called with an unexpected error, which subscribers get as an event as well. */
  onBug(error: unknown): void;
}

/** Polls one connection for all its subscribers. The interval grows up to 20 s while the connection is unchanged. */
export class ConnectionPoller {
  readonly #subscribers = new Map<WatchStream<ConnectionEvent>, Subscriber>();
  /** Streams without an event so far. */
  readonly #newStreams = new Set<WatchStream<ConnectionEvent>>();
  readonly #schedule: PollSchedule;
  #last: { event: ConnectionEvent; atMs: number } | undefined;

  constructor(
    private readonly id: string,
    private readonly dependencies: PollerDependencies,
  ) {
    const { clock, metrics, intervalMs } = dependencies;
    this.#schedule = new PollSchedule(clock, metrics, { intervalMs }, () => this.#poll());
  }

  /** Adds a stream, which gets the last event immediately if it is at most one interval old. */
  add(stream: WatchStream<ConnectionEvent>, subscriber: Subscriber): void {
    this.#subscribers.set(stream, subscriber);
    const { clock, intervalMs } = this.dependencies;
    if (this.#last !== undefined && clock.monotonicMs() - this.#last.atMs <= intervalMs) {
      stream.push(this.#last.event);
      return;
    }
    this.#newStreams.add(stream);
    this.#schedule.restart({ isChange: false });
  }

  /** @returns whether any streams are left */
  remove(stream: WatchStream<ConnectionEvent>): boolean {
    this.#subscribers.delete(stream);
    this.#newStreams.delete(stream);
    return this.#subscribers.size > 0;
  }

  /** Ends polling for good. A poll that waits for its turn is not sent. */
  stop(): void {
    this.#schedule.stop();
  }

  /** Polls immediately after a change, and once more if a poll is already running. */
  pollNow(): void {
    // New streams must not get the state from before the change.
    if (this.#last !== undefined) this.#last.atMs = Number.NEGATIVE_INFINITY;
    this.#schedule.restart({ isChange: true });
  }

  /** Delivers the result of a poll by this or another process to the subscribers, if it is new. */
  deliver(event: ConnectionEvent): void {
    const before = this.#last?.event;
    const isNew = before === undefined || !isDeepStrictEqual(comparableOf(before), comparableOf(event));
    this.#last = { event, atMs: this.dependencies.clock.monotonicMs() };
    for (const stream of [...(isNew ? this.#subscribers.keys() : this.#newStreams)]) stream.push(event);
    this.#newStreams.clear();
    if (event.kind === 'problem') this.#schedule.onResult(false, event.error.retryAfterSeconds);
    else this.#schedule.onResult(isNew && event.kind !== 'bug');
  }

  async #poll(): Promise<void> {
    const result = await this.#pollWithLease();
    // No result yet: the holder of the lease will publish it. If it does not, the lease has expired by the next poll.
    if (result === undefined || this.#schedule.isStale || this.#schedule.signal.aborted) return;
    const { event, isOwn } = result;
    this.deliver(event);
    // Other processes may not have the bug.
    if (isOwn && event.kind !== 'bug')
      this.dependencies.lease.publish(this.id, event, this.#schedule.shortestIntervalMs);
  }

  #pollWithLease(): Promise<{ event: ConnectionEvent; isOwn: boolean } | undefined> {
    const { limiter, lease, onBug } = this.dependencies;
    const tenants = () => [...this.#subscribers.values()].map(({ tenant }) => tenant);
    // The lease is acquired last, because it would expire while the poll waits for the limiter.
    return limiter.run(tenants, this.#schedule.signal, async permit => {
      // After a change the interval is at its minimum, so the result of an earlier lease is too old.
      const { shortestIntervalMs, intervalMs } = this.#schedule;
      const result = await lease.acquire(this.id, shortestIntervalMs, intervalMs).catch(error => {
        onBug(error);
        return 'acquired' as const;
      });
      if (result === 'acquired') return { event: await this.#read(permit), isOwn: true };
      permit.refund();
      return result && { event: result, isOwn: false };
    });
  }

  async #read(permit: RateLimitPermit): Promise<ConnectionEvent> {
    // The log shows the poll in the trace of the oldest subscriber.
    const [subscriber] = this.#subscribers.values();
    const { reader, onBug } = this.dependencies;
    try {
      const connection = await reader.readFresh(this.id, subscriber?.trace ?? newTrace(), permit);
      return connection === undefined ? { kind: 'absent' } : { kind: 'connection', connection };
    } catch (error) {
      if (error instanceof DliError) return { kind: 'problem', error };
      onBug(error);
      return { kind: 'bug', error };
    }
  }
}

// Problems are compared by code, so that a lasting one is reported once even though the ids of its calls differ.
function comparableOf(event: ConnectionEvent): unknown {
  if (event.kind === 'problem') return event.error.code;
  return event.kind === 'bug' ? event.kind : event;
}
