import type { Clock } from './clock.js';

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
   * Calls back when so much time has passed, or the deadline has, by its clock.
   *
   * @returns what stops the wait
   */
  startTimer(limitMs: number, callback: () => void): () => void {
    const endsAtMs = this.#clock.monotonicMs() + Math.min(limitMs, this.remainingMs());
    let timer: NodeJS.Timeout;
    const wait = () => {
      timer = setTimeout(
        () => (this.#clock.monotonicMs() < endsAtMs ? wait() : callback()),
        endsAtMs - this.#clock.monotonicMs(),
      );
    };
    wait();
    return () => clearTimeout(timer);
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
