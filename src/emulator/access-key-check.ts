import { timingSafeEqual } from 'node:crypto';
import { sha256Hex } from './canonical-request.js';
import type { EmulatorAccessKey, EmulatorOptions } from './options.js';
import type { ReceivedRequest } from './received-request.js';
import { isDateCurrent, isSignatureOf, parseAuthorization } from './signature-verifier.js';

const LOCK_MS = 5 * 60 * 1_000;
const MAX_TRACKED_KEYS = 1_000;

interface Failures {
  count: number;
  lockedUntilMs: number;
}

/** Checks signed requests against the known key pairs and locks keys that fail too often. */
export class AccessKeyCheck {
  readonly #failures = new Map<string, Failures>();

  constructor(private readonly options: EmulatorOptions) {}

  /** Why the signature is refused, in the gateway's documented words; undefined when it is right. */
  refusalOf(request: ReceivedRequest): string | undefined {
    const claim = parseAuthorization(request.headers.get('authorization') ?? '');
    if (claim === undefined) return 'verify aksk signature fail';
    const nowMs = this.options.now();
    if ((this.#failures.get(claim.accessKey)?.lockedUntilMs ?? 0) > nowMs)
      return 'AK access failed to reach the limit,forbidden';
    const key = this.options.accessKeys.find(candidate => candidate.accessKey === claim.accessKey);
    const refusal =
      key === undefined
        ? unknownKey(claim.accessKey)
        : (refusalOfDate(request, nowMs) ??
          refusalOfSecurityToken(request, key) ??
          (isSignatureOf(request, claim, key.secretKey) ? undefined : 'verify aksk signature fail'));
    if (refusal === undefined) this.#failures.delete(claim.accessKey);
    else this.#countFailure(claim.accessKey, nowMs);
    return refusal;
  }

  /** Forgets failures and locks. */
  clear(): void {
    this.#failures.clear();
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

function unknownKey(accessKey: string): string {
  return `Get secretKey failed,ak:${accessKey},err:ak not exist`;
}

function refusalOfDate(request: ReceivedRequest, nowMs: number): string | undefined {
  const isCurrent = isDateCurrent(request.headers.get('x-sdk-date'), nowMs);
  return isCurrent ? undefined : 'calc ak sk signature fail:signature expired';
}

// Which words the real gateway uses here is not documented: a temporary key is unknown without its token.
function refusalOfSecurityToken(request: ReceivedRequest, key: EmulatorAccessKey): string | undefined {
  const sent = request.headers.get('x-security-token');
  if (sent === undefined) return key.securityToken === undefined ? undefined : unknownKey(key.accessKey);
  return key.securityToken !== undefined && isSameSecret(sent, key.securityToken)
    ? undefined
    : 'decrypt token fail';
}

// Hashing first gives equal lengths, which the constant-time comparison needs.
function isSameSecret(left: string, right: string): boolean {
  return timingSafeEqual(Buffer.from(sha256Hex(left)), Buffer.from(sha256Hex(right)));
}
