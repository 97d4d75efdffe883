import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/time.js';
import type { TokenRules } from './access-token.js';
import { InvalidTokenError, verifyAccessToken } from './access-token.js';
import type { AuthenticatedCaller, AuthenticationResult, CallerAuthenticator } from './caller.js';
import type { JwksCache, KeySet } from './jwks.js';
import { JwksUnavailableError } from './jwks.js';
import type { FailedLoginLimit } from './rate-limits.js';

const BEARER_TOKEN = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i;
const MAX_TOKEN_LENGTH = 8_192;
const MAX_CACHED_TOKENS = 5_000;

/**
 * Authenticates callers by JWT access tokens of one issuer.
 *
 * Verified tokens are cached, so the signature of a token is checked once per key set and not at every request.
 */
export class JwtAuthenticator implements CallerAuthenticator {
  /** Keyed by digest: the cache holds no tokens. */
  readonly #verified = new LRUCache<string, { caller: Required<AuthenticatedCaller>; keySet: KeySet }>({
    max: MAX_CACHED_TOKENS,
  });

  constructor(
    private readonly jwks: JwksCache,
    private readonly rules: TokenRules,
    private readonly failedLoginLimit: FailedLoginLimit,
    private readonly clock: Clock,
  ) {}

  async authenticate(authorization: string | undefined, address: string): Promise<AuthenticationResult> {
    // Neither case costs a signature check nor lets a caller guess, so neither counts as a failed login.
    if (authorization === undefined) return { kind: 'unauthenticated', reason: 'no token' };
    const token = BEARER_TOKEN.exec(authorization)?.[1];
    if (token === undefined || token.length > MAX_TOKEN_LENGTH) return { kind: 'unauthenticated', reason: 'no JWT' };
    const cached = this.#cached(token);
    // Before the limit: failed logins behind a shared address must not lock out callers with a verified token.
    if (cached !== undefined) return cached;
    const retryAfterSeconds = await this.failedLoginLimit.retryAfterSeconds(address);
    if (retryAfterSeconds !== undefined) return { kind: 'rateLimited', retryAfterSeconds };
    return this.#verify(token, address);
  }

  #cached(token: string): AuthenticatedCaller | undefined {
    const keySet = this.jwks.current();
    if (keySet === undefined) return undefined;
    const digest = digestOf(token);
    const entry = this.#verified.get(digest);
    if (entry?.keySet === keySet && this.clock.epochMs() < entry.caller.validUntilMs) return entry.caller;
    this.#verified.delete(digest);
    return undefined;
  }

  async #verify(token: string, address: string): Promise<AuthenticationResult> {
    try {
      const keySet = this.jwks.current();
      const verified = await verifyAccessToken(token, this.rules, this.jwks.getKey, this.clock.epochMs());
      // A key set that was refreshed meanwhile may lack the key that signed this token.
      if (keySet !== undefined && keySet === this.jwks.current())
        this.#verified.set(digestOf(token), { caller: verified, keySet });
      return verified;
    } catch (error) {
      if (error instanceof JwksUnavailableError)
        return { kind: 'unavailable', retryAfterSeconds: error.retryAfterSeconds };
      if (!(error instanceof InvalidTokenError)) throw error;
      await this.failedLoginLimit.record(address);
      return { kind: 'unauthenticated', reason: error.message };
    }
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}
