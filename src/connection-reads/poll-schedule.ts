import type { Clock } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';

const MAX_INTERVAL_MS = 20_000;
// Caps the Retry-After of DLI, which may recover earlier.
const MAX_RETRY_AFTER_MS = 60_000;
const GROWTH = 1.5;
const JITTER = 0.2;

interface PollScheduleOptions {
  /** Interval between polls while something changes, in milliseconds. */
  intervalMs: number;
  /** Minimum time between the starts of two polls, in milliseconds. Default is 0. */
  spacingMs?: number;
}

/** Repeats a poll, one at a time, at an interval that grows up to 20 s while nothing changes. */
export class PollSchedule {
  readonly #stop = new AbortController();
  #intervalMs: number;
  #startedMs = Number.NEGATIVE_INFINITY;
  /** End of the Retry-After period of DLI. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #dueMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isPolling = false;
  #isStale = false;

  /** @param poll must not reject; reports its result to {@link onResult} */
  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly options: PollScheduleOptions,
    private readonly poll: () => Promise<void>,
  ) {
    this.#intervalMs = options.intervalMs;
  }

  /** Aborted when polling has ended. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** The current interval, in milliseconds. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** The shortest that jitter can make the current interval, in milliseconds. */
  get shortestIntervalMs(): number {
    return this.#intervalMs * (1 - JITTER);
  }

  /** Whether the running poll may return the state from before a change. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** Polls immediately. `isChange`: something has changed, so a running poll is not enough. */
  restart({ isChange }: { isChange: boolean }): void {
    if (isChange) this.#isStale = this.#isPolling;
    this.#intervalMs = this.options.intervalMs;
    this.#schedule(0);
  }

  /** Schedules the next poll after a result from this or another process. `isChange`: it differs from the last one. */
  onResult(isChange: boolean, retryAfterSeconds = 0): void {
    const { intervalMs } = this.options;
    this.#notBeforeMs = this.clock.monotonicMs() + Math.min(MAX_RETRY_AFTER_MS, retryAfterSeconds * 1_000);
    this.#intervalMs = isChange
      ? intervalMs
      : Math.max(intervalMs, Math.min(MAX_INTERVAL_MS, this.#intervalMs * GROWTH));
    this.#scheduleNext();
  }

  /** Ends polling for good. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  #scheduleNext(): void {
    this.#schedule(this.#intervalMs * (1 + JITTER * (2 * Math.random() - 1)));
  }

  #schedule(delayMs: number): void {
    if (this.#stop.signal.aborted || this.#isPolling) return;
    clearTimeout(this.#timer);
    const earliestMs = Math.max(this.#notBeforeMs, this.#startedMs + (this.options.spacingMs ?? 0));
    const waitMs = Math.max(delayMs, earliestMs - this.clock.monotonicMs());
    this.#dueMs = this.clock.monotonicMs() + waitMs;
    this.#timer = setTimeout(() => void this.#run(), waitMs).unref();
  }

  async #run(): Promise<void> {
    this.#isPolling = true;
    this.#isStale = false;
    this.#startedMs = this.clock.monotonicMs();
    await this.poll();
    const lagSeconds = Math.max(0, this.clock.monotonicMs() - this.#dueMs) / 1_000;
    this.metrics.observe('dli_gateway_follow_lag_seconds', {}, lagSeconds);
    this.#isPolling = false;
    if (this.#isStale) this.#schedule(0);
    else this.#scheduleNext();
  }
}
