import type { JWTHeaderParameters, JWTPayload, JWTVerifyGetKey } from 'jose';
import { errors, jwtVerify } from 'jose';
import type { Caller, Role } from './caller.js';
import { ROLES } from './caller.js';
import { KeysUnavailableError } from './jwks.js';

/** Which tokens are good, and what they stand for. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** Signature algorithms, asymmetric ones only: with a symmetric one the public key would be a password. */
  readonly algorithms: readonly string[];
  /** The claim that says which tenant the caller belongs to. */
  readonly tenantClaim: string;
  /** The scope that gives each role. */
  readonly scopes: Readonly<Record<Role, string>>;
  /** How old a token may be by its `iat`, when it has one; in seconds. */
  readonly maxAgeSeconds: number;
}

/** A token that was found good. */
export interface GoodToken {
  readonly caller: Caller;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly validUntilMs: number;
}

/** The token is not good; the message is a word for the log and holds nothing of the token. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
}

const TOLERANCE_SECONDS = 5;
const MAX_CLAIM_LENGTH = 256;
// Keys come from the issuer alone; a token that brings its own is an attempt.
const KEYS_IN_HEADER = ['jwk', 'jku', 'x5c', 'x5u'] as const;
// RFC 9068 wants at+jwt, but many issuers write JWT or nothing. What is written for another purpose (logout+jwt,
// dpop+jwt, ...) is no access token; ID tokens, which write JWT too, have another audience.
const TYPES: ReadonlySet<unknown> = new Set([undefined, 'at+jwt', 'application/at+jwt', 'jwt']);

/**
 * Checks an access token by the rules and reads the caller from it.
 *
 * @param nowMs milliseconds since 1970-01-01 UTC
 * @throws {TokenRefusedError}
 * @throws {KeysUnavailableError} when it cannot be checked now
 */
export async function checkAccessToken(
  token: string,
  rules: TokenRules,
  findKey: JWTVerifyGetKey,
  nowMs: number,
): Promise<GoodToken> {
  const { issuer, audience, algorithms, tenantClaim } = rules;
  try {
    const { payload } = await jwtVerify(
      token,
      (header, jws) => {
        checkHeader(header);
        return findKey(header, jws);
      },
      {
        issuer,
        audience,
        algorithms: [...algorithms],
        requiredClaims: ['exp', 'sub', tenantClaim],
        clockTolerance: TOLERANCE_SECONDS,
        currentDate: new Date(nowMs),
      },
    );
    return { caller: callerOf(payload, rules), validUntilMs: endOf(payload, rules, nowMs) };
  } catch (error) {
    if (error instanceof TokenRefusedError || error instanceof KeysUnavailableError) throw error;
    throw new TokenRefusedError(reasonOf(error));
  }
}

function checkHeader(header: JWTHeaderParameters): void {
  if (!TYPES.has(header.typ?.toLowerCase())) throw new TokenRefusedError('type');
  if (KEYS_IN_HEADER.some(name => name in header)) throw new TokenRefusedError('key in header');
}

function endOf({ iat, exp = 0 }: JWTPayload, { maxAgeSeconds }: TokenRules, nowMs: number): number {
  const nowSeconds = Math.floor(nowMs / 1_000);
  if (iat !== undefined && iat > nowSeconds + TOLERANCE_SECONDS)
    throw new TokenRefusedError('from the future');
  const oldestEnd = iat === undefined ? exp : Math.min(exp, iat + maxAgeSeconds);
  if (nowSeconds >= oldestEnd + TOLERANCE_SECONDS) throw new TokenRefusedError('too old');
  return (oldestEnd + TOLERANCE_SECONDS) * 1_000;
}

function callerOf(payload: JWTPayload, { tenantClaim, scopes }: TokenRules): Caller {
  const granted = new Set([...words(payload['scope']), ...words(payload['scp'])]);
  const roles = ROLES.filter(role => granted.has(scopes[role]));
  return {
    tenant: nameIn(payload, tenantClaim),
    subject: nameIn(payload, 'sub'),
    roles: new Set(roles),
  };
}

function nameIn(payload: JWTPayload, claim: string): string {
  const value = payload[claim];
  if (typeof value === 'string' && value !== '' && value.length <= MAX_CLAIM_LENGTH) return value;
  throw new TokenRefusedError('name');
}

// `scope` is a text with spaces (RFC 8693); some issuers write `scp`, as a text or a list.
function words(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim.filter(word => typeof word === 'string') : [];
}

// A key of the issuer that cannot be used throws errors of several kinds, whose texts may hold what was sent.
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `${error.code} ${error.claim}`;
  if (error instanceof errors.JOSEError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
