import type { Clock, Deadline } from '../lib/time.js';
import type { Authenticator, CredentialUse, SuspensionListener, UnauthenticatedRequest } from './authenticator.js';
import { CredentialProbe, CurrentCredential } from './credential-probe.js';
import type { IamClient } from './iam-client.js';
import { LockoutGuard, RefusalWindow } from './lockout-guard.js';
import { RefreshingValue } from './refreshing-value.js';
import type { AccessKeyPair } from './request-signer.js';
import { sdkDate, signRequest } from './request-signer.js';

// A key that was idle for longer may have been revoked, so the first request of a burst probes it.
const PROOF_LIFE_MS = 60_000;

/** A permanent or temporary access key pair. */
export interface AccessKeyCredentials extends AccessKeyPair {
  /** Required with temporary keys, absent otherwise. */
  securityToken?: string;
}

interface KeyState {
  credentials: AccessKeyCredentials;
  guard: LockoutGuard;
  probe: CredentialProbe;
}

/**
 * Signs every request with an access key pair (AK/SK). Looks up the project id once if it is not configured; a
 * rotated pair keeps the project.
 */
export class AccessKeyAuthenticator implements Authenticator {
  readonly #key: CurrentCredential<AccessKeyCredentials, KeyState>;
  readonly #projectId: RefreshingValue<string>;

  constructor(
    credentials: AccessKeyCredentials,
    project: { id: string | undefined; name: string },
    iam: IamClient,
    private readonly clock: Clock,
    private readonly onSuspended: SuspensionListener,
  ) {
    this.#projectId = new RefreshingValue(async () => {
      const value = project.id ?? (await this.#findProjectId(iam, project.name));
      return { value, lifeMs: Number.POSITIVE_INFINITY, refreshAfterMs: Number.POSITIVE_INFINITY };
    }, clock);
    this.#key = new CurrentCredential(credentials, next => this.#createState(next));
  }

  /** Rotates the key pair. */
  replaceCredentials(next: AccessKeyCredentials): void {
    this.#key.replace(next, () => {
      if (!this.#projectId.hasValue()) this.#projectId.reload();
    });
  }

  authenticate(deadline: Deadline): Promise<CredentialUse> {
    return this.#key.use(async ({ credentials, guard, probe }) => {
      const projectId = await this.#projectId.get(deadline, () => guard.check());
      const permit = await probe.acquire(deadline);
      const authentication = {
        projectId,
        headersFor: (request: UnauthenticatedRequest) => this.#sign(request, credentials, projectId),
      };
      return probe.use(authentication, permit, () => {
        guard.recordRefusal();
        // A new signature by the same key would be refused, too.
        return false;
      });
    });
  }

  #createState(credentials: AccessKeyCredentials): KeyState {
    const guard = new LockoutGuard(this.clock, new RefusalWindow(this.clock), this.onSuspended);
    return { credentials, guard, probe: new CredentialProbe(guard, this.clock, PROOF_LIFE_MS) };
  }

  async #findProjectId(iam: IamClient, name: string): Promise<string> {
    const { credentials, guard, probe } = this.#key.state;
    const sign = (url: URL) => this.#sign({ method: 'GET', url, body: '' }, credentials);
    const projectId = await guard.run(() => iam.findProjectId(name, sign));
    probe.markProven();
    return projectId;
  }

  #sign(
    request: UnauthenticatedRequest,
    credentials: AccessKeyCredentials,
    projectId?: string,
  ): Record<string, string> {
    const { securityToken } = credentials;
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      host: request.url.host,
      'x-sdk-date': sdkDate(this.clock.epochMs()),
    };
    if (projectId !== undefined) headers['x-project-id'] = projectId;
    if (securityToken !== undefined) headers['x-security-token'] = securityToken;
    return { ...headers, authorization: signRequest({ ...request, headers }, credentials) };
  }
}
