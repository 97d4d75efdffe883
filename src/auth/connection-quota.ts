/** Limits the connections that one tenant keeps open: event streams, WebSockets and waiting queries. */
export interface ConnectionQuota {
  /** Counts one more open connection until the returned function is called; undefined when the quota is used up. */
  acquire(tenant: string): (() => void) | undefined;
}

// A quarter of the server's connections, so that one tenant cannot lock out the others.
const MAX_CONNECTIONS_OF_TENANT = 500;

/** Limits the open connections of each tenant in this process. */
export class TenantConnectionQuota implements ConnectionQuota {
  readonly #open = new Map<string, number>();

  /** @param max open connections per tenant; 500 by default */
  constructor(private readonly max = MAX_CONNECTIONS_OF_TENANT) {}

  acquire(tenant: string): (() => void) | undefined {
    const open = this.#open.get(tenant) ?? 0;
    if (open >= this.max) return undefined;
    this.#open.set(tenant, open + 1);
    return () => this.#release(tenant);
  }

  #release(tenant: string): void {
    const left = (this.#open.get(tenant) ?? 1) - 1;
    if (left === 0) this.#open.delete(tenant);
    else this.#open.set(tenant, left);
  }
}

/** No limit per tenant, for gateways whose callers are anonymous. */
export const UNLIMITED_CONNECTIONS: ConnectionQuota = { acquire: () => () => {} };
