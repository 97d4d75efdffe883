import type { FlattenedJWSInput, JWTHeaderParameters, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import { base64url, errors, jwtVerify, UnsecuredJWT } from 'jose';
import { isObject } from '../lib/json.js';
import type { AuthenticatedCaller, Caller, Role } from './caller.js';
import { ROLES } from './caller.js';

/**
 * The rules for access tokens of one issuer (RFC 9068), and how claims map to a {@link Caller}. A claim is given by its
 * name, or by its path if it is nested: `realm_access.roles`.
 */
export interface TokenRules {
  readonly issuer: string;
  /** A token must name at least one of these. */
  readonly audiences: readonly string[];
  /** The claim that holds the token's audience: a string or a list. */
  readonly audienceClaim: string;
  /** Asymmetric signature algorithms only: with HMAC, anyone who has the public key could sign tokens. */
  readonly algorithms: readonly string[];
  /** The claim that holds the caller's tenant. */
  readonly tenantClaim: string;
  /** The claims that hold the caller's scopes: space-separated strings or lists. */
  readonly scopeClaims: readonly string[];
  /** The scope that grants each role. */
  readonly scopes: Readonly<Record<Role, string>>;
  /** Maximum age in seconds, counted from `iat`; not checked for tokens without one. */
  readonly maxAgeSeconds: number;
}

/** The token was refused. The message is a short reason for the log and quotes nothing from the token. */
export class InvalidTokenError extends Error {
  override readonly name = 'InvalidTokenError';

  /** @param kind `expired`: as far as it was checked, the token is only too old; `forged`: its signature is wrong */
  constructor(
    reason: string,
    readonly kind: 'expired' | 'forged' | 'other' = 'other',
  ) {
    super(reason);
  }
}

const CLOCK_TOLERANCE_SECONDS = 5;
const MAX_CLAIM_LENGTH = 256;
// Lone surrogates and the replacement character: encoding could make such a name equal to another one.
const INVALID_UNICODE = /[\p{Surrogate}\ufffd]/u;
// RFC 9068 requires at+jwt, but many issuers send JWT or no type. Tokens of other types (logout+jwt, dpop+jwt, ...)
// are refused. ID tokens, which are typed JWT too, have a different audience.
const ACCEPTED_TYPES: ReadonlySet<unknown> = new Set([undefined, null, 'at+jwt', 'application/at+jwt', 'jwt']);
const UNSECURED_HEADER = base64url.encode('{"alg":"none"}');

/**
 * Verifies an access token and reads the caller from its claims. The expiry includes the clock tolerance.
 *
 * The signature is checked last, because that costs most: `getKey` is called once everything else is known to be valid.
 * It is the only source of keys: those in the header of a token (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
 *
 * @param beforeCheck called before each check of the signature; several keys may match a token
 * @param nowMs milliseconds since 1970-01-01 UTC
 * @throws {InvalidTokenError} when the token is malformed, expired, wrongly signed or lacks a claim
 * @throws {JwksUnavailableError} when the keys of the issuer cannot be fetched
 * @throws {VerificationQueueFullError} when too many tokens are waiting for their signature check
 */
export async function verifyAccessToken(
  token: string,
  rules: TokenRules,
  getKey: JWTVerifyGetKey,
  beforeCheck: () => Promise<void>,
  nowMs: number,
): Promise<Required<AuthenticatedCaller>> {
  const { issuer, algorithms } = rules;
  const claimRules = {
    issuer,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    currentDate: new Date(nowMs),
  };
  const readClaims = (payload: JWTPayload) => {
    checkAudience(payload, rules);
    return { caller: callerOf(payload, rules), validUntilMs: expiryOf(payload, rules, nowMs) };
  };
  let hasKey = false;
  const findKey = async (header: JWTHeaderParameters, jws: FlattenedJWSInput) => {
    checkHeader(header);
    // For refusals only: the caller is read from the verified claims.
    readClaims(UnsecuredJWT.decode(`${UNSECURED_HEADER}.${jws.payload}.`, claimRules).payload);
    const key = await getKey(header, jws);
    await beforeCheck();
    hasKey = true;
    return key;
  };
  const options = { ...claimRules, algorithms: [...algorithms] };
  const { payload } = await jwtVerify(token, findKey, options)
    .catch(error => verifyWithEachKey(token, error, options, beforeCheck))
    .catch(error => {
      if (!isRefusal(error) && !(hasKey && isKeyError(error))) throw error;
      throw new InvalidTokenError(reasonOf(error), kindOf(error));
    });
  return { kind: 'authenticated', ...readClaims(payload) };
}

/** Whether jose or WebCrypto cannot use a key: they throw errors of general classes, which any other code may throw. */
export function isKeyError(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof DOMException;
}

/** Tries all matching keys if jose reports several, because a token has no key id or one that is not unique. */
async function verifyWithEachKey(
  token: string,
  error: unknown,
  options: JWTVerifyOptions,
  beforeCheck: () => Promise<void>,
): Promise<{ payload: JWTPayload }> {
  if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
  for await (const key of error) {
    await beforeCheck();
    // An unusable key, such as one that is too short, must not hide those after it.
    const verified = await jwtVerify(token, key, options).catch(refusal => {
      if (!isRefusal(refusal) && !isKeyError(refusal)) throw refusal;
    });
    if (verified !== undefined) return verified;
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function checkHeader({ typ }: { typ?: unknown }): void {
  if (!ACCEPTED_TYPES.has(typeof typ === 'string' ? typ.toLowerCase() : typ)) throw new InvalidTokenError('type');
}

// Not left to jose, which checks `aud` only.
function checkAudience(payload: JWTPayload, { audiences, audienceClaim }: TokenRules): void {
  const named = [claimAt(payload, audienceClaim)].flat();
  if (!audiences.some(audience => named.includes(audience))) throw invalidClaim(audienceClaim);
}

function expiryOf({ iat, exp = 0 }: JWTPayload, { maxAgeSeconds }: TokenRules, nowMs: number): number {
  const nowSeconds = Math.floor(nowMs / 1_000);
  if (iat !== undefined && iat > nowSeconds + CLOCK_TOLERANCE_SECONDS) throw new InvalidTokenError('from the future');
  const expiresAtSeconds = iat === undefined ? exp : Math.min(exp, iat + maxAgeSeconds);
  if (nowSeconds >= expiresAtSeconds + CLOCK_TOLERANCE_SECONDS) throw new InvalidTokenError('too old', 'expired');
  return (expiresAtSeconds + CLOCK_TOLERANCE_SECONDS) * 1_000;
}

function callerOf(payload: JWTPayload, { tenantClaim, scopeClaims, scopes }: TokenRules): Caller {
  const granted = new Set(scopeClaims.flatMap(claim => scopesIn(claimAt(payload, claim))));
  const roles = ROLES.filter(role => granted.has(scopes[role]));
  return {
    tenant: nameIn(payload, tenantClaim),
    subject: nameIn(payload, 'sub'),
    roles: new Set(roles),
  };
}

function nameIn(payload: JWTPayload, claim: string): string {
  const value = claimAt(payload, claim);
  if (value === undefined) throw invalidClaim(claim);
  // Strings only: the number 7 would become the same tenant as the string '7'.
  const isText = typeof value === 'string' && value !== '' && !INVALID_UNICODE.test(value);
  if (isText && value.length <= MAX_CLAIM_LENGTH) return value;
  throw new InvalidTokenError('name');
}

/** The value of a claim. The longest existing name wins, because a name may contain dots: `https://a.b/tenant`. */
function claimAt(claims: unknown, path: string): unknown {
  if (!isObject(claims)) return undefined;
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    const name = path.slice(0, end);
    // Own properties only: `constructor.name` is not a claim.
    if (Object.hasOwn(claims, name))
      return end === path.length ? claims[name] : claimAt(claims[name], path.slice(end + 1));
  }
  return undefined;
}

// Scopes are a space-separated string (RFC 8693) or a list. A list element is one name, even if it contains a space.
function scopesIn(value: unknown): unknown[] {
  if (typeof value === 'string') return value.split(' ');
  return Array.isArray(value) ? value : [];
}

function invalidClaim(claim: string): InvalidTokenError {
  return new InvalidTokenError(`${errors.JWTClaimValidationFailed.code} ${claim}`);
}

function kindOf(error: unknown): InvalidTokenError['kind'] {
  if (error instanceof errors.JWTExpired) return 'expired';
  return error instanceof errors.JWSSignatureVerificationFailed ? 'forged' : 'other';
}

function isRefusal(error: unknown): boolean {
  return error instanceof errors.JOSEError;
}

// Messages may quote the token.
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `${error.code} ${error.claim}`;
  if (error instanceof errors.JOSEError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
