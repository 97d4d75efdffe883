import type { Metrics } from '../metrics/metrics.js';
import { CONNECTION_QUOTAS } from './client-connections.js';
import type { LoadShedder } from './load-shedder.js';

/** Requests of one tenant that may wait for their turn: one on each connection that a tenant may have. */
export const MAX_WAITING_REQUESTS = CONNECTION_QUOTAS.perTenant + CONNECTION_QUOTAS.sparePerTenant;

/** Iterations of the event loop after a turn: one for each millisecond that it took, but at most this many. */
const MAX_PAUSE_ITERATIONS = 16;

const TOO_MANY_WAITING = { error: 'tooManyWaiting', retryAfterSeconds: 5 } as const;
const OVERLOADED = { error: 'overloaded', retryAfterSeconds: 1 } as const;

/** The callbacks of one tenant's waiting requests: first of those that have started, then of new ones. */
interface Queue {
  started: (() => void)[];
  new: (() => void)[];
}

/**
 * Fair scheduler: one request runs at a time, round-robin by tenant. Between requests the event loop serves its
 * sockets, because it accepts only one connection per iteration. A request with several lists takes a turn for each.
 *
 * Requests wait instead of being refused, since a client that waits for a response sends nothing else meanwhile.
 */
export class RequestScheduler {
  /** By tenant; the one whose turn is next comes first. */
  readonly #waiting = new Map<string, Queue>();
  #isTurnTaken = false;

  constructor(
    private readonly loadShedder: LoadShedder,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Waits for the first turn of a request. Resolves at once, with the error to respond with, when too many requests of
   * the tenant wait, or when the process is overloaded and any of them wait: a tenant with none is not the cause.
   */
  async admit(tenant: string): Promise<typeof TOO_MANY_WAITING | typeof OVERLOADED | undefined> {
    const waiting = this.#waiting.get(tenant)?.new.length ?? 0;
    if (waiting >= MAX_WAITING_REQUESTS) {
      this.metrics.count('dli_gateway_rate_limited_total', { kind: 'waitingRequests' });
      return TOO_MANY_WAITING;
    }
    if (waiting > 0 && !this.loadShedder.admit()) return OVERLOADED;
    await this.#turn(tenant, 'new');
    return undefined;
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
    setImmediate(() => {
      const endedAtMs = performance.now();
      const durationMs = endedAtMs - startedAtMs;
      this.#pause(Math.min(MAX_PAUSE_ITERATIONS, durationMs), endedAtMs + durationMs);
    });
  }

  /** Gives the sockets at most as much time as the turn took, so that senders without a token do not starve tenants. */
  #pause(iterations: number, untilMs: number): void {
    if (iterations < 1 || performance.now() >= untilMs) this.#startNextTurn();
    else setImmediate(() => this.#pause(iterations - 1, untilMs));
  }

  #startNextTurn(): void {
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
