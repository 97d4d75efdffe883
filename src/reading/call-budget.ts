import type { Clock } from '../huawei-cloud/clock.js';

/** A call that waits for its turn. */
interface WaitingCall {
  /** Whose call it is, now. */
  tenants: () => Iterable<string>;
  begin: () => void;
}

/** Of so many tenants it is remembered when they had their last turn. */
const MAX_TENANTS = 1_000;

/**
 * Spreads calls so that there are never more than so many a second, with as many at once after a rest.
 *
 * When there are not enough for all, tenants take turns, whatever number of calls each has; a tenant's own calls have
 * theirs in the order in which they were asked for.
 */
export class CallBudget {
  readonly #clock: Clock;
  readonly #spaceMs: number;
  readonly #waiting = new Set<WaitingCall>();
  /** By tenant, who had it longest ago first. */
  readonly #lastTurns = new Map<string, number>();
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #turns = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#spaceMs = 1_000 / perSecond;
  }

  /**
   * Waits for the turn of one call.
   *
   * @param tenants whose call it is; asked again at every turn
   * @returns false when the wait was broken off
   */
  take(tenants: () => Iterable<string>, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise(resolve => {
      const call: WaitingCall = { tenants, begin: () => end(true) };
      const end = (hasTurn: boolean) => {
        this.#waiting.delete(call);
        signal.removeEventListener('abort', leave);
        resolve(hasTurn);
      };
      const leave = () => end(false);
      signal.addEventListener('abort', leave);
      this.#waiting.add(call);
      this.#giveTurns();
    });
  }

  #giveTurns(): void {
    clearTimeout(this.#timer);
    const nowMs = this.#clock.monotonicMs();
    this.#nextAtMs = Math.max(this.#nextAtMs, nowMs - 1_000);
    while (this.#nextAtMs <= nowMs && this.#giveTurn()) this.#nextAtMs += this.#spaceMs;
    if (this.#waiting.size > 0)
      this.#timer = setTimeout(() => this.#giveTurns(), this.#nextAtMs - nowMs).unref();
  }

  /** @returns whether anybody waited for it */
  #giveTurn(): boolean {
    let next: { call: WaitingCall; tenant: string; lastTurn: number } | undefined;
    for (const call of this.#waiting)
      for (const tenant of call.tenants()) {
        const lastTurn = this.#lastTurns.get(tenant) ?? 0;
        if (next === undefined || lastTurn < next.lastTurn) next = { call, tenant, lastTurn };
      }
    if (next === undefined) return false;
    this.#noteTurn(next.tenant);
    next.call.begin();
    return true;
  }

  #noteTurn(tenant: string): void {
    this.#turns += 1;
    this.#lastTurns.delete(tenant);
    this.#lastTurns.set(tenant, this.#turns);
    if (this.#lastTurns.size <= MAX_TENANTS) return;
    const [oldest = ''] = this.#lastTurns.keys();
    this.#lastTurns.delete(oldest);
  }
}
