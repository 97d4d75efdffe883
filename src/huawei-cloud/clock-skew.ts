import type { Clock } from '../lib/time.js';

/** Bounds on how far Huawei Cloud's clock is ahead of the local clock, in milliseconds. */
export interface SkewBounds {
  minMs: number;
  maxMs: number;
}

// Huawei Cloud refuses signatures from 15 minutes of skew on.
const MAX_SKEW_MS = 5 * 60_000;
// Without recent responses the clocks may have been corrected.
const VERDICT_LIFE_MS = 60_000;
const DATE_STEP_MS = 1_000;

/** Estimates the skew of Huawei Cloud's clock from the `Date` of its responses, each of which narrows the bounds. */
export class ClockSkew {
  #bounds: SkewBounds | undefined;
  #seenAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  /** Bounds of the skew; undefined before the first response with a `Date`. */
  get bounds(): SkewBounds | undefined {
    return this.#bounds;
  }

  /** Local wall-clock time, to be captured when a request is sent. */
  nowMs(): number {
    return this.clock.epochMs();
  }

  /** Narrows the bounds by the `Date` of a response, which has whole seconds, and the send time of its request. */
  observe(date: string | undefined, sentAtMs: number): void {
    const serverMs = date === undefined ? Number.NaN : Date.parse(date);
    if (Number.isNaN(serverMs)) return;
    const minMs = serverMs - this.clock.epochMs();
    const maxMs = serverMs + DATE_STEP_MS - sentAtMs;
    const known = this.#bounds;
    // Contradicting bounds mean that one of the clocks was set.
    this.#bounds =
      known === undefined || minMs > known.maxMs || maxMs < known.minMs
        ? { minMs, maxMs }
        : { minMs: Math.max(minMs, known.minMs), maxMs: Math.min(maxMs, known.maxMs) };
    this.#seenAtMs = this.clock.monotonicMs();
  }

  /** Whether the skew exceeded 5 minutes within the last minute. */
  isTooFar(): boolean {
    const { minMs, maxMs } = this.#bounds ?? { minMs: 0, maxMs: 0 };
    const isApart = minMs > MAX_SKEW_MS || maxMs < -MAX_SKEW_MS;
    return isApart && this.clock.monotonicMs() - this.#seenAtMs < VERDICT_LIFE_MS;
  }
}
