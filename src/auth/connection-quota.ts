/** Counts the connections that tenants hold open: event streams, WebSockets, and queries that wait. */
export interface HeldConnections {
  /** Counts one more; gives what to call, once, when it ends, and undefined when it is one too many. */
  hold(tenant: string): (() => void) | undefined;
}

// A quarter of what the server takes, so that one tenant cannot keep the others out.
const MAX_HELD_BY_TENANT = 500;

/** Counts them by tenant, in this process, whose connections they are. */
export class TenantConnections implements HeldConnections {
  readonly #held = new Map<string, number>();
  readonly #most: number;

  constructor(most = MAX_HELD_BY_TENANT) {
    this.#most = most;
  }

  hold(tenant: string): (() => void) | undefined {
    const held = this.#held.get(tenant) ?? 0;
    if (held >= this.#most) return undefined;
    this.#held.set(tenant, held + 1);
    return () => this.#release(tenant);
  }

  #release(tenant: string): void {
    const left = (this.#held.get(tenant) ?? 1) - 1;
    if (left === 0) this.#held.delete(tenant);
    else this.#held.set(tenant, left);
  }
}

/** Lets callers who are not told apart hold as many as the server takes. */
export const UNCOUNTED_CONNECTIONS: HeldConnections = { hold: () => () => {} };
