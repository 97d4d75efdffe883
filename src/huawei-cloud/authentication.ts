import type { Deadline } from './deadline.js';

/** A request that is about to be sent, without its credentials. */
export interface UnauthenticatedRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: URL;
  body: string;
}

/** Proof of who we are, good for one project. */
export interface Authentication {
  /** The DLI project that the credentials open. */
  projectId: string;
  /** The headers that authenticate one request, `content-type` included. */
  headersFor(request: UnauthenticatedRequest): Record<string, string>;
}

/** A source of authentications for one set of server-held credentials. */
export interface Authenticator {
  /**
   * An authentication that is valid now.
   *
   * @throws {AuthenticationError} when none can be had before the deadline
   */
  authenticate(deadline: Deadline): Promise<Authentication>;
  /**
   * Takes note that Huawei Cloud refused an authentication.
   *
   * @returns true when a fresh one may fare better
   */
  discard(authentication: Authentication): boolean;
}

/** REFUSED: our credentials or project do not work. UNAVAILABLE: IAM gave no usable answer. */
export type AuthenticationFailure = 'REFUSED' | 'UNAVAILABLE';

/** No authentication could be had. The message is our own text, fit for the log, and holds no secret. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
  readonly failure: AuthenticationFailure;
  /** Whole seconds after which another try makes sense. */
  readonly retryAfterSeconds: number;

  constructor(failure: AuthenticationFailure, message: string, retryAfterSeconds = 1) {
    super(message);
    this.failure = failure;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
