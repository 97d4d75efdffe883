import type { Clock, Deadline } from '../lib/time.js';
import { AuthenticationError } from './authenticator.js';

/** A loaded value and its life, in milliseconds from the moment it was loaded. */
export interface LoadedValue<T> {
  value: T;
  lifeMs: number;
  /** After this the next use starts a new load in the background. */
  refreshAfterMs: number;
}

interface HeldValue<T> {
  value: T;
  refreshAtMs: number;
  expiresAtMs: number;
}

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/**
 * One value that many calls share: loaded once at a time, renewed early, kept until it expires.
 *
 * While loading fails it is tried again after 1 s, then 2 s, up to 30 s, each shortened by up to half
 * at random so that several processes spread out; calls in between fail at once with the last reason.
 */
export class RefreshingValue<T> {
  readonly #load: () => Promise<LoadedValue<T>>;
  readonly #clock: Clock;
  readonly #random: () => number;
  #held: HeldValue<T> | undefined;
  #loading: Promise<T> | undefined;
  /** Counts what the value depends on; a load that began before says nothing any more. */
  #generation = 0;
  #failures = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #lastError: unknown;

  /** @param random a number from 0 to 1, for the spread of retries */
  constructor(load: () => Promise<LoadedValue<T>>, clock: Clock, random: () => number = Math.random) {
    this.#load = load;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * The value, waiting for a load only when none is held.
   *
   * @throws {AuthenticationError} when it cannot be had before the deadline, or what the load threw
   */
  async get(deadline: Deadline): Promise<T> {
    const nowMs = this.#clock.monotonicMs();
    const held = this.#held;
    if (held !== undefined && nowMs < held.expiresAtMs) {
      if (nowMs >= held.refreshAtMs && nowMs >= this.#retryAtMs) {
        // A failed early renewal is not this call's concern: the held value is still good.
        this.#startLoading().catch(() => undefined);
      }
      return held.value;
    }
    if (this.#loading === undefined && nowMs < this.#retryAtMs) throw this.#lastError;
    return before(deadline, this.#startLoading());
  }

  /** Whether this very value is held and good now. */
  holds(value: T): boolean {
    return this.#held?.value === value && this.isHeld();
  }

  /** Whether any value is held that is good now. */
  isHeld(): boolean {
    return this.#held !== undefined && this.#clock.monotonicMs() < this.#held.expiresAtMs;
  }

  /** Forgets a value that turned out to be bad, unless a newer one has taken its place. */
  discard(value: T): void {
    if (this.#held?.value === value) this.#held = undefined;
  }

  /** Loads anew, because what the value depends on has changed. What is held stays in use until then. */
  renew(): void {
    this.#generation += 1;
    this.#loading = undefined;
    this.#failures = 0;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    if (this.#held !== undefined) this.#held.refreshAtMs = Number.NEGATIVE_INFINITY;
    this.#startLoading().catch(() => undefined);
  }

  #startLoading(): Promise<T> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = this.#loadOnce(this.#generation).finally(() => {
      if (this.#loading === loading) this.#loading = undefined;
    });
    this.#loading = loading;
    return loading;
  }

  async #loadOnce(generation: number): Promise<T> {
    try {
      const { value, lifeMs, refreshAfterMs } = await this.#load();
      if (generation !== this.#generation) return await this.#startLoading();
      const nowMs = this.#clock.monotonicMs();
      this.#held = { value, refreshAtMs: nowMs + refreshAfterMs, expiresAtMs: nowMs + lifeMs };
      this.#failures = 0;
      return value;
    } catch (error) {
      if (generation !== this.#generation) return await this.#startLoading();
      const backOffMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
      this.#failures += 1;
      this.#retryAtMs = this.#clock.monotonicMs() + backOffMs * (1 - this.#random() / 2);
      this.#lastError = error;
      throw error;
    }
  }
}

async function before<T>(deadline: Deadline, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new AuthenticationError('UNAVAILABLE', 'IAM did not answer in time.')),
      deadline.remainingMs(),
    );
  });
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
