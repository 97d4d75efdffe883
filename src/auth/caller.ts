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
const EVERYBODY: Caller = {
  tenant: 'everybody',
  subject: 'anonymous',
  roles: new Set<Role>(ROLES),
};

/** Somebody who may send requests. */
export interface KnownCaller {
  kind: 'known';
  caller: Caller;
  /** Until when, in milliseconds since 1970-01-01 UTC; undefined: for ever. */
  validUntilMs?: number;
}

/** What the look at a request's credentials came to. */
export type Identification =
  | KnownCaller
  /** `reason` is for the log; callers are told the same whatever it is. */
  | { kind: 'unauthenticated'; reason: string }
  | { kind: 'rateLimited'; retryAfterSeconds: number }
  /** Nobody's token can be checked now. */
  | { kind: 'unavailable'; retryAfterSeconds: number };

/** Tells who sends a request. */
export interface CallerGate {
  /**
   * @param authorization the header of this name
   * @param address where the request comes from
   */
  identify(authorization: string | undefined, address: string): Promise<Identification>;
}

/** Lets everybody in, as one and the same caller. */
export const OPEN_GATE: CallerGate = { identify: async () => ({ kind: 'known', caller: EVERYBODY }) };

/** Says whether a tenant may create or delete now. */
export interface CreateLimit {
  /** Counts one create or delete; gives the seconds to wait when it is one too many, and undefined when it is not. */
  take(tenant: string): Promise<number | undefined>;
}

/** As many as they like. */
export const NO_CREATE_LIMIT: CreateLimit = { take: async () => undefined };
