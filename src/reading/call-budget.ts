import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../huawei-cloud/clock.js';

/** Spreads calls so that there are never more than so many a second, with as many at once after a rest. */
export class CallBudget {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #nextAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /**
   * Waits for the turn of one call; turns are given in the order in which they were asked for.
   *
   * @returns false when the wait was broken off
   */
  async take(signal: AbortSignal): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    const turnAtMs = Math.max(this.#nextAtMs, nowMs - 1_000);
    const spaceMs = 1_000 / this.#perSecond;
    this.#nextAtMs = turnAtMs + spaceMs;
    if (turnAtMs > nowMs)
      await delay(turnAtMs - nowMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (!signal.aborted) return true;
    // Whoever leaves takes no turn from those who come after.
    this.#nextAtMs -= spaceMs;
    return false;
  }
}
