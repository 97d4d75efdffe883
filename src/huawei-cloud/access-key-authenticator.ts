import type { Clock, Deadline } from '../lib/time.js';
import type {
  Authenticator,
  CredentialsSource,
  CredentialUse,
  SuspensionListener,
  UnauthenticatedRequest,
} from './authenticator.js';
import { SingleUse } from './authenticator.js';
import { CurrentCredential, CredentialProbe } from './credential-probe.js';
import type { IamClient } from './iam-client.js';
import { LockoutGuard, RefusalWindow } from './lockout-guard.js';
import { RefreshingValue } from './refreshing-value.js';
import type { AccessKeyPair } from './request-signer.js';
import { sdkDate, signRequest } from './request-signer.js';

// A key that has not been used for longer may have been revoked: the first request of a burst finds out.
const PROOF_LIFE_MS = 60_000;

/** An access key pair, permanent or temporary. */
export interface AccessKeyCredentials extends AccessKeyPair {
  /** Goes with temporary keys only. */
  securityToken?: string;
}

/** What is known about one access key. */
interface KeptKey {
  credentials: AccessKeyCredentials;
  guard: LockoutGuard;
  gate: CredentialProbe;
}

/**
 * Signs every request with an access key pair (AK/SK); looks the project up once when it is not given. A pair
 * that replaces another opens the same project.
 */
export class AccessKeyAuthenticator implements Authenticator {
  readonly #clock: Clock;
  readonly #key: CurrentCredential<AccessKeyCredentials, KeptKey>;
  readonly #projectId: RefreshingValue<string>;
  #onStop: SuspensionListener = () => undefined;
  #dateSecond = Number.NaN;
  #dateText = '';

  constructor(
    source: CredentialsSource<AccessKeyCredentials>,
    project: { id: string | undefined; name: string },
    iam: IamClient,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#projectId = new RefreshingValue(async () => {
      const value = project.id ?? (await this.#findProjectId(iam, project.name));
      return { value, lifeMs: Number.POSITIVE_INFINITY, refreshAfterMs: Number.POSITIVE_INFINITY };
    }, clock);
    this.#key = new CurrentCredential(
      source,
      credentials => this.#keep(credentials),
      () => {
        if (!this.#projectId.isHeld()) this.#projectId.renew();
      },
    );
  }

  authenticate(deadline: Deadline): Promise<CredentialUse> {
    return this.#key.use(kept => this.#use(kept, deadline));
  }

  onStop(listener: SuspensionListener): void {
    this.#onStop = listener;
  }

  #keep(credentials: AccessKeyCredentials): KeptKey {
    const guard = new LockoutGuard(this.#clock, new RefusalWindow(this.#clock));
    guard.onStop = restSeconds => this.#onStop(restSeconds);
    return { credentials, guard, gate: new CredentialProbe(guard, this.#clock, PROOF_LIFE_MS) };
  }

  async #use({ credentials, guard, gate }: KeptKey, deadline: Deadline): Promise<CredentialUse> {
    if (!this.#projectId.isHeld()) guard.check();
    const projectId = await this.#projectId.get(deadline);
    const entered = gate.enter(deadline);
    const pass = 'isProbe' in entered ? entered : await entered;
    const authentication = {
      projectId,
      headersFor: (request: UnauthenticatedRequest) => this.#sign(request, credentials, projectId),
    };
    return new SingleUse(authentication, verdict => {
      if (verdict === 'REFUSED') guard.refused();
      gate.leave(pass, verdict);
      // A signature that was refused would be refused again.
      return false;
    });
  }

  async #findProjectId(iam: IamClient, name: string): Promise<string> {
    const { credentials, guard, gate } = this.#key.kept;
    const sign = (url: URL) => this.#sign({ method: 'GET', url, body: '' }, credentials);
    const projectId = await guard.watch(() => iam.findProjectId(name, sign));
    gate.prove();
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

  #sign(
    request: UnauthenticatedRequest,
    credentials: AccessKeyCredentials,
    projectId?: string,
  ): Record<string, string> {
    const { securityToken } = credentials;
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      host: request.url.host,
      'x-sdk-date': this.#date(),
    };
    if (projectId !== undefined) headers['x-project-id'] = projectId;
    if (securityToken !== undefined) headers['x-security-token'] = securityToken;
    return { ...headers, authorization: signRequest({ ...request, headers }, credentials) };
  }
}
