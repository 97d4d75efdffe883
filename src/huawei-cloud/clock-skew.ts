import type { Clock } from '../lib/time.js';

/** How far Huawei Cloud's clock is ahead of ours: at least and at most, in milliseconds. */
export interface SkewBounds {
  minMs: number;
  maxMs: number;
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
    const minMs = serverMs - this.#clock.epochMs();
    const maxMs = serverMs + DATE_STEP_MS - sentAtMs;
    const known = this.#bounds;
    // Bounds that contradict each other mean that a clock was set.
    this.#bounds =
      known === undefined || minMs > known.maxMs || maxMs < known.minMs
        ? { minMs, maxMs }
        : { minMs: Math.max(minMs, known.minMs), maxMs: Math.min(maxMs, known.maxMs) };
    this.#seenAtMs = this.#clock.monotonicMs();
  }

  /** Whether the clocks were more than 5 minutes apart in the last minute. */
  isTooFar(): boolean {
    const { minMs, maxMs } = this.#bounds ?? { minMs: 0, maxMs: 0 };
    const isApart = minMs > MAX_SKEW_MS || maxMs < -MAX_SKEW_MS;
    return isApart && this.#clock.monotonicMs() - this.#seenAtMs < VERDICT_LIFE_MS;
  }
}
