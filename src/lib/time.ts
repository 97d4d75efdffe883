import { setTimeout as delay } from 'node:timers/promises';

/** Time as the gateway reads it; tests hand in their own. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970-01-01 UTC, for what Huawei Cloud dates. */
  epochMs(): number;
  /** Milliseconds since an arbitrary start; never goes back, so deadlines and lifetimes use it. */
  monotonicMs(): number;
}

/** The clocks of this machine. */
export const SYSTEM_CLOCK: Clock = {
  epochMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

// Less than what others wait, after an operation's time, before they take it over.
const MAX_OVERSLEPT_MS = 4_000;

/** The moment at which one whole operation must have ended, upstream calls and waits included. */
export class Deadline {
  readonly #clock: Clock;
  readonly #endsAtMs: number;
  readonly #endsAtEpochMs: number;

  /** @param timeoutMs milliseconds from now */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#endsAtMs = clock.monotonicMs() + timeoutMs;
    this.#endsAtEpochMs = clock.epochMs() + timeoutMs;
  }

  /** Milliseconds left; 0 when the deadline has passed. */
  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.#clock.monotonicMs());
  }

  /**
   * Whether the machine slept, so that more time has passed for others than for the deadline, whose clock stands
   * still meanwhile. Nothing may be sent then: somebody else may have taken the operation over.
   */
  hasOverslept(): boolean {
    const remainingForOthersMs = this.#endsAtEpochMs - this.#clock.epochMs();
    return this.#endsAtMs - this.#clock.monotonicMs() - remainingForOthersMs > MAX_OVERSLEPT_MS;
  }
}

/** What a promise gives, or something else when it has not been settled after so many milliseconds. */
export async function withTimeout<T, U>(limitMs: number, promise: Promise<T>, otherwise: U): Promise<T | U> {
  const abort = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(limitMs, otherwise, { signal: abort.signal }).catch(() => otherwise),
    ]);
  } finally {
    abort.abort();
  }
}
