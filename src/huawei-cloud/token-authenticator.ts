import type { TraceContext } from '../lib/logger.js';
import { newTrace } from '../lib/logger.js';
import type { Clock, Deadline } from '../lib/time.js';
import type {
  Authentication,
  Authenticator,
  CredentialStatus,
  CredentialUse,
  RotationResult,
  SuspensionListener,
} from './authenticator.js';
import { AuthenticationError } from './authenticator.js';
import { CredentialProbe, CurrentCredential } from './credential-probe.js';
import type { IamClient, IamUser, ProjectScope } from './iam-client.js';
import { LockoutGuard, RefusalWindow } from './lockout-guard.js';
import type { LoadedValue } from './refreshing-value.js';
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
  window: RefusalWindow;
  passwordGuard: LockoutGuard;
  tokenGuard: LockoutGuard;
  probe: CredentialProbe;
}

/**
 * Authenticates with an IAM token, which is requested by password and shared by all calls.
 *
 * The token is renewed at 80 % of its life or 30 minutes before its expiry, whichever is earlier. It stays in use
 * until it expires if renewal fails. A rotated password is proven by a new token; the old password and token stay in
 * use until that arrives.
 *
 * Refusals of the password by IAM and of tokens by DLI have separate guards, so that a good token stays in use when
 * the password is wrong. Both fill one window.
 */
export class TokenAuthenticator implements Authenticator {
  readonly #user: CurrentCredential<UserState>;
  readonly #authentication: RefreshingValue<Authentication>;
  /** Refusals of users that were never in use. */
  readonly #refusals: RefusalWindow;

  constructor(
    user: IamUser,
    private readonly project: ProjectScope,
    private readonly iam: IamClient,
    private readonly clock: Clock,
    private readonly onSuspended: SuspensionListener,
  ) {
    this.#authentication = new RefreshingValue(trace => {
      const { user, passwordGuard } = this.#user.state;
      return passwordGuard.run(() => this.#issueToken(user, trace));
    }, clock);
    this.#refusals = new RefusalWindow(clock);
    this.#user = new CurrentCredential(this.#createState(user));
  }

  get status(): CredentialStatus {
    const { expiresAtMs } = this.#authentication;
    return {
      isUsable: !this.#user.state.tokenGuard.isRefusedRepeatedly() && !this.#authentication.isUnavailable(),
      wasRefusedLast: this.#wasRefusedLast(),
      expiresAtMs: expiresAtMs && this.clock.epochMs() + expiresAtMs - this.clock.monotonicMs(),
    };
  }

  /**
   * Rotates the user or its password, once IAM has issued a token. They are adopted without one only if the current
   * ones were refused themselves: nothing can get worse then.
   */
  async rotate(next: IamUser): Promise<RotationResult> {
    const { user, window } = this.#user.state;
    const isCurrentRefused = this.#wasRefusedLast();
    const isSameUser = user.name === next.name && user.domainName === next.domainName;
    // IAM counts the refusals of a user, whatever the password.
    const refusals = isSameUser ? window : this.#refusals;
    if (refusals.fullForMs(isSameUser && isCurrentRefused ? 1 : 0) > 0) return 'unproven';
    const trace = newTrace();
    let token: LoadedValue<Authentication> | undefined;
    try {
      token = await this.#issueToken(next, trace);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      if (error.failure === 'CREDENTIAL_REFUSED') {
        refusals.add(next);
        return 'refused';
      }
      // A role or a project is not granted yet; until it is, the user is of no use.
      if (error.failure === 'REFUSED' || !isCurrentRefused) return 'unproven';
    }
    this.#user.replace(this.#createState(next), () => {
      if (token === undefined) this.#authentication.reload(trace);
      else this.#authentication.replace(token);
    });
    return 'adopted';
  }

  authenticate(deadline: Deadline, trace: TraceContext): Promise<CredentialUse> {
    return this.#user.use(state => this.#use(state, deadline, trace));
  }

  #wasRefusedLast(): boolean {
    const { passwordGuard, tokenGuard } = this.#user.state;
    return passwordGuard.wasRefusedLast() || tokenGuard.wasRefusedLast();
  }

  #createState(user: IamUser): UserState {
    const window = new RefusalWindow(this.clock);
    const passwordGuard = new LockoutGuard(this.clock, window, this.onSuspended);
    const tokenGuard = new LockoutGuard(this.clock, window, this.onSuspended);
    return { user, window, passwordGuard, tokenGuard, probe: new CredentialProbe(tokenGuard, this.clock) };
  }

  async #issueToken(user: IamUser, trace: TraceContext): Promise<LoadedValue<Authentication>> {
    const { token, projectId, lifeMs } = await this.iam.issueToken(user, this.project, trace);
    const headers = { 'content-type': 'application/json', 'x-auth-token': token };
    const refreshAfterMs = Math.min(lifeMs * RENEW_AT_SHARE_OF_LIFE, lifeMs - RENEW_BEFORE_EXPIRY_MS);
    return {
      value: { projectId, headersFor: () => headers },
      lifeMs: lifeMs - Math.min(EXPIRY_MARGIN_MS, lifeMs * EXPIRY_MARGIN_SHARE_OF_LIFE),
      // A token that lives for less than 30 minutes would otherwise be renewed at every use.
      refreshAfterMs: Math.max(refreshAfterMs, lifeMs / 2) * (1 - RENEWAL_JITTER * Math.random()),
    };
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
