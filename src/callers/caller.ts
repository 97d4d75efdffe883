/** Everything that a caller may do. */
export const ROLES = ['read', 'create', 'delete'] as const;

/** What a caller may do: look things up, create connections, or delete them. */
export type Role = (typeof ROLES)[number];

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
  roles: new Set<Role>(ROLES),
};
