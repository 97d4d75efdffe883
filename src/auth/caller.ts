/** All roles, in the order of the documentation. */
export const ROLES = ['read', 'create', 'delete'] as const;

/** A permission of a caller: to read, create or delete connections. */
export type Role = (typeof ROLES)[number];

/** The sender of a request. */
export interface Caller {
  /** Separates the records, rate limits and idempotency keys of unrelated callers. */
  readonly tenant: string;
  /** The caller within the tenant, for the audit log. */
  readonly subject: string;
  readonly roles: ReadonlySet<Role>;
}

const ANONYMOUS_CALLER: Caller = {
  // Stored: do not rename. Records are keyed by tenant.
  tenant: 'everybody',
  subject: 'anonymous',
  roles: new Set<Role>(ROLES),
};

/** A caller whose credentials were accepted. */
export interface AuthenticatedCaller {
  kind: 'authenticated';
  caller: Caller;
  /** Expiry in milliseconds since 1970-01-01 UTC; undefined for no expiry. */
  validUntilMs?: number;
}

/**
 * The result of checking the credentials of a request. `authUnavailable`: the issuer's keys are unavailable, so no
 * token can be verified now. `reason` is for the log only: callers get the same message for every reason.
 */
export type AuthenticationResult =
  | AuthenticatedCaller
  | { kind: 'unauthenticated'; reason: string }
  | { kind: 'rateLimited'; reason: string; retryAfterSeconds: number }
  | { kind: 'authUnavailable'; reason?: undefined; retryAfterSeconds: number };

/** Authenticates the callers of the gateway. */
export interface CallerAuthenticator {
  /** Checks the credentials of one request: its `Authorization` header, and the client's IP address. */
  authenticate(authorization: string | undefined, address: string): Promise<AuthenticationResult>;
}

/** Accepts every request as the same anonymous caller with all roles (`CALLER_AUTH=none`). */
export const ANONYMOUS: CallerAuthenticator = {
  authenticate: async () => ({ kind: 'authenticated', caller: ANONYMOUS_CALLER }),
};

/** Rate limit of mutations (create, bind, unbind, delete) per tenant. */
export interface MutationLimit {
  /** Counts one mutation. Resolves with the seconds to wait when the limit is exceeded, else with undefined. */
  take(tenant: string): Promise<number | undefined>;
}

/** A {@link MutationLimit} that is never exceeded. */
export const NO_MUTATION_LIMIT: MutationLimit = { take: async () => undefined };
