/** New requests that one iteration of the event loop handles: some 5 ms of work. */
const MAX_PER_ITERATION = 16;

/**
 * Bounds the new requests that are handled in one iteration of the event loop, and shares them between sources, such as
 * client networks: those that all sockets deliver at once would delay everybody else. Most requests need not wait.
 *
 * It comes before authentication. Between tenants, the {@link RequestScheduler} shares what follows.
 */
export class ArrivalQueue {
  /** By source, in order; the one whose turn is next comes first. */
  readonly #waiting = new Map<unknown, (() => void)[]>();
  #handled = 0;
  #isScheduled = false;

  /** Calls `handle` now or, when this iteration has handled enough, in one of the next ones. */
  add(source: unknown, handle: () => void): void {
    this.#schedule();
    if (this.#waiting.size === 0 && this.#handled < MAX_PER_ITERATION) {
      this.#handled += 1;
      handle();
      return;
    }
    const queue = this.#waiting.get(source);
    if (queue === undefined) this.#waiting.set(source, [handle]);
    else queue.push(handle);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#startIteration());
  }

  #startIteration(): void {
    this.#isScheduled = false;
    this.#handled = 0;
    while (this.#waiting.size > 0 && this.#handled < MAX_PER_ITERATION) {
      this.#handled += 1;
      this.#handleNext();
    }
    if (this.#waiting.size > 0) this.#schedule();
  }

  #handleNext(): void {
    for (const [source, queue] of this.#waiting) {
      const handle = queue.shift();
      // A source with more requests goes to the end of the line.
      this.#waiting.delete(source);
      if (queue.length > 0) this.#waiting.set(source, queue);
      handle?.();
      return;
    }
  }
}
