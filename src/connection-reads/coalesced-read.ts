import type { Clock } from '../lib/time.js';

/** Starts a read for a set of tenants, which grows while the read is queued. Its age counts from `markStarted`. */
export type StartRead<T> = (tenants: ReadonlySet<string>, markStarted: () => void) => Promise<T>;

/** Single-flight read: callers who ask at about the same time share one result. */
export class CoalescedRead<T> {
  #current: { result: Promise<T>; tenants: Set<string>; startedAtMs: number } | undefined;

  /** @param onShared called for each caller that joins another caller's read */
  constructor(
    private readonly clock: Clock,
    private readonly onShared = () => {},
  ) {}

  /**
   * Joins a read that is queued or started at most `maxAgeMs` ago; else starts one. A failure reaches the callers
   * that wait for it and is not cached.
   */
  get(maxAgeMs: number, tenant: string, start: StartRead<T>): Promise<T> {
    const current = this.#current;
    if (current === undefined || this.clock.monotonicMs() - current.startedAtMs > maxAgeMs)
      return this.restart(start, [tenant]);
    this.onShared();
    current.tenants.add(tenant);
    return current.result;
  }

  /** Starts a read, regardless of the current one, for all subsequent callers to share. */
  restart(start: StartRead<T>, tenants: readonly string[] = []): Promise<T> {
    // A queued read does not age.
    const queued = { tenants: new Set(tenants), startedAtMs: Number.POSITIVE_INFINITY };
    const markStarted = () => {
      queued.startedAtMs = this.clock.monotonicMs();
    };
    const result = start(queued.tenants, markStarted);
    const current = Object.assign(queued, { result });
    this.#current = current;
    result.catch(() => this.discard(result));
    return result;
  }

  /** Discards this result, unless a later read has replaced it. */
  discard(result: Promise<T>): void {
    if (this.#current?.result === result) this.#current = undefined;
  }

  /** Discards the result; later callers do not join a running read either. */
  clear(): void {
    this.#current = undefined;
  }
}
