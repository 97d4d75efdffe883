import type { Authentication, Authenticator } from './authentication.js';
import type { Clock } from './clock.js';
import type { Deadline } from './deadline.js';
import type { IamClient, IamUser, ProjectScope } from './iam-client.js';
import { SharedValue } from './shared-value.js';

const RENEW_BEFORE_EXPIRY_MS = 30 * 60_000;
const RENEW_AT_SHARE_OF_LIFE = 0.8;
// A token that dies on its way is refused, so it is not used in its last moments.
const EXPIRY_MARGIN_MS = 5_000;
const EXPIRY_MARGIN_SHARE_OF_LIFE = 0.1;

/**
 * Authenticates with an IAM token got by password: one request for it at a time, shared by all calls,
 * renewed at 80 % of its life or 30 minutes before its end, whichever is earlier, and used until it
 * expires while renewing fails.
 */
export class TokenAuthenticator implements Authenticator {
  readonly #authentication: SharedValue<Authentication>;

  /** @param random a number from 0 to 1; renewals come up to 10 % earlier by it, so that processes spread out */
  constructor(
    user: IamUser,
    project: ProjectScope,
    iam: IamClient,
    clock: Clock,
    random: () => number = Math.random,
  ) {
    this.#authentication = new SharedValue(
      async () => {
        const { token, projectId, lifeMs } = await iam.issueToken(user, project);
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
  }

  authenticate(deadline: Deadline): Promise<Authentication> {
    return this.#authentication.get(deadline);
  }

  discard(authentication: Authentication): boolean {
    this.#authentication.discard(authentication);
    return true;
  }
}
