import { hash } from 'node:crypto';
import { errors } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/time.js';
import type { TokenRules } from './access-token.js';
import { InvalidTokenError, verifyAccessToken } from './access-token.js';
import type { AuthenticatedCaller, AuthenticationResult, CallerAuthenticator } from './caller.js';
import type { JwksCache, KeySet } from './jwks.js';
import { JwksUnavailableError } from './jwks.js';
import type { FailedLoginLimit, VerificationQueue } from './rate-limits.js';
import { VerificationQueueFullError } from './rate-limits.js';

const BEARER_TOKEN = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i;
const MAX_TOKEN_LENGTH = 8_192;
const MAX_CACHED_TOKENS = 5_000;

/**
 * Authenticates callers by JWT access tokens of one issuer.
 *
 * The signature of a token is checked once per key set, not on every request. Refused tokens never lock out valid
 * ones: if an address exceeds its limit of failed logins, its signatures are merely checked at a bounded rate.
 */
export class JwtAuthenticator implements CallerAuthenticator {
  /** Keyed by digest: the caches hold no tokens. */
  readonly #verified = new LRUCache<string, { caller: Required<AuthenticatedCaller>; keySet: KeySet }>({
    // Not `max`, which would allocate room for all entries at once.
    maxSize: MAX_CACHED_TOKENS,
    sizeCalculation: () => 1,
  });
  /** Tokens with a wrong signature, by digest, and the key set that they were checked against. */
  readonly #forged = new LRUCache<string, KeySet>({
    maxSize: MAX_CACHED_TOKENS,
    sizeCalculation: () => 1,
  });

  constructor(
    private readonly jwks: JwksCache,
    private readonly rules: TokenRules,
    private readonly failedLoginLimit: FailedLoginLimit,
    private readonly queue: VerificationQueue,
    private readonly clock: Clock,
  ) {}

  async authenticate(authorization: string | undefined, address: string): Promise<AuthenticationResult> {
    // Neither case costs a signature check nor lets a caller guess, so neither counts as a failed login.
    if (authorization === undefined) return { kind: 'unauthenticated', reason: 'no token' };
    const token = BEARER_TOKEN.exec(authorization)?.[1];
    if (token === undefined || token.length > MAX_TOKEN_LENGTH) return { kind: 'unauthenticated', reason: 'no JWT' };
    const digest = hash('sha256', token, 'base64');
    const cached = this.#cached(digest);
    if (cached !== undefined) return cached;
    const retryAfterSeconds = await this.failedLoginLimit.retryAfterSeconds(address);
    try {
      return await this.#verify(token, digest, retryAfterSeconds === undefined ? undefined : address);
    } catch (error) {
      if (error instanceof JwksUnavailableError)
        return { kind: 'authUnavailable', retryAfterSeconds: error.retryAfterSeconds };
      if (error instanceof VerificationQueueFullError)
        return { kind: 'rateLimited', reason: error.message, retryAfterSeconds: error.retryAfterSeconds };
      if (!(error instanceof InvalidTokenError)) throw error;
      await this.failedLoginLimit.record(address);
      const { message: reason, kind } = error;
      // A client must learn that its token has expired, whatever others at its address send.
      if (retryAfterSeconds === undefined || kind === 'expired') return { kind: 'unauthenticated', reason };
      return { kind: 'rateLimited', reason, retryAfterSeconds };
    }
  }

  #cached(digest: string): AuthenticatedCaller | undefined {
    const keySet = this.jwks.current();
    if (keySet === undefined) return undefined;
    const entry = this.#verified.get(digest);
    if (entry?.keySet === keySet && this.clock.epochMs() < entry.caller.validUntilMs) return entry.caller;
    this.#verified.delete(digest);
    return undefined;
  }

  /** @param limitedAddress the address whose verifications are limited, if they are */
  async #verify(token: string, digest: string, limitedAddress: string | undefined): Promise<AuthenticatedCaller> {
    const keySet = this.jwks.current();
    const beforeCheck = async () => {
      if (keySet !== undefined && this.#forged.get(digest) === keySet)
        throw new InvalidTokenError(errors.JWSSignatureVerificationFailed.code, 'forged');
      if (limitedAddress !== undefined) await this.queue.enter(limitedAddress);
    };
    try {
      const verified = await verifyAccessToken(token, this.rules, this.jwks.getKey, beforeCheck, this.clock.epochMs());
      // A key set that was refreshed meanwhile may lack the key that signed this token.
      if (keySet !== undefined && keySet === this.jwks.current())
        this.#verified.set(digest, { caller: verified, keySet });
      return verified;
    } catch (error) {
      const isForged = error instanceof InvalidTokenError && error.kind === 'forged';
      if (isForged && keySet !== undefined) this.#forged.set(digest, keySet);
      throw error;
    }
  }
}
