import { createHmac, hash } from 'node:crypto';
import type { TraceContext } from '../lib/logger.js';
import { newTrace } from '../lib/logger.js';
import type { Clock, Deadline } from '../lib/time.js';
import type {
  Authentication,
  Authenticator,
  CheckVerdict,
  CredentialCheck,
  CredentialStatus,
  CredentialUse,
  RotationResult,
  SuspensionListener,
  UnauthenticatedRequest,
} from './authenticator.js';
import { AuthenticationError } from './authenticator.js';
import { CredentialProbe, CurrentCredential } from './credential-probe.js';
import type { IamClient } from './iam-client.js';
import { LockoutGuard, RefusalWindow } from './lockout-guard.js';
import type { LoadedValue } from './refreshing-value.js';
import { RefreshingValue } from './refreshing-value.js';

// A key that was idle for longer may have been revoked, so the first request of a burst probes it.
const PROOF_LIFE_MS = 60_000;

/** A permanent or temporary access key pair of Huawei Cloud (AK/SK). */
export interface AccessKeyCredentials {
  accessKey: string;
  secretKey: string;
  /** Required with temporary keys, absent otherwise. */
  securityToken?: string;
}

interface KeyState {
  credentials: AccessKeyCredentials;
  guard: LockoutGuard;
  probe: CredentialProbe;
}

/**
 * Signs every request with an access key pair (AK/SK). Looks up the project id once if it is not configured; a
 * rotated pair keeps the project.
 */
export class AccessKeyAuthenticator implements Authenticator {
  readonly #key: CurrentCredential<KeyState>;
  /** The project id from IAM; not used if it is configured. */
  readonly #projectId: RefreshingValue<string>;
  /** Refusals of pairs that were never in use. */
  readonly #refusals: RefusalWindow;

  constructor(
    credentials: AccessKeyCredentials,
    private readonly project: { id: string | undefined; name: string },
    private readonly iam: IamClient,
    private readonly clock: Clock,
    private readonly onSuspended: SuspensionListener,
  ) {
    this.#projectId = new RefreshingValue(
      async trace => forEver(await this.#findProjectId(this.#key.state, trace)),
      clock,
    );
    this.#refusals = new RefusalWindow(clock);
    this.#key = new CurrentCredential(this.#createState(credentials));
  }

  get status(): CredentialStatus {
    const { guard } = this.#key.state;
    return {
      isUsable: !guard.isRefusedRepeatedly() && !this.#projectId.isUnavailable(),
      wasRefusedLast: guard.wasRefusedLast(),
    };
  }

  /**
   * Rotates the key pair once the next one is proven; the current one stays in use until then. It is replaced by an
   * unproven one only if it was refused itself: nothing can get worse then.
   *
   * @param check checks a pair by a request to the project
   */
  async rotate(next: AccessKeyCredentials, check: CredentialCheck): Promise<RotationResult> {
    if (this.#refusals.fullForMs() > 0) return 'unproven';
    const trace = newTrace();
    const state = this.#createState(next);
    const verdict = await this.#check(state, check, trace);
    if (verdict === 'REFUSED' || verdict === 'EXPIRED') {
      this.#refusals.add(next);
      // With a wrong clock the current pair is refused as well, and it may be the better one.
      return verdict === 'REFUSED' ? 'refused' : 'unproven';
    }
    if (verdict === 'UNPROVEN' && !this.#key.state.guard.wasRefusedLast()) return 'unproven';
    if (verdict === 'ACCEPTED') state.probe.markProven();
    this.#key.replace(state, () => {
      if (this.project.id === undefined && this.#projectId.current() === undefined) this.#projectId.reload(trace);
    });
    return 'adopted';
  }

  authenticate(deadline: Deadline, trace: TraceContext): Promise<CredentialUse> {
    return this.#key.use(async ({ credentials, guard, probe }) => {
      const projectId = this.project.id ?? (await this.#projectId.get(deadline, () => guard.check(), trace));
      const permit = await probe.acquire(deadline);
      return probe.use(this.#authenticationOf(credentials, projectId), permit, () => {
        guard.recordRefusal();
        // A new signature by the same key would be refused, too.
        return false;
      });
    });
  }

  #createState(credentials: AccessKeyCredentials): KeyState {
    const guard = new LockoutGuard(this.clock, new RefusalWindow(this.clock), this.onSuspended);
    return { credentials, guard, probe: new CredentialProbe(guard, this.clock, PROOF_LIFE_MS) };
  }

  async #check(state: KeyState, check: CredentialCheck, trace: TraceContext): Promise<CheckVerdict> {
    try {
      const known = this.project.id ?? this.#projectId.current();
      if (known !== undefined) return await check(this.#authenticationOf(state.credentials, known), trace);
      this.#projectId.replace(forEver(await this.#findProjectId(state, trace)));
      return 'ACCEPTED';
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      if (error.isSignatureExpired) return 'EXPIRED';
      return error.failure === 'CREDENTIAL_REFUSED' ? 'REFUSED' : 'UNPROVEN';
    }
  }

  async #findProjectId({ credentials, guard, probe }: KeyState, trace: TraceContext): Promise<string> {
    const sign = (url: URL) => this.#sign({ method: 'GET', url, body: '' }, credentials);
    const projectId = await guard.run(() => this.iam.findProjectId(this.project.name, sign, trace));
    probe.markProven();
    return projectId;
  }

  #authenticationOf(credentials: AccessKeyCredentials, projectId: string): Authentication {
    return { projectId, headersFor: request => this.#sign(request, credentials, projectId) };
  }

  #sign(
    request: UnauthenticatedRequest,
    credentials: AccessKeyCredentials,
    projectId?: string,
  ): Record<string, string> {
    const { securityToken } = credentials;
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      host: request.url.host,
      'x-sdk-date': sdkDate(this.clock.epochMs()),
    };
    if (projectId !== undefined) headers['x-project-id'] = projectId;
    if (securityToken !== undefined) headers['x-security-token'] = securityToken;
    return { ...headers, authorization: signRequest({ ...request, headers }, credentials) };
  }
}

function forEver<T>(value: T): LoadedValue<T> {
  return { value, lifeMs: Number.POSITIVE_INFINITY, refreshAfterMs: Number.POSITIVE_INFINITY };
}

/** Name of the signature scheme in Huawei's API signing guide, see docs/sources.md. */
const SIGNATURE_ALGORITHM = 'SDK-HMAC-SHA256';

/** The parts of a request that a signature covers. */
interface SignableRequest {
  method: string;
  url: URL;
  /** All headers to sign, including `host` and `x-sdk-date`, with lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** The exact text of the body; empty if there is none. */
  body: string;
}

/**
 * Signs a request with an access key pair, following the signing guide of API Gateway.
 *
 * @returns the value of the `Authorization` header
 * @throws {TypeError} if the header `x-sdk-date` is missing
 */
export function signRequest(request: SignableRequest, key: AccessKeyCredentials): string {
  const date = request.headers['x-sdk-date'];
  if (date === undefined) throw new TypeError('A signed request needs the header x-sdk-date.');
  const names = Object.keys(request.headers).sort();
  const signedHeaders = names.join(';');
  const canonicalRequest = [
    request.method,
    canonicalPath(request.url.pathname),
    request.url.search === '' ? '' : canonicalQuery(request.url.searchParams),
    names.map(name => `${name}:${request.headers[name]}\n`).join(''),
    signedHeaders,
    hash('sha256', request.body),
  ].join('\n');
  const stringToSign = `${SIGNATURE_ALGORITHM}\n${date}\n${hash('sha256', canonicalRequest)}`;
  const signature = createHmac('sha256', key.secretKey).update(stringToSign).digest('hex');
  return `${SIGNATURE_ALGORITHM} Access=${key.accessKey}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}

/** Formats a time for `X-Sdk-Date`: `YYYYMMDDTHHMMSSZ`, UTC. */
export function sdkDate(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

// The signed path ends in a slash, the sent one does not.
function canonicalPath(path: string): string {
  const encoded = encode(path).replaceAll('%2F', '/');
  return encoded.endsWith('/') ? encoded : `${encoded}/`;
}

function canonicalQuery(parameters: URLSearchParams): string {
  return [...parameters]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([name, value], [otherName, otherValue]) =>
      name === otherName ? compare(value, otherValue) : compare(name, otherName),
    )
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

// encodeURIComponent leaves five characters unescaped that RFC 3986 reserves.
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
