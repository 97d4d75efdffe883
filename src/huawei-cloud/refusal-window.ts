import type { Clock } from '../lib/time.js';

/** Refusals that are allowed within the window. */
const MAX_REFUSALS = 3;
const WINDOW_MS = 5 * 60_000;

/**
 * The refusals of the last 5 minutes that Huawei Cloud may add up, of one credential or of several that stand for
 * one user; each credential's are forgotten when it is accepted. Full at three.
 */
export class RefusalWindow {
  readonly #clock: Clock;
  #refusals: { atMs: number; credential: object }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many there were. */
  count(): number {
    if (this.#refusals.length === 0) return 0;
    const startMs = this.#clock.monotonicMs() - WINDOW_MS;
    this.#refusals = this.#refusals.filter(({ atMs }) => atMs > startMs);
    return this.#refusals.length;
  }

  /** Milliseconds until another refusal fits in; 0 when it does now. */
  fullForMs(): number {
    if (this.count() < MAX_REFUSALS) return 0;
    // Requests that were under way may be refused beyond the limit; the latest ones decide.
    const firstAtMs = this.#refusals.at(-MAX_REFUSALS)?.atMs ?? 0;
    return Math.max(0, firstAtMs + WINDOW_MS - this.#clock.monotonicMs());
  }

  /** Forgets those of one credential: Huawei Cloud counts refusals in a row. */
  clear(credential: object): void {
    this.#refusals = this.#refusals.filter(refusal => refusal.credential !== credential);
  }

  /** Adds one that happened now. */
  add(credential: object): void {
    this.#refusals = [...this.#refusals, { atMs: this.#clock.monotonicMs(), credential }];
  }
}
