import type { Clock, Deadline } from '../lib/time.js';
import type {
  Authentication,
  Authenticator,
  CredentialsSource,
  CredentialUse,
  CredentialVerdict,
  SuspensionListener,
} from './authenticator.js';
import { SingleUse } from './authenticator.js';
import type { Permit } from './credential-probe.js';
import { CurrentCredential, CredentialProbe } from './credential-probe.js';
import type { IamClient, IamUser, ProjectScope } from './iam-client.js';
import { LockoutGuard, RefusalWindow } from './lockout-guard.js';
import { RefreshingValue } from './refreshing-value.js';

const RENEW_BEFORE_EXPIRY_MS = 30 * 60_000;
const RENEW_AT_SHARE_OF_LIFE = 0.8;
// A token that dies on its way is refused, so it is not used in its last moments.
const EXPIRY_MARGIN_MS = 5_000;
const EXPIRY_MARGIN_SHARE_OF_LIFE = 0.1;

/** What is known about one user and the tokens in use. */
interface KeptUser {
  user: IamUser;
  passwordGuard: LockoutGuard;
  tokenGuard: LockoutGuard;
  gate: CredentialProbe;
}

/**
 * Authenticates with an IAM token got by password: one request for it at a time, shared by all calls,
 * renewed at 80 % of its life or 30 minutes before its end, whichever is earlier, and used until it
 * expires while renewing fails. A password that replaces another gets a token at once; the last one
 * stays in use until then.
 *
 * IAM's refusals of the password and DLI's refusals of fresh tokens are counted apart, so that a good token
 * stays in use when the password has gone bad; together they fill one window.
 */
export class TokenAuthenticator implements Authenticator {
  readonly #clock: Clock;
  readonly #user: CurrentCredential<IamUser, KeptUser>;
  readonly #authentication: RefreshingValue<Authentication>;
  #onStop: SuspensionListener = () => undefined;

  /** @param random a number from 0 to 1; renewals come up to 10 % earlier by it, so that processes spread out */
  constructor(
    source: CredentialsSource<IamUser>,
    project: ProjectScope,
    iam: IamClient,
    clock: Clock,
    random: () => number = Math.random,
  ) {
    this.#clock = clock;
    this.#authentication = new RefreshingValue(
      async () => {
        const { user, passwordGuard } = this.#user.kept;
        const { token, projectId, lifeMs } = await passwordGuard.watch(() => iam.issueToken(user, project));
        const headers = { 'content-type': 'application/json', 'x-auth-token': token };
        const refreshAfterMs = Math.min(lifeMs * RENEW_AT_SHARE_OF_LIFE, lifeMs - RENEW_BEFORE_EXPIRY_MS);
        return {
          value: { projectId, headersFor: () => headers },
          lifeMs: lifeMs - Math.min(EXPIRY_MARGIN_MS, lifeMs * EXPIRY_MARGIN_SHARE_OF_LIFE),
          // A token shorter than the lead time would otherwise be renewed at every use.
          refreshAfterMs: Math.max(refreshAfterMs, lifeMs / 2) * (1 - random() * 0.1),
        };
      },
      clock,
      random,
    );
    this.#user = new CurrentCredential(
      source,
      user => this.#keep(user),
      () => this.#authentication.renew(),
    );
  }

  authenticate(deadline: Deadline): Promise<CredentialUse> {
    return this.#user.use(kept => this.#use(kept, deadline));
  }

  onStop(listener: SuspensionListener): void {
    this.#onStop = listener;
  }

  #keep(user: IamUser): KeptUser {
    const window = new RefusalWindow(this.#clock);
    const passwordGuard = new LockoutGuard(this.#clock, window);
    const tokenGuard = new LockoutGuard(this.#clock, window);
    for (const guard of [passwordGuard, tokenGuard]) guard.onStop = restSeconds => this.#onStop(restSeconds);
    return { user, passwordGuard, tokenGuard, gate: new CredentialProbe(tokenGuard, this.#clock) };
  }

  async #use(kept: KeptUser, deadline: Deadline): Promise<CredentialUse> {
    // Before the wait for a turn, so that an IAM that fails is told as such.
    const early = await this.#currentToken(kept, deadline);
    const entered = kept.gate.enter(deadline);
    const pass = 'isProbe' in entered ? entered : await entered;
    try {
      // The token that waited may have been refused in the meantime.
      const token = this.#authentication.holds(early) ? early : await this.#currentToken(kept, deadline);
      return new SingleUse(token, verdict => this.#settle(kept, token, pass, verdict));
    } catch (error) {
      kept.gate.leave(pass, 'UNPROVEN');
      throw error;
    }
  }

  #currentToken({ passwordGuard, tokenGuard }: KeptUser, deadline: Deadline): Promise<Authentication> {
    if (!this.#authentication.isHeld()) {
      passwordGuard.check();
      tokenGuard.check();
    }
    return this.#authentication.get(deadline);
  }

  #settle(
    { tokenGuard, gate }: KeptUser,
    token: Authentication,
    pass: Permit,
    verdict: CredentialVerdict,
  ): boolean {
    const isRefused = verdict === 'REFUSED';
    if (isRefused) {
      this.#authentication.discard(token);
      // A token that worked before has run out or was revoked, which says nothing about the user behind it.
      if (pass.isProbe) tokenGuard.refused();
    }
    gate.leave(pass, verdict);
    return isRefused;
  }
}
