import type { Clock } from '../lib/time.js';
import type { TokenRules } from './access-token.js';
import { checkAccessToken, TokenRefusedError } from './access-token.js';
import type { CallerGate, Identification } from './caller-gate.js';
import type { FailedLogins } from './failed-logins.js';
import type { IssuerKeys } from './issuer-keys.js';
import { KeysUnavailableError } from './issuer-keys.js';
import { VerifiedTokens } from './verified-tokens.js';

const BEARER_TOKEN = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i;
const MAX_TOKEN_LENGTH = 8_192;

/** Knows callers by the JWT access tokens of one issuer. */
export class TokenGate implements CallerGate {
  readonly #keys: IssuerKeys;
  readonly #rules: TokenRules;
  readonly #failedLogins: FailedLogins;
  readonly #clock: Clock;
  readonly #verified = new VerifiedTokens();

  constructor(keys: IssuerKeys, rules: TokenRules, failedLogins: FailedLogins, clock: Clock) {
    this.#keys = keys;
    this.#rules = rules;
    this.#failedLogins = failedLogins;
    this.#clock = clock;
  }

  async identify(authorization: string | undefined, address: string): Promise<Identification> {
    // Nothing to guess with, and nothing that costs: these do not count.
    if (authorization === undefined) return { kind: 'unauthenticated', reason: 'no token' };
    const token = BEARER_TOKEN.exec(authorization)?.[1];
    if (token === undefined || token.length > MAX_TOKEN_LENGTH)
      return { kind: 'unauthenticated', reason: 'no JWT' };
    const keySet = this.#keys.held();
    const known = keySet && this.#verified.find(token, keySet, this.#clock.epochMs());
    // Before the limit: a stranger behind the same address must not lock out who is known already.
    if (known !== undefined) return { kind: 'known', ...known };
    const waitSeconds = await this.#failedLogins.waitSeconds(address);
    if (waitSeconds !== undefined) return { kind: 'rateLimited', retryAfterSeconds: waitSeconds };
    return this.#check(token, address);
  }

  async #check(token: string, address: string): Promise<Identification> {
    try {
      const nowMs = this.#clock.epochMs();
      const keySet = this.#keys.held();
      const good = await checkAccessToken(token, this.#rules, this.#keys.find, nowMs);
      // Keys that were renewed meanwhile may be without the one that signed this token.
      if (keySet !== undefined && keySet === this.#keys.held()) this.#verified.remember(token, good, keySet);
      return { kind: 'known', ...good };
    } catch (error) {
      if (error instanceof KeysUnavailableError)
        return { kind: 'unavailable', retryAfterSeconds: error.retryAfterSeconds };
      if (!(error instanceof TokenRefusedError)) throw error;
      await this.#failedLogins.add(address);
      return { kind: 'unauthenticated', reason: error.message };
    }
  }
}
