import type { Deadline } from '../lib/time.js';

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

/**
 * What an answer says about the credential of its request.
 *
 * REFUSED: Huawei Cloud did not believe it. ACCEPTED: the service behind the check answered. UNPROVEN: neither
 * can be told, for lack of an answer or because something else may have answered.
 */
export type CredentialVerdict = 'ACCEPTED' | 'REFUSED' | 'UNPROVEN';

/** An authentication for one request. Whoever got it must settle it, or others may wait for ever. */
export interface CredentialUse extends Authentication {
  /**
   * Tells what became of the request; only the first call counts.
   *
   * @returns true when the request was refused and a fresh authentication may fare better
   */
  settle(verdict: CredentialVerdict): boolean;
}

/** Told how many seconds a credential is put aside. */
export type SuspensionListener = (restSeconds: number) => void;

/** A source of authentications for one set of server-held credentials. */
export interface Authenticator {
  /**
   * An authentication that is valid now, for one request. Waits for its turn while it is not known whether the
   * credentials work.
   *
   * @throws {AuthenticationError} when none can be had before the deadline
   */
  authenticate(deadline: Deadline): Promise<CredentialUse>;
  /** Has a listener told each time the credentials are put aside because they were refused. */
  onStop(listener: SuspensionListener): void;
}

/**
 * CREDENTIAL_REFUSED: Huawei Cloud does not believe who we are. REFUSED: our rights or project do not work.
 * UNAVAILABLE: IAM gave no usable answer. PROBE_TIMEOUT: the wait for others to prove the credential was too long.
 */
export type AuthenticationFailure = 'CREDENTIAL_REFUSED' | 'REFUSED' | 'UNAVAILABLE' | 'PROBE_TIMEOUT';

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

/** One use of an authentication that others use too. */
export class SingleUse implements CredentialUse {
  readonly #authentication: Authentication;
  readonly #onSettled: (verdict: CredentialVerdict) => boolean;
  #isSettled = false;

  constructor(authentication: Authentication, onSettled: (verdict: CredentialVerdict) => boolean) {
    this.#authentication = authentication;
    this.#onSettled = onSettled;
  }

  get projectId(): string {
    return this.#authentication.projectId;
  }

  headersFor(request: UnauthenticatedRequest): Record<string, string> {
    return this.#authentication.headersFor(request);
  }

  settle(verdict: CredentialVerdict): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    return this.#onSettled(verdict);
  }
}

/** The credentials of the gateway, which may be replaced while it runs. */
export class CredentialsSource<T> {
  #current: T;
  readonly #listeners: ((next: T) => void)[] = [];

  constructor(first: T) {
    this.#current = first;
  }

  /** Those to use from now on. */
  get current(): T {
    return this.#current;
  }

  /** Puts others in their place, of the same kind. */
  replace(next: T): void {
    this.#current = next;
    for (const listener of this.#listeners) listener(next);
  }

  /** Has a listener told each time they are replaced. */
  onReplace(listener: (next: T) => void): void {
    this.#listeners.push(listener);
  }
}
