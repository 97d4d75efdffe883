import type { Deadline } from './deadline.js';

interface Waiter {
  proceed(): void;
}

/** A limited number of places for work that runs at the same time, given out in order of arrival. */
export class Slots {
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Waiter>();
  #free: number;

  constructor(places: number, maxWaiting: number) {
    this.#free = places;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Takes a place, waiting for one at most `maxWaitMs` and never past the deadline.
   *
   * @returns 'taken'; 'full' when too many wait already; 'timeout' when no place became free in time
   */
  async acquire(deadline: Deadline, maxWaitMs: number): Promise<'taken' | 'full' | 'timeout'> {
    if (this.#free > 0) {
      this.#free -= 1;
      return 'taken';
    }
    if (this.#waiting.size >= this.#maxWaiting) return 'full';
    return new Promise(resolve => {
      const waiter: Waiter = {
        proceed: () => {
          stopTimer();
          resolve('taken');
        },
      };
      const stopTimer = deadline.startTimer(maxWaitMs, () => {
        this.#waiting.delete(waiter);
        resolve('timeout');
      });
      this.#waiting.add(waiter);
    });
  }

  /** Gives a place back, to whoever has waited longest. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next.proceed();
  }
}
