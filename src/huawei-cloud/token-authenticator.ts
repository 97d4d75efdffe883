import type { TraceContext } from '../lib/logger.js';
import type { Clock, Deadline } from '../lib/time.js';
import type {
  Authentication,
  Authenticator,
  CredentialStatus,
  CredentialUse,
  SuspensionListener,
} from './authenticator.js';
import { CredentialProbe, CurrentCredential } from './credential-probe.js';
import type { IamClient, IamUser, ProjectScope } from './iam-client.js';
import { LockoutGuard, RefusalWindow } from './lockout-guard.js';
import { RefreshingValue } from './refreshing-value.js';

const RENEW_BEFORE_EXPIRY_MS = 30 * 60_000;
const RENEW_AT_SHARE_OF_LIFE = 0.8;
// Up to 10 % earlier, so that gateways started together do not renew together.
const RENEWAL_JITTER = 0.1;
// A token that expires in transit is refused, so it is not used shortly before its expiry.
const EXPIRY_MARGIN_MS = 5_000;
const EXPIRY_MARGIN_SHARE_OF_LIFE = 0.1;

interface UserState {
  user: IamUser;
  passwordGuard: LockoutGuard;
  tokenGuard: LockoutGuard;
  probe: CredentialProbe;
}

/**
 * Authenticates with an IAM token, which is requested by password and shared by all calls.
 *
 * The token is renewed at 80 % of its life or 30 minutes before its expiry, whichever is earlier. It stays in use
 * until it expires if renewal fails. A rotated password requests a new token immediately; the old one stays in use
 * until that arrives.
 *
 * Refusals of the password by IAM and of tokens by DLI have separate guards, so that a good token stays in use when
 * the password is wrong. Both fill one window.
 */
export class TokenAuthenticator implements Authenticator {
  readonly #user: CurrentCredential<IamUser, UserState>;
  readonly #authentication: RefreshingValue<Authentication>;

  constructor(
    user: IamUser,
    project: ProjectScope,
    iam: IamClient,
    private readonly clock: Clock,
    private readonly onSuspended: SuspensionListener,
  ) {
    this.#authentication = new RefreshingValue(async trace => {
      const { user, passwordGuard } = this.#user.state;
      const { token, projectId, lifeMs } = await passwordGuard.run(() => iam.issueToken(user, project, trace));
      const headers = { 'content-type': 'application/json', 'x-auth-token': token };
      const refreshAfterMs = Math.min(lifeMs * RENEW_AT_SHARE_OF_LIFE, lifeMs - RENEW_BEFORE_EXPIRY_MS);
      return {
        value: { projectId, headersFor: () => headers },
        lifeMs: lifeMs - Math.min(EXPIRY_MARGIN_MS, lifeMs * EXPIRY_MARGIN_SHARE_OF_LIFE),
        // A token that lives for less than 30 minutes would otherwise be renewed at every use.
        refreshAfterMs: Math.max(refreshAfterMs, lifeMs / 2) * (1 - RENEWAL_JITTER * Math.random()),
      };
    }, clock);
    this.#user = new CurrentCredential(user, next => this.#createState(next));
  }

  get status(): CredentialStatus {
    const { expiresAtMs } = this.#authentication;
    return {
      isUsable: !this.#user.state.tokenGuard.isRefused() && !this.#authentication.isUnavailable(),
      expiresAtMs: expiresAtMs && this.clock.epochMs() + expiresAtMs - this.clock.monotonicMs(),
    };
  }

  /** Rotates the user or its password. */
  replaceCredentials(next: IamUser): void {
    this.#user.replace(next, () => this.#authentication.reload());
  }

  authenticate(deadline: Deadline, trace: TraceContext): Promise<CredentialUse> {
    return this.#user.use(state => this.#use(state, deadline, trace));
  }

  #createState(user: IamUser): UserState {
    const window = new RefusalWindow(this.clock);
    const passwordGuard = new LockoutGuard(this.clock, window, this.onSuspended);
    const tokenGuard = new LockoutGuard(this.clock, window, this.onSuspended);
    return { user, passwordGuard, tokenGuard, probe: new CredentialProbe(tokenGuard, this.clock) };
  }

  async #use(state: UserState, deadline: Deadline, trace: TraceContext): Promise<CredentialUse> {
    // Before the wait for a probe, so that a failure of IAM is reported as such.
    const early = await this.#currentToken(state, deadline, trace);
    const permit = await state.probe.acquire(deadline);
    try {
      // The token may have been refused during the wait.
      const token = this.#authentication.isCurrent(early) ? early : await this.#currentToken(state, deadline, trace);
      return state.probe.use(token, permit, () => {
        this.#authentication.discard(token);
        // A proven token that is refused has expired or was revoked, which does not count against the user.
        if (permit.isProbe) state.tokenGuard.recordRefusal();
        return true;
      });
    } catch (error) {
      state.probe.release(permit, 'UNPROVEN');
      throw error;
    }
  }

  #currentToken(
    { passwordGuard, tokenGuard }: UserState,
    deadline: Deadline,
    trace: TraceContext,
  ): Promise<Authentication> {
    const checkLoad = () => {
      passwordGuard.check();
      tokenGuard.check();
    };
    return this.#authentication.get(deadline, checkLoad, trace);
  }
}
