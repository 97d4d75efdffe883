/** Requests of one tenant that may wait for their turn: one on each connection that a tenant may have, see compose.ts. */
const MAX_WAITING = 600;

/** Iterations of the event loop after a turn: one for each millisecond that it took, but at most this many. */
const MAX_PAUSE = 16;

/** What to call for the requests of one tenant that wait: those that have started, and new ones after them. */
interface Queue {
  started: (() => void)[];
  new: (() => void)[];
}

/**
 * Shares the event loop between tenants: one request goes on at a time, and tenants take turns (round robin), however
 * many requests each of them has sent. Between turns the loop serves its sockets: it accepts one connection in each
 * iteration, so that with long turns and no pause new callers would wait behind a flood of connections.
 *
 * Requests wait instead of being refused, since a client that waits for a response sends nothing more meanwhile.
 */
export class RequestScheduler {
  /** By tenant; the one whose turn is next comes first. */
  readonly #waiting = new Map<string, Queue>();
  #isTurnTaken = false;

  /** Waits for the first turn of a request. Resolves to false at once when too many requests of the tenant wait. */
  async admit(tenant: string): Promise<boolean> {
    if ((this.#waiting.get(tenant)?.new.length ?? 0) >= MAX_WAITING) return false;
    await this.#turn(tenant, 'new');
    return true;
  }

  /** Waits for the next turn of a request that was admitted, before it does more work. */
  nextTurn(tenant: string): Promise<void> {
    return this.#turn(tenant, 'started');
  }

  #turn(tenant: string, kind: keyof Queue): Promise<void> {
    if (!this.#isTurnTaken) {
      this.#takeTurn();
      return Promise.resolve();
    }
    const queue = this.#waiting.get(tenant) ?? { started: [], new: [] };
    this.#waiting.set(tenant, queue);
    return new Promise(resolve => queue[kind].push(resolve));
  }

  #takeTurn(): void {
    this.#isTurnTaken = true;
    const startedAtMs = performance.now();
    setImmediate(() => this.#pause(Math.min(MAX_PAUSE, performance.now() - startedAtMs)));
  }

  #pause(iterations: number): void {
    if (iterations < 1) this.#goOn();
    else setImmediate(() => this.#pause(iterations - 1));
  }

  #goOn(): void {
    this.#isTurnTaken = false;
    const [next] = this.#waiting;
    if (next === undefined) return;
    const [tenant, queue] = next;
    const resolve = queue.started.shift() ?? queue.new.shift();
    // A tenant with more requests goes to the end of the line.
    this.#waiting.delete(tenant);
    if (queue.started.length + queue.new.length > 0) this.#waiting.set(tenant, queue);
    this.#takeTurn();
    resolve?.();
  }
}
