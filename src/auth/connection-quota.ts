/** Limits what each tenant, or each client network, keeps open at a time. */
export interface ConnectionQuota {
  /** Counts one more of this holder until the returned function is called; undefined when the quota is used up. */
  acquire(holder: string): (() => void) | undefined;
}

/** Limits the number of open connections of each holder in this process. */
export class KeyedConnectionQuota implements ConnectionQuota {
  readonly #open = new Map<string, number>();

  /** @param max open connections per holder */
  constructor(private readonly max: number) {}

  acquire(holder: string): (() => void) | undefined {
    const open = this.#open.get(holder) ?? 0;
    if (open >= this.max) return undefined;
    this.#open.set(holder, open + 1);
    return () => this.#release(holder);
  }

  #release(holder: string): void {
    const left = (this.#open.get(holder) ?? 1) - 1;
    if (left === 0) this.#open.delete(holder);
    else this.#open.set(holder, left);
  }
}

/** No limit, for gateways whose callers are anonymous. */
export const UNLIMITED_CONNECTIONS: ConnectionQuota = { acquire: () => () => {} };
