import type { TraceContext } from '../lib/logger.js';
import type { Deadline } from '../lib/time.js';

/** A request before its credentials are added. */
export interface UnauthenticatedRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: URL;
  body: string;
}

/** Format of a project id, which becomes part of a path. */
export const PROJECT_ID_PATTERN = /^[A-Za-z0-9-]{1,64}$/;

/** Credentials that authenticate requests to one project. */
export interface Authentication {
  /** The DLI project that the credentials give access to. */
  projectId: string;
  /** The headers that authenticate one request, including `content-type`. */
  headersFor: (request: UnauthenticatedRequest) => Record<string, string>;
}

/**
 * The verdict of a response on the credential of its request.
 *
 * REFUSED: Huawei Cloud refused it. ACCEPTED: the service behind the check responded. UNPROVEN: neither is certain,
 * because no response arrived or another component may have sent it.
 */
export type CredentialVerdict = 'ACCEPTED' | 'REFUSED' | 'UNPROVEN';

/** An authentication for one request. Its verdict must be reported, or other requests may wait forever. */
export interface CredentialUse extends Authentication {
  /**
   * Records the verdict of the request; only the first call counts.
   *
   * @returns true if the request was refused and a new authentication may succeed
   */
  report(verdict: CredentialVerdict): boolean;
}

/** The verdict of a check. EXPIRED: the date of the signature was refused, which is a matter of the clock. */
export type CheckVerdict = CredentialVerdict | 'EXPIRED';

/** Checks a credential, before it is used for anything else, by one harmless request to the project. */
export type CredentialCheck = (candidate: Authentication, trace: TraceContext) => Promise<CheckVerdict>;

/**
 * What became of new credentials. `adopted`: they are in use. `refused`: Huawei Cloud refused them. `unproven`: no
 * response said whether they are good, so a later attempt may.
 */
export type RotationResult = 'adopted' | 'refused' | 'unproven';

/** Puts new credentials into use once they are proven. `check` checks a key pair. */
export type Rotate<T> = (next: T, check: CredentialCheck) => Promise<RotationResult>;

/** Called when a credential is suspended after repeated refusals, with the number of seconds. */
export type SuspensionListener = (suspendedForSeconds: number) => void;

/** The state of the credentials in use. */
export interface CredentialStatus {
  /** False after repeated refusals until the credentials are accepted, and while IAM gives no token. */
  isUsable: boolean;
  /** Whether Huawei Cloud refused the credentials the last time they were presented. */
  wasRefusedLast: boolean;
  /** Expiry of the token in use, in milliseconds since 1970-01-01 UTC; undefined without one. */
  expiresAtMs?: number | undefined;
}

/** Authenticates requests with one set of server-held credentials. */
export interface Authenticator {
  readonly status: CredentialStatus;

  /**
   * Acquires a valid authentication for one request. While the credentials are unproven, it waits for a probe.
   *
   * @param trace for the log of the sign-in, if this request is the first that needs it
   * @throws {AuthenticationError} if none is available before the deadline
   */
  authenticate(deadline: Deadline, trace: TraceContext): Promise<CredentialUse>;
}

/**
 * Why authentication failed.
 *
 * CREDENTIAL_REFUSED: Huawei Cloud refuses the credential. REFUSED: the permissions or the project are wrong.
 * UNAVAILABLE: IAM gave no usable response. PROBE_TIMEOUT: no probe proved the credential in time.
 */
export type AuthenticationFailure = 'CREDENTIAL_REFUSED' | 'REFUSED' | 'UNAVAILABLE' | 'PROBE_TIMEOUT';

/** Authentication failed. The message is safe to log: it is our own text without secrets. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';

  /**
   * @param retryAfterSeconds whole seconds until a retry makes sense
   * @param isSignatureExpired whether the credential was refused for the date of its signature
   */
  constructor(
    readonly failure: AuthenticationFailure,
    message: string,
    readonly retryAfterSeconds = 1,
    readonly isSignatureExpired = false,
  ) {
    super(message);
  }
}
