import type {
  Authentication,
  CredentialUse,
  CredentialVerdict,
  UnauthenticatedRequest,
} from './authentication.js';

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
