import type { Clock } from '../lib/time.js';

const SLOTS = 60;
const MAX_SHARE = 0.1;
const FLOOR_SLOTS = 10;
const FLOOR = 3;

/**
 * Retry budget of all creates of the process: 10 % of the calls of the last minute, and at least 3 in 10 s. Retries
 * thus cannot multiply the load on a failing upstream.
 */
export class RetryBudget {
  /** Per second of the last minute. */
  readonly #calls = new Uint32Array(SLOTS);
  readonly #retries = new Uint32Array(SLOTS);
  #second = Number.NEGATIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  /** Counts a first request. */
  addCall(): void {
    const slot = this.#slot();
    this.#calls[slot] = (this.#calls[slot] ?? 0) + 1;
  }

  /** Takes one retry out of the budget. False when it is used up. */
  take(): boolean {
    const slot = this.#slot();
    const earned = Math.floor(sum(this.#calls) * MAX_SHARE);
    if (sum(this.#retries) >= earned && this.#recentRetries() >= FLOOR) return false;
    this.#retries[slot] = (this.#retries[slot] ?? 0) + 1;
    return true;
  }

  #recentRetries(): number {
    let total = 0;
    for (let back = 0; back < FLOOR_SLOTS; back += 1) {
      total += this.#retries[(this.#second - back + SLOTS) % SLOTS] ?? 0;
    }
    return total;
  }

  /** The slot of this second. Empties the slots of the seconds since the last call. */
  #slot(): number {
    const second = Math.floor(this.clock.monotonicMs() / 1_000);
    for (let passed = Math.max(this.#second + 1, second - SLOTS + 1); passed <= second; passed += 1) {
      this.#calls[passed % SLOTS] = 0;
      this.#retries[passed % SLOTS] = 0;
    }
    this.#second = second;
    return second % SLOTS;
  }
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
