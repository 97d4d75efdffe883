import { setTimeout as delay } from 'node:timers/promises';

/** Source of time; tests inject their own. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970-01-01 UTC, for timestamps shared with other systems. */
  epochMs(): number;
  /** Milliseconds since an arbitrary start, never decreasing, for deadlines and lifetimes. */
  monotonicMs(): number;
}

/** The system clock. */
export const SYSTEM_CLOCK: Clock = {
  epochMs: Date.now,
  monotonicMs: performance.now.bind(performance),
};

// Shorter than the grace period after which another process takes over an operation.
const MAX_SUSPENDED_MS = 4_000;

/** Point in time by which a whole operation must end, including upstream calls and waits. */
export class Deadline {
  readonly #endsAtMs: number;
  /** The deadline by the wall clock, for what other processes read. */
  readonly endsAtEpochMs: number;

  /** @param timeoutMs milliseconds until the deadline */
  constructor(
    private readonly clock: Clock,
    timeoutMs: number,
  ) {
    this.#endsAtMs = clock.monotonicMs() + timeoutMs;
    this.endsAtEpochMs = clock.epochMs() + timeoutMs;
  }

  /** Milliseconds until the deadline; 0 if it has passed. */
  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.clock.monotonicMs());
  }

  /** A timer that calls `callback` at the deadline at the latest. */
  timer(callback: () => void): DeadlineTimer {
    return new DeadlineTimer(this.clock, this.#endsAtMs, callback);
  }

  /**
   * Whether a request that needs `minMs` milliseconds may be sent. Not after the machine was suspended for more than
   * 4 s, which shows as a wall clock ahead of the monotonic clock: another process may have taken over the operation.
   */
  allowsRequest(minMs: number): boolean {
    const remainingMs = this.#endsAtMs - this.clock.monotonicMs();
    const remainingEpochMs = this.endsAtEpochMs - this.clock.epochMs();
    return remainingMs >= minMs && remainingMs - remainingEpochMs <= MAX_SUSPENDED_MS;
  }
}

/** Timer within a {@link Deadline}, measured by its clock. */
export class DeadlineTimer {
  #endsAtMs = Number.POSITIVE_INFINITY;
  #timeout: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly deadlineMs: number,
    private readonly callback: () => void,
  ) {}

  /** Starts or restarts the timer: it ends after `limitMs` milliseconds or at the deadline, whichever comes first. */
  start(limitMs: number): void {
    const nowMs = this.clock.monotonicMs();
    this.#endsAtMs = Math.max(nowMs, Math.min(nowMs + limitMs, this.deadlineMs));
    clearTimeout(this.#timeout);
    this.#timeout = setTimeout(() => this.#onTimeout(), this.#endsAtMs - nowMs);
  }

  /** Stops the timer; the callback is not called. */
  stop(): void {
    clearTimeout(this.#timeout);
  }

  // Node's timers use another clock, and may fire up to a millisecond early.
  #onTimeout(): void {
    const restMs = this.#endsAtMs - this.clock.monotonicMs();
    if (restMs > 0) this.#timeout = setTimeout(() => this.#onTimeout(), restMs);
    else this.callback();
  }
}

/** Settles like `promise`, or like `onTimeout` if it is not settled after `timeoutMs` milliseconds. */
export async function withTimeout<T, U>(timeoutMs: number, promise: Promise<T>, onTimeout: () => U): Promise<T | U> {
  const abort = new AbortController();
  try {
    return await Promise.race([promise, delay(timeoutMs, undefined, { signal: abort.signal }).then(onTimeout)]);
  } finally {
    abort.abort();
  }
}
