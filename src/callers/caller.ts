/** What a caller may do: look things up, or create connections. */
export type Role = 'read' | 'create';

/** Who sent a request. */
export interface Caller {
  /** Separates records, limits and idempotency keys of callers who have nothing to do with each other. */
  readonly tenant: string;
  readonly subject: string;
  readonly roles: ReadonlySet<Role>;
}

/** Everybody, where callers are not told apart. */
export const EVERYBODY: Caller = {
  tenant: 'everybody',
  subject: 'anonymous',
  roles: new Set<Role>(['read', 'create']),
};
