/** Limits the connections that one tenant keeps open: event streams, WebSockets and waiting queries. */
export interface ConnectionQuota {
  /**
   * Counts one more open connection.
   *
   * @returns a function to call once when the connection closes; undefined when the quota is used up
   */
  acquire(tenant: string): (() => void) | undefined;
}

// A quarter of the server's connections, so that one tenant cannot lock out the others.
const MAX_CONNECTIONS_OF_TENANT = 500;

/** At most 500 open connections per tenant in this process. */
export class TenantConnectionQuota implements ConnectionQuota {
  readonly #open = new Map<string, number>();

  acquire(tenant: string): (() => void) | undefined {
    const open = this.#open.get(tenant) ?? 0;
    if (open >= MAX_CONNECTIONS_OF_TENANT) return undefined;
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
