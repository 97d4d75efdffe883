import type { TraceContext } from '../lib/logger.js';
import { newTrace } from '../lib/logger.js';
import type { Clock, Deadline } from '../lib/time.js';
import { withTimeout } from '../lib/time.js';
import { AuthenticationError } from './authenticator.js';

/** A loaded value and its lifetime, in milliseconds from the load. */
interface LoadedValue<T> {
  value: T;
  lifeMs: number;
  /** After this time, the next use starts a reload in the background. */
  refreshAfterMs: number;
}

interface CachedValue<T> {
  value: T;
  refreshAtMs: number;
  expiresAtMs: number;
}

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/**
 * Refresh-ahead cache of one value: a single load at a time, an early reload in the background, use until expiry.
 *
 * Failed loads back off from 1 s to 30 s, with a jitter of up to half; calls in between fail immediately with the
 * last error.
 */
export class RefreshingValue<T> {
  #cached: CachedValue<T> | undefined;
  #loading: Promise<T> | undefined;
  /** Number of reloads; the result of a load from an earlier generation is discarded. */
  #generation = 0;
  #failures = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #lastError: unknown;

  constructor(
    private readonly load: (trace: TraceContext) => Promise<LoadedValue<T>>,
    private readonly clock: Clock,
  ) {}

  /**
   * Returns the value; waits for a load only if none is cached.
   *
   * @param checkLoad called before such a wait; what it throws prevents it
   * @param trace of the load, if this call starts it
   * @throws {AuthenticationError} UNAVAILABLE if the load does not end before the deadline; else what the load threw
   */
  async get(deadline: Deadline, checkLoad: () => void, trace: TraceContext): Promise<T> {
    const nowMs = this.clock.monotonicMs();
    const cached = this.#cached;
    if (cached !== undefined && nowMs < cached.expiresAtMs) {
      if (nowMs >= cached.refreshAtMs && nowMs >= this.#retryAtMs) {
        // The failure of an early reload does not matter while the cached value is valid.
        this.#startLoad(trace).catch(() => undefined);
      }
      return cached.value;
    }
    checkLoad();
    if (this.#loading === undefined && nowMs < this.#retryAtMs) throw this.#lastError;
    return withTimeout(deadline.remainingMs(), this.#startLoad(trace), () => {
      throw new AuthenticationError('UNAVAILABLE', 'IAM did not answer in time.');
    });
  }

  /** Whether `value` is the cached value and has not expired. */
  isCurrent(value: T): boolean {
    return this.#cached?.value === value && this.hasValue();
  }

  /** Expiry of the cached value in monotonic time; undefined if there is none. */
  get expiresAtMs(): number | undefined {
    return this.hasValue() ? this.#cached?.expiresAtMs : undefined;
  }

  /** Whether there is no value and the last load has failed. */
  isUnavailable(): boolean {
    return this.#failures > 0 && !this.hasValue();
  }

  /** Whether a cached value has not expired. */
  hasValue(): boolean {
    return this.#cached !== undefined && this.clock.monotonicMs() < this.#cached.expiresAtMs;
  }

  /** Discards a value that turned out to be invalid, unless it was already replaced. */
  discard(value: T): void {
    if (this.#cached?.value === value) this.#cached = undefined;
  }

  /** Reloads the value because its inputs changed. The cached value stays in use until then. */
  reload(): void {
    this.#generation += 1;
    this.#loading = undefined;
    this.#failures = 0;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    if (this.#cached !== undefined) this.#cached.refreshAtMs = Number.NEGATIVE_INFINITY;
    this.#startLoad(newTrace()).catch(() => undefined);
  }

  #startLoad(trace: TraceContext): Promise<T> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = this.#loadOnce(this.#generation, trace).finally(() => {
      if (this.#loading === loading) this.#loading = undefined;
    });
    this.#loading = loading;
    return loading;
  }

  async #loadOnce(generation: number, trace: TraceContext): Promise<T> {
    const [result] = await Promise.allSettled([this.load(trace)]);
    if (generation !== this.#generation) return this.#startLoad(trace);
    const nowMs = this.clock.monotonicMs();
    if (result.status === 'rejected') {
      const backOffMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
      this.#failures += 1;
      this.#retryAtMs = nowMs + backOffMs * (1 - Math.random() / 2);
      this.#lastError = result.reason;
      throw result.reason;
    }
    const { value, lifeMs, refreshAfterMs } = result.value;
    this.#cached = { value, refreshAtMs: nowMs + refreshAfterMs, expiresAtMs: nowMs + lifeMs };
    this.#failures = 0;
    return value;
  }
}
