import type { Caller } from './caller.js';
import { EVERYBODY } from './caller.js';

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
