import type { Clock } from './clock.js';

/** Refusals of one credential that are allowed within the window. */
const MAX_REFUSALS = 3;
const WINDOW_MS = 5 * 60_000;

/** The refusals of one credential in the last 5 minutes and since DLI last accepted it: full at three. */
export class RefusalWindow {
  readonly #clock: Clock;
  #timesMs: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many there were, up to three. */
  count(): number {
    if (this.#timesMs.length === 0) return 0;
    const startMs = this.#clock.monotonicMs() - WINDOW_MS;
    this.#timesMs = this.#timesMs.filter(timeMs => timeMs > startMs);
    return this.#timesMs.length;
  }

  /** Milliseconds until another refusal fits in; 0 when it does now. */
  fullForMs(): number {
    if (this.count() < MAX_REFUSALS) return 0;
    return Math.max(0, (this.#timesMs[0] ?? 0) + WINDOW_MS - this.#clock.monotonicMs());
  }

  /** Forgets them all: Huawei Cloud counts refusals in a row. */
  clear(): void {
    this.#timesMs = [];
  }

  /** Adds one that happened now. */
  add(): void {
    // Requests that were under way may be refused beyond the limit; the latest ones decide.
    this.#timesMs = [...this.#timesMs, this.#clock.monotonicMs()].slice(-MAX_REFUSALS);
  }
}
