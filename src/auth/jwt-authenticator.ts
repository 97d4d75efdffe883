import { hash } from 'node:crypto';
import type { Clock } from '../lib/time.js';
import type { GoodToken, TokenRules } from './access-token.js';
import { checkAccessToken, TokenRefusedError } from './access-token.js';
import type { CallerGate, Identification } from './caller.js';
import type { IssuerKeys } from './jwks.js';
import { KeysUnavailableError } from './jwks.js';
import type { FailedLogins } from './rate-limits.js';

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

const MAX_TOKENS = 5_000;

interface Entry {
  good: GoodToken;
  proof: object;
}

/**
 * Remembers tokens that were found good, so that a signature is checked once and not at every request.
 *
 * Holds digests, never tokens; of more than 5,000 the ones that were not used for longest are forgotten.
 */
class VerifiedTokens {
  readonly #entries = new Map<string, Entry>();

  /**
   * What a token was found to stand for, when it was found good by this proof.
   *
   * @param nowMs milliseconds since 1970-01-01 UTC
   */
  find(token: string, proof: object, nowMs: number): GoodToken | undefined {
    const digest = digestOf(token);
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    this.#entries.delete(digest);
    if (entry.proof !== proof || nowMs >= entry.good.validUntilMs) return undefined;
    // To the end of the map's order, whose beginning is forgotten first.
    this.#entries.set(digest, entry);
    return entry.good;
  }

  /** @param proof what the token was checked with; only as long as that is in use is the token remembered */
  remember(token: string, good: GoodToken, proof: object): void {
    this.#entries.set(digestOf(token), { good, proof });
    if (this.#entries.size <= MAX_TOKENS) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}
