import type {
  Authentication,
  Authenticator,
  CredentialUse,
  CredentialVerdict,
  UnauthenticatedRequest,
} from './authentication.js';
import type { Clock } from './clock.js';
import type { StopListener } from './credential-guard.js';
import { CredentialGuard } from './credential-guard.js';
import type { Deadline } from './deadline.js';
import type { IamClient } from './iam-client.js';
import { RefusalWindow } from './refusal-window.js';
import type { AccessKeyPair } from './request-signer.js';
import { sdkDate, signRequest } from './request-signer.js';
import { SharedValue } from './shared-value.js';
import { SingleUse } from './single-use.js';
import type { Pass } from './trial-gate.js';
import { TrialGate } from './trial-gate.js';

// A key that has not been used for longer may have been revoked: the first request of a burst finds out.
const PROOF_LIFE_MS = 60_000;

/** An access key pair, permanent or temporary. */
export interface AccessKeyCredentials extends AccessKeyPair {
  /** Goes with temporary keys only. */
  securityToken?: string;
}

/** Signs every request with an access key pair (AK/SK); looks the project up once when it is not given. */
export class AccessKeyAuthenticator implements Authenticator {
  readonly #credentials: AccessKeyCredentials;
  readonly #clock: Clock;
  readonly #guard: CredentialGuard;
  readonly #gate: TrialGate;
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
    this.#guard = new CredentialGuard(clock, new RefusalWindow(clock));
    this.#gate = new TrialGate(this.#guard, clock, PROOF_LIFE_MS);
    this.#authentication = new SharedValue(async () => {
      const projectId = project.id ?? (await this.#findProjectId(iam, project.name));
      const value: Authentication = { projectId, headersFor: request => this.#sign(request, projectId) };
      return { value, lifeMs: Number.POSITIVE_INFINITY, refreshAfterMs: Number.POSITIVE_INFINITY };
    }, clock);
  }

  async authenticate(deadline: Deadline): Promise<CredentialUse> {
    if (!this.#authentication.isHeld()) this.#guard.check();
    const authentication = await this.#authentication.get(deadline);
    const entered = this.#gate.enter(deadline);
    const pass = 'isTrial' in entered ? entered : await entered;
    return new SingleUse(authentication, verdict => this.#settle(pass, verdict));
  }

  onStop(listener: StopListener): void {
    this.#guard.onStop = listener;
  }

  #settle(pass: Pass, verdict: CredentialVerdict): boolean {
    if (verdict === 'REFUSED') this.#guard.refused();
    this.#gate.leave(pass, verdict);
    // A signature that was refused would be refused again.
    return false;
  }

  async #findProjectId(iam: IamClient, name: string): Promise<string> {
    const sign = (url: URL) => this.#sign({ method: 'GET', url, body: '' });
    const projectId = await this.#guard.watch(() => iam.findProjectId(name, sign));
    this.#gate.prove();
    return projectId;
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
