import type { Clock } from '../lib/time.js';

/** How many calls there may be. */
interface FairRateLimiterOptions {
  clock: Clock;
  perSecond: number;
  /** How many may be under way at the same time. */
  atATime: number;
  /** How many of one tenant may wait; undefined where something else bounds them, as looks are by their watches. */
  maxWaitingOfTenant?: number;
}

/** What a call may do with its place in the budget. */
export interface RateLimitPermit {
  /** Gives the call back, since none is made. */
  giveBack(): void;
  /** Takes a further call, if nobody waits for it. */
  takeAnother(): boolean;
}

/** So many calls of one tenant wait already that another one must not. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
}

interface WaitingCall {
  tenants: () => Iterable<string>;
  begin: () => void;
}

/** Of so many tenants it is remembered when they had their last turn. */
const MAX_TENANTS = 1_000;

/**
 * Spreads calls so that there are never more than so many a second, with as many at once after a rest, and never more
 * than so many at a time.
 *
 * When there are not enough for all, tenants take turns, whatever number of calls each has; a tenant's own calls have
 * theirs in the order in which they were asked for.
 */
export class FairRateLimiter {
  readonly #options: FairRateLimiterOptions;
  readonly #spaceMs: number;
  readonly #waiting = new Set<WaitingCall>();
  /** By tenant, who had it longest ago first. */
  readonly #lastTurns = new Map<string, number>();
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #turns = 0;
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FairRateLimiterOptions) {
    this.#options = options;
    this.#spaceMs = 1_000 / options.perSecond;
  }

  /**
   * Makes a call as soon as it has its turn.
   *
   * @param tenants whose call it is; asked again at every turn
   * @param signal breaks off the wait, not the call
   * @returns undefined when the wait was broken off
   * @throws {QueueFullError}
   */
  async run<T>(
    tenants: () => Iterable<string>,
    signal: AbortSignal,
    call: (turn: RateLimitPermit) => Promise<T>,
  ): Promise<T | undefined> {
    this.#checkWaiting(tenants);
    if (!(await this.#wait(tenants, signal))) return undefined;
    try {
      return await call({
        giveBack: () => {
          this.#nextAtMs -= this.#spaceMs;
        },
        takeAnother: () => this.#takeAnother(),
      });
    } finally {
      this.#underWay -= 1;
      this.#giveTurns();
    }
  }

  #checkWaiting(tenants: () => Iterable<string>): void {
    const { maxWaitingOfTenant } = this.#options;
    if (maxWaitingOfTenant === undefined) return;
    const mine = new Set(tenants());
    let waiting = 0;
    for (const call of this.#waiting) if ([...call.tenants()].some(tenant => mine.has(tenant))) waiting += 1;
    if (waiting >= maxWaitingOfTenant) throw new QueueFullError();
  }

  /** @returns false when the wait was broken off */
  #wait(tenants: () => Iterable<string>, signal: AbortSignal): Promise<boolean> {
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

  #takeAnother(): boolean {
    if (this.#waiting.size > 0 || this.#lateMs() < 0) return false;
    this.#nextAtMs += this.#spaceMs;
    return true;
  }

  #giveTurns(): void {
    clearTimeout(this.#timer);
    while (this.#waiting.size > 0 && this.#underWay < this.#options.atATime && this.#lateMs() >= 0)
      this.#giveTurn();
    // The end of a call gives the next turn when as many as may are under way.
    if (this.#waiting.size > 0 && this.#underWay < this.#options.atATime)
      this.#timer = setTimeout(() => this.#giveTurns(), -this.#lateMs()).unref();
  }

  /** How long ago the next turn could have been given, in milliseconds; negative when it is still to come. */
  #lateMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    this.#nextAtMs = Math.max(this.#nextAtMs, nowMs - 1_000);
    return nowMs - this.#nextAtMs;
  }

  #giveTurn(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    let next = { call: first, tenant: '', lastTurn: Number.POSITIVE_INFINITY };
    for (const call of this.#waiting)
      for (const tenant of call.tenants()) {
        const lastTurn = this.#lastTurns.get(tenant) ?? 0;
        if (lastTurn < next.lastTurn) next = { call, tenant, lastTurn };
      }
    this.#nextAtMs += this.#spaceMs;
    this.#underWay += 1;
    this.#noteTurn(next.tenant);
    next.call.begin();
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
