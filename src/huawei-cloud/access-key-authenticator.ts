import type { Authentication, Authenticator, UnauthenticatedRequest } from './authentication.js';
import type { Clock } from './clock.js';
import type { Deadline } from './deadline.js';
import type { IamClient } from './iam-client.js';
import type { AccessKeyPair } from './request-signer.js';
import { sdkDate, signRequest } from './request-signer.js';
import { SharedValue } from './shared-value.js';

/** An access key pair, permanent or temporary. */
export interface AccessKeyCredentials extends AccessKeyPair {
  /** Goes with temporary keys only. */
  securityToken?: string;
}

/** Signs every request with an access key pair (AK/SK); looks the project up once when it is not given. */
export class AccessKeyAuthenticator implements Authenticator {
  readonly #credentials: AccessKeyCredentials;
  readonly #clock: Clock;
  readonly #authentication: SharedValue<Authentication>;
  #dateSecond = Number.NaN;
  #dateText = '';

  constructor(
    credentials: AccessKeyCredentials,
    project: { id: string | undefined; name: string },
    iam: IamClient,
    clock: Clock,
  ) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#authentication = new SharedValue(async () => {
      const projectId =
        project.id ??
        (await iam.findProjectId(project.name, url => this.#sign({ method: 'GET', url, body: '' })));
      const value: Authentication = { projectId, headersFor: request => this.#sign(request, projectId) };
      return { value, lifeMs: Number.POSITIVE_INFINITY, refreshAfterMs: Number.POSITIVE_INFINITY };
    }, clock);
  }

  authenticate(deadline: Deadline): Promise<Authentication> {
    return this.#authentication.get(deadline);
  }

  // A signature that was refused would be refused again.
  discard(): boolean {
    return false;
  }

  // The date has whole seconds, and many requests fall into one.
  #date(): string {
    const second = Math.floor(this.#clock.epochMs() / 1_000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#dateText = sdkDate(second * 1_000);
    }
    return this.#dateText;
  }

  #sign(request: UnauthenticatedRequest, projectId?: string): Record<string, string> {
    const { securityToken } = this.#credentials;
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      host: request.url.host,
      'x-sdk-date': this.#date(),
    };
    if (projectId !== undefined) headers['x-project-id'] = projectId;
    if (securityToken !== undefined) headers['x-security-token'] = securityToken;
    return { ...headers, authorization: signRequest({ ...request, headers }, this.#credentials) };
  }
}
