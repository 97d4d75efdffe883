import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { EmulatorOptions, EmulatorProject, EmulatorUser } from './options.js';
import type { ReceivedRequest } from './server.js';
import type { SignatureClaim } from './signature.js';
import { isDateCurrent, isSignatureOf, parseAuthorization, sha256Hex } from './signature.js';

const LOCK_MS = 5 * 60 * 1_000;
const MAX_TRACKED_KEYS = 1_000;
const MAX_TOKENS = 10_000;

/** How a request authenticates. */
export type AuthenticationKind = 'signature' | 'token' | 'none';

/** The authenticated sender of a request: an access key of the account, or a token with its scope. */
type Principal =
  | { readonly kind: 'accessKey' }
  | { readonly kind: 'token'; readonly project: EmulatorProject | undefined };

/**
 * Result of authenticating a request. A refusal has the error code of the API gateway and the detail after its standard
 * message.
 */
export type Authentication = { readonly kind: AuthenticationKind } & (
  | { readonly principal: Principal; readonly refusal?: never }
  | { readonly refusal: { code: 'APIGW.0301' | 'APIGW.0307'; detail: string }; readonly principal?: never }
);

/** Authenticates a request by its signature or else by its token. */
export function authenticate(
  request: ReceivedRequest,
  accessKeys: AccessKeyCheck,
  tokens: TokenStore,
  nowMs: number,
): Authentication {
  const authorization = request.headers.get('authorization') ?? '';
  if (authorization.startsWith('SDK-HMAC-SHA256')) {
    const detail = accessKeys.refusalOf(request);
    if (detail === undefined) return { kind: 'signature', principal: { kind: 'accessKey' } };
    return refused('signature', detail);
  }
  const text = request.headers.get('x-auth-token');
  if (text === undefined)
    return authorization.startsWith('V11-HMAC-SHA256')
      ? refused('signature', 'the derived algorithm V11-HMAC-SHA256 is not supported here')
      : refused('none', 'x-auth-token not found');
  const token = tokens.find(text);
  if (token === undefined) return refused('token', 'decrypt token fail');
  if (token.expiresAtMs <= nowMs) return { kind: 'token', refusal: { code: 'APIGW.0307', detail: '' } };
  return { kind: 'token', principal: { kind: 'token', project: token.project } };
}

function refused(kind: AuthenticationKind, detail: string): Authentication {
  return { kind, refusal: { code: 'APIGW.0301', detail } };
}

interface Failures {
  count: number;
  lockedUntilMs: number;
}

/** Verifies signed requests against the configured key pairs, and locks keys after repeated failures. */
export class AccessKeyCheck {
  readonly #failures = new Map<string, Failures>();

  constructor(private readonly options: EmulatorOptions) {}

  /** Returns the documented reason for refusing the signature; undefined if the signature is valid. */
  refusalOf(request: ReceivedRequest): string | undefined {
    const claim = parseAuthorization(request.headers.get('authorization') ?? '');
    if (claim === undefined) return 'verify aksk signature fail';
    const nowMs = this.options.now();
    if ((this.#failures.get(claim.accessKey)?.lockedUntilMs ?? 0) > nowMs)
      return 'AK access failed to reach the limit,forbidden';
    const refusal = this.#check(request, claim, nowMs);
    if (refusal === undefined) this.#failures.delete(claim.accessKey);
    else this.#countFailure(claim.accessKey, nowMs);
    return refusal;
  }

  /** Unlocks all keys and forgets their failures. */
  clear(): void {
    this.#failures.clear();
  }

  #check(request: ReceivedRequest, claim: SignatureClaim, nowMs: number): string | undefined {
    const unknownKey = `Get secretKey failed,ak:${claim.accessKey},err:ak not exist`;
    const key = this.options.accessKeys.find(candidate => candidate.accessKey === claim.accessKey);
    if (key === undefined) return unknownKey;
    if (!isDateCurrent(request.headers.get('x-sdk-date'), nowMs)) return 'calc ak sk signature fail:signature expired';
    const sentToken = request.headers.get('x-security-token');
    // The real text is not documented. A temporary key without its token is treated as unknown.
    if (sentToken === undefined && key.securityToken !== undefined) return unknownKey;
    if (sentToken !== undefined && (key.securityToken === undefined || !isSameSecret(sentToken, key.securityToken)))
      return 'decrypt token fail';
    return isSignatureOf(request, claim, key.secretKey) ? undefined : 'verify aksk signature fail';
  }

  #countFailure(accessKey: string, nowMs: number): void {
    const limit = this.options.lockAfterFailures;
    if (limit === 0) return;
    if (this.#failures.size >= MAX_TRACKED_KEYS) this.#failures.clear();
    const count = (this.#failures.get(accessKey)?.count ?? 0) + 1;
    this.#failures.set(
      accessKey,
      count >= limit ? { count: 0, lockedUntilMs: nowMs + LOCK_MS } : { count, lockedUntilMs: 0 },
    );
  }
}

// Hashed, because the constant-time comparison requires equal lengths.
function isSameSecret(left: string, right: string): boolean {
  return timingSafeEqual(Buffer.from(sha256Hex(left)), Buffer.from(sha256Hex(right)));
}

/** A token issued by IAM. Without `project` it is scoped to the account or unscoped. */
export interface IssuedToken {
  readonly token: string;
  readonly user: EmulatorUser;
  readonly project: EmulatorProject | undefined;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** The issued tokens. */
export class TokenStore {
  readonly #tokens = new Map<string, IssuedToken>();

  constructor(private readonly options: EmulatorOptions) {}

  /** Creates a token, which becomes valid with {@link TokenStore.add}. */
  create(user: EmulatorUser, project: EmulatorProject | undefined): IssuedToken {
    const issuedAtMs = this.options.now();
    // Real tokens are opaque, start with MII and are long enough to matter for header limits.
    const token = `MII${randomBytes(960).toString('base64')}`;
    return { token, user, project, issuedAtMs, expiresAtMs: issuedAtMs + this.options.tokenLifetimeMs };
  }

  /** Makes a token valid. Earlier tokens stay valid. */
  add(token: IssuedToken): void {
    const oldest = this.#tokens.size >= MAX_TOKENS ? this.#tokens.keys().next().value : undefined;
    if (oldest !== undefined) this.#tokens.delete(oldest);
    this.#tokens.set(token.token, token);
  }

  /** Finds a token by its text, even if it has expired. */
  find(token: string): IssuedToken | undefined {
    return this.#tokens.get(token);
  }

  /** Expires all tokens issued so far; requests that use them get the error for expired tokens. */
  expireAll(): void {
    for (const [text, token] of this.#tokens) this.#tokens.set(text, { ...token, expiresAtMs: 0 });
  }

  /** Forgets all tokens, which are then invalid. */
  clear(): void {
    this.#tokens.clear();
  }
}
