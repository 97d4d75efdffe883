import type { Socket } from 'node:net';

/** New requests that one iteration of the event loop handles: some 5 ms of work. */
const MAX_PER_ITERATION = 16;
/** New requests of one source that may wait: a fraction of a second of work. */
const MAX_WAITING = 1_000;

interface Arrival {
  socket: Socket;
  handle: () => void;
}

/**
 * Bounds how many new requests one iteration of the event loop handles, and shares them between sources, such as client
 * networks: one iteration may read requests from every socket, and until it ends no other work is done.
 *
 * It comes before authentication. Between tenants, the {@link RequestScheduler} shares what follows.
 */
export class ArrivalQueue {
  /** By source, in order; the one whose turn is next comes first. */
  readonly #waiting = new Map<unknown, Arrival[]>();
  #handled = 0;
  #isScheduled = false;

  /**
   * Calls `handle` now or, when this iteration has handled enough, in one of the next ones, unless `socket` is closed by
   * then. Returns false when too many requests of the source wait.
   */
  add(source: unknown, socket: Socket, handle: () => void): boolean {
    this.#schedule();
    if (this.#waiting.size === 0 && this.#handled < MAX_PER_ITERATION) {
      this.#handled += 1;
      handle();
      return true;
    }
    const queue = this.#waiting.get(source) ?? [];
    if (queue.length >= MAX_WAITING) return false;
    queue.push({ socket, handle });
    this.#waiting.set(source, queue);
    return true;
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
      const next = this.#takeNext();
      // A closed connection does not use up a turn.
      if (next === undefined || next.socket.destroyed) continue;
      this.#handled += 1;
      next.handle();
    }
    if (this.#waiting.size > 0) this.#schedule();
  }

  #takeNext(): Arrival | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [source, queue] = first;
    const next = queue.shift();
    // A source with more requests goes to the end of the line.
    this.#waiting.delete(source);
    if (queue.length > 0) this.#waiting.set(source, queue);
    return next;
  }
}
