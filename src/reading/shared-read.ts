import type { Clock } from '../huawei-cloud/clock.js';

/** One reading of something, which whoever asks at about the same time shares. */
export class SharedRead<T> {
  readonly #clock: Clock;
  #begunAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<T> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What is read now, or was begun to be read at most so long ago. A reading that fails is told to all who wait
   * for it, and to nobody after.
   *
   * @param read begins a reading, if one is needed
   */
  get(maxAgeMs: number, read: () => Promise<T>): Promise<T> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#reading !== undefined && nowMs - this.#begunAtMs <= maxAgeMs) return this.#reading;
    const reading = read();
    this.#reading = reading;
    this.#begunAtMs = nowMs;
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    return reading;
  }

  /** Forgets what was read, and has nobody wait for what is being read. */
  forget(): void {
    this.#reading = undefined;
  }
}
