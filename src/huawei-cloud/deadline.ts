import type { Clock } from './clock.js';

/** The moment at which one whole operation must have ended, upstream calls and waits included. */
export class Deadline {
  readonly #clock: Clock;
  readonly #endsAtMs: number;

  /** @param timeoutMs milliseconds from now */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#endsAtMs = clock.monotonicMs() + timeoutMs;
  }

  /** Milliseconds left; 0 when the deadline has passed. */
  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.#clock.monotonicMs());
  }
}
