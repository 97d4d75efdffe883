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
  epochMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

// Shorter than the grace period after which another process takes over an operation.
const MAX_OVERSLEPT_MS = 4_000;

/** Point in time by which a whole operation must end, including upstream calls and waits. */
export class Deadline {
  readonly #clock: Clock;
  readonly #endsAtMs: number;
  readonly #endsAtEpochMs: number;

  /** @param timeoutMs milliseconds until the deadline */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#endsAtMs = clock.monotonicMs() + timeoutMs;
    this.#endsAtEpochMs = clock.epochMs() + timeoutMs;
  }

  /** Milliseconds until the deadline; 0 if it has passed. */
  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.#clock.monotonicMs());
  }

  /**
   * Calls `callback` after `limitMs` milliseconds or at the deadline, whichever comes first, measured by the clock of
   * the deadline.
   *
   * @returns a function that stops the timer
   */
  startTimer(limitMs: number, callback: () => void): () => void {
    const nowMs = this.#clock.monotonicMs();
    const endsAtMs = Math.min(nowMs + limitMs, Math.max(nowMs, this.#endsAtMs));
    let timer: NodeJS.Timeout;
    const wait = (forMs: number) => {
      timer = setTimeout(() => {
        const restMs = endsAtMs - this.#clock.monotonicMs();
        if (restMs > 0) wait(restMs);
        else callback();
      }, forMs);
    };
    wait(endsAtMs - nowMs);
    return () => clearTimeout(timer);
  }

  /**
   * Whether the machine was suspended, so that the wall clock ran ahead of the monotonic clock by more than 4 s.
   * Nothing may be sent then: another process may have taken over the operation.
   */
  hasOverslept(): boolean {
    const remainingEpochMs = this.#endsAtEpochMs - this.#clock.epochMs();
    return this.#endsAtMs - this.#clock.monotonicMs() - remainingEpochMs > MAX_OVERSLEPT_MS;
  }
}

/** Resolves like `promise`, or with `fallback` if it is not settled after `timeoutMs` milliseconds. */
export async function withTimeout<T, U>(timeoutMs: number, promise: Promise<T>, fallback: U): Promise<T | U> {
  const abort = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(timeoutMs, fallback, { signal: abort.signal }).catch(() => fallback),
    ]);
  } finally {
    abort.abort();
  }
}
