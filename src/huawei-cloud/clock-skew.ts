import type { Clock } from '../lib/time.js';

/** How far Huawei Cloud's clock is ahead of ours: at least and at most, in milliseconds. */
export interface SkewBounds {
  leastMs: number;
  mostMs: number;
}

// Signatures are refused when the clocks are 15 minutes apart.
const MAX_SKEW_MS = 5 * 60_000;
// Without new answers nobody knows whether the clocks have been mended.
const VERDICT_LIFE_MS = 60_000;
const DATE_STEP_MS = 1_000;

/** Compares our clock with Huawei Cloud's by the `Date` of its answers, and narrows the bounds with each of them. */
export class ClockSkew {
  readonly #clock: Clock;
  #bounds: SkewBounds | undefined;
  #seenAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is known so far; undefined before the first answer with a date. */
  get bounds(): SkewBounds | undefined {
    return this.#bounds;
  }

  /** Our own time, to be remembered when a request is sent. */
  nowMs(): number {
    return this.#clock.epochMs();
  }

  /** Takes note of an answer: its `Date`, which has whole seconds, and when its request was sent. */
  observe(date: string | undefined, sentAtMs: number): void {
    const serverMs = date === undefined ? Number.NaN : Date.parse(date);
    if (Number.isNaN(serverMs)) return;
    const leastMs = serverMs - this.#clock.epochMs();
    const mostMs = serverMs + DATE_STEP_MS - sentAtMs;
    const known = this.#bounds;
    // Bounds that contradict each other mean that a clock was set.
    this.#bounds =
      known === undefined || leastMs > known.mostMs || mostMs < known.leastMs
        ? { leastMs, mostMs }
        : { leastMs: Math.max(leastMs, known.leastMs), mostMs: Math.min(mostMs, known.mostMs) };
    this.#seenAtMs = this.#clock.monotonicMs();
  }

  /** Whether the clocks were more than 5 minutes apart in the last minute. */
  isTooFar(): boolean {
    const { leastMs, mostMs } = this.#bounds ?? { leastMs: 0, mostMs: 0 };
    const isApart = leastMs > MAX_SKEW_MS || mostMs < -MAX_SKEW_MS;
    return isApart && this.#clock.monotonicMs() - this.#seenAtMs < VERDICT_LIFE_MS;
  }
}
