import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/time.js';

interface FairRateLimiterOptions {
  /** Sustained calls per second, and the size of a burst. */
  perSecond: number;
  /** Maximum number of calls in flight. */
  maxConcurrent: number;
  /** Maximum number of queued calls per tenant. Default: unlimited. */
  maxQueuedPerTenant?: number;
}

/** A read was not sent to DLI, because too many others were queued. */
export class ReadQueueFullError extends Error {
  override readonly name = 'ReadQueueFullError';
}

/** The permit of a call in flight. */
export interface RateLimitPermit {
  /** Returns the call's token, because no request was sent. */
  refund(): void;
  /** Takes a token for one more request, unless other calls are waiting. */
  tryTakeAnother(): boolean;
  /** Makes room for another call before this one ends, because it is only waiting. */
  leave(): void;
}

interface QueuedCall {
  tenants: () => Iterable<string>;
  start: () => void;
}

/** The limiter remembers the last call of this many tenants. */
const MAX_TENANTS = 1_000;

/**
 * Token-bucket limiter (`perSecond`, burst of one second) with a concurrency cap. Queued calls are served round-robin
 * by tenant, FIFO within a tenant.
 */
export class FairRateLimiter {
  readonly #spacingMs: number;
  readonly #queue = new Set<QueuedCall>();
  /** Sequence number of the last call of each tenant. */
  readonly #lastServed = new LRUCache<string, number>({ max: MAX_TENANTS });
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #served = 0;
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly options: FairRateLimiterOptions,
  ) {
    this.#spacingMs = 1_000 / options.perSecond;
  }

  /**
   * Runs a call as soon as the limits and the other tenants permit.
   *
   * @param tenants returns the tenants that share the call; they may change while it is queued
   * @param signal cancels the wait, not the call
   * @returns undefined if the wait was cancelled, or too many calls of the tenants are queued already
   */
  async run<T>(
    tenants: () => Iterable<string>,
    signal: AbortSignal,
    call: (permit: RateLimitPermit) => Promise<T>,
  ): Promise<T | undefined> {
    if (this.#isQueueFull(tenants) || !(await this.#enqueue(tenants, signal))) return undefined;
    let isInFlight = true;
    const leave = () => {
      if (!isInFlight) return;
      isInFlight = false;
      this.#inFlight -= 1;
      this.#drain();
    };
    try {
      return await call({
        refund: () => {
          this.#nextAtMs -= this.#spacingMs;
        },
        tryTakeAnother: () => this.#tryTakeAnother(),
        leave,
      });
    } finally {
      leave();
    }
  }

  #isQueueFull(tenants: () => Iterable<string>): boolean {
    const { maxQueuedPerTenant } = this.options;
    if (maxQueuedPerTenant === undefined) return false;
    const own = new Set(tenants());
    const queued = [...this.#queue].filter(call => [...call.tenants()].some(tenant => own.has(tenant)));
    return queued.length >= maxQueuedPerTenant;
  }

  /** @returns false if the wait was cancelled */
  #enqueue(tenants: () => Iterable<string>, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise(resolve => {
      const call: QueuedCall = { tenants, start: () => leave(true) };
      const leave = (isStarted: boolean) => {
        this.#queue.delete(call);
        signal.removeEventListener('abort', cancel);
        resolve(isStarted);
      };
      const cancel = () => leave(false);
      signal.addEventListener('abort', cancel);
      this.#queue.add(call);
      this.#drain();
    });
  }

  #tryTakeAnother(): boolean {
    if (this.#queue.size > 0 || this.#overdueMs() < 0) return false;
    this.#nextAtMs += this.#spacingMs;
    return true;
  }

  #drain(): void {
    clearTimeout(this.#timer);
    while (this.#queue.size > 0 && this.#hasCapacity() && this.#overdueMs() >= 0) this.#startNext();
    // Without capacity, the end of a call drains the queue.
    if (this.#queue.size > 0 && this.#hasCapacity())
      this.#timer = setTimeout(() => this.#drain(), -this.#overdueMs()).unref();
  }

  #hasCapacity(): boolean {
    return this.#inFlight < this.options.maxConcurrent;
  }

  /** Milliseconds since the next token became available; negative if it is not available yet. */
  #overdueMs(): number {
    const nowMs = this.clock.monotonicMs();
    this.#nextAtMs = Math.max(this.#nextAtMs, nowMs - 1_000);
    return nowMs - this.#nextAtMs;
  }

  #startNext(): void {
    const [first] = this.#queue;
    if (first === undefined) return;
    let next = { call: first, tenant: '', lastServed: Number.POSITIVE_INFINITY };
    for (const call of this.#queue)
      for (const tenant of call.tenants()) {
        const lastServed = this.#lastServed.peek(tenant) ?? 0;
        if (lastServed < next.lastServed) next = { call, tenant, lastServed };
      }
    this.#nextAtMs += this.#spacingMs;
    this.#inFlight += 1;
    this.#served += 1;
    this.#lastServed.set(next.tenant, this.#served);
    next.call.start();
  }
}
