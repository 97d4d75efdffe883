import type { Clock } from '../lib/time.js';

/** A reading that may have to wait before it begins. */
export interface SharedReading {
  /** The tenants who share it, to whom others may still come. */
  tenants: ReadonlySet<string>;
  /** Notes that it begins now: what it finds is no older. */
  begin(): void;
}

/** One reading of something, which whoever asks at about the same time shares. */
export class SharedRead<T> {
  readonly #clock: Clock;
  #current: { result: Promise<T>; tenants: Set<string>; begunAtMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What is read now, or was begun to be read at most so long ago. A reading that fails is told to all who wait
   * for it, and to nobody after.
   *
   * @param tenant who asks
   * @param read begins a reading, if one is needed
   */
  get(maxAgeMs: number, tenant: string, read: (reading: SharedReading) => Promise<T>): Promise<T> {
    const current = this.#current;
    if (current === undefined || this.#clock.monotonicMs() - current.begunAtMs > maxAgeMs)
      return this.renew(read, [tenant]);
    current.tenants.add(tenant);
    return current.result;
  }

  /** Begins a reading whatever is known, which those who ask from now on share. */
  renew(read: (reading: SharedReading) => Promise<T>, tenants: readonly string[] = []): Promise<T> {
    // Until it begins it cannot become old.
    const current = { tenants: new Set(tenants), begunAtMs: Number.POSITIVE_INFINITY };
    const begin = () => {
      current.begunAtMs = this.#clock.monotonicMs();
    };
    const result = read({ tenants: current.tenants, begin });
    const known = Object.assign(current, { result });
    this.#current = known;
    result.catch(() => {
      if (this.#current === known) this.#current = undefined;
    });
    return result;
  }

  /** Forgets what was read, and has nobody wait for what is being read. */
  forget(): void {
    this.#current = undefined;
  }
}
