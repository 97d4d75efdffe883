import type { JWTVerifyGetKey } from 'jose';
import { createLocalJWKSet, errors } from 'jose';
import type { Transport } from '../huawei-cloud/transport.js';
import { TransportError } from '../huawei-cloud/transport-error.js';
import type { CallDetails, UpstreamLog, UpstreamOperations } from '../huawei-cloud/upstream-log.js';
import { isObject } from '../lib/json.js';
import type { Logger } from '../lib/logger.js';
import { logBug, newTrace } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import { InvalidTokenError, isKeyError } from './access-token.js';

const REFRESH_AFTER_MS = 10 * 60_000;
/** How long a key set is used while it cannot be fetched again. */
const MAX_AGE_MS = 60 * 60_000;
/** Minimum time between two fetches while a key set is cached. */
const COOLDOWN_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const FETCH_TIMEOUT_MS = 5_000;
const MAX_DOCUMENT_BYTES = 256 * 1024;

/** No token can be verified now, because the issuer's keys cannot be fetched. */
export class JwksUnavailableError extends Error {
  override readonly name = 'JwksUnavailableError';
  readonly retryAfterSeconds: number;

  constructor(retryAfterMs: number) {
    super('The keys of the issuer are unavailable.');
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  }
}

/** A fetched key set; every fetch creates a new object. Times are in milliseconds, monotonic. */
export interface KeySet {
  readonly getKey: JWTVerifyGetKey;
  readonly fetchedAtMs: number;
  readonly refreshAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * Cache of the issuer's public keys (JWKS).
 *
 * The key set is fetched at first use and refreshed every 10 minutes, or earlier for an unknown key id. A stale set
 * is used for up to an hour while the issuer is unavailable.
 *
 * Callers choose the key ids, so at most one fetch runs at a time and a cooldown follows each, failed ones included.
 * Until the first success the cooldown starts at one second and doubles, so that a gateway started during an outage
 * of the issuer recovers soon after it.
 */
export class JwksCache {
  #cached: KeySet | undefined;
  #pending: Promise<KeySet> | undefined;
  #failures = 0;
  #nextFetchAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly fetch: () => Promise<JWTVerifyGetKey>,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Age of the cached key set; undefined before the first one was fetched. */
  get ageSeconds(): number | undefined {
    return this.#cached && (this.clock.monotonicMs() - this.#cached.fetchedAtMs) / 1_000;
  }

  /** The cached key set, or undefined when there is none or it is too old. Starts a refresh when one is due. */
  current(): KeySet | undefined {
    const nowMs = this.clock.monotonicMs();
    const cached = this.#cached;
    if (cached === undefined || nowMs >= cached.expiresAtMs) return undefined;
    // A failed refresh does not matter here: the cached keys are still valid.
    if (nowMs >= cached.refreshAtMs && nowMs >= this.#nextFetchAtMs) this.#refresh().catch(() => undefined);
    return cached;
  }

  /**
   * Resolves the key of a token, as jose's `jwtVerify` requests it.
   *
   * @throws {JwksUnavailableError} when the key is not cached and the issuer is unavailable
   * @throws {InvalidTokenError} when the key cannot be used
   * @throws {errors.JWKSNoMatchingKey} when the issuer has no such key
   * @throws {errors.JWKSMultipleMatchingKeys} when it has several; the error iterates over them
   */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    const cached = this.current() ?? (await this.#refresh());
    try {
      return await cached.getKey(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const refreshed = await this.#refresh();
      if (refreshed === cached) throw error;
      return refreshed.getKey(header, token);
    }
  };

  /** Fetches the key set, or returns the cached one during the cooldown. */
  async #refresh(): Promise<KeySet> {
    const waitMs = this.#nextFetchAtMs - this.clock.monotonicMs();
    if (this.#pending === undefined && waitMs > 0) {
      if (this.#failures > 0 || this.#cached === undefined) throw new JwksUnavailableError(waitMs);
      return this.#cached;
    }
    this.#pending ??= this.#fetchOnce().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #fetchOnce(): Promise<KeySet> {
    try {
      const getKey = await this.fetch();
      const nowMs = this.clock.monotonicMs();
      this.#cached = {
        getKey,
        fetchedAtMs: nowMs,
        refreshAtMs: nowMs + REFRESH_AFTER_MS,
        expiresAtMs: nowMs + MAX_AGE_MS,
      };
      this.#failures = 0;
      this.#nextFetchAtMs = nowMs + COOLDOWN_MS;
      return this.#cached;
    } catch (error) {
      const backOffMs = FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 5);
      const cooldownMs = this.#cached === undefined ? Math.min(COOLDOWN_MS, backOffMs) : COOLDOWN_MS;
      this.#failures += 1;
      this.#nextFetchAtMs = this.clock.monotonicMs() + cooldownMs;
      const isBug = !(error instanceof IssuerFetchError);
      if (isBug) logBug(this.log, { operation: 'keys', outcome: 'INTERNAL' }, error);
      const detail = isBug ? nameOf(error) : error.message;
      this.log.warn({ operation: 'keys', outcome: 'unavailable', detail }, 'issuer keys cannot be fetched');
      throw new JwksUnavailableError(cooldownMs);
    }
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}

/** Where to fetch the keys of an issuer. */
export interface JwksLocation {
  /** The issuer identifier, exactly as in the `iss` claim of its tokens. */
  readonly issuer: string;
  /** Undefined: found by OpenID Connect Discovery. */
  readonly jwksUrl: URL | undefined;
}

interface FetcherDependencies {
  transport: Transport;
  upstream: UpstreamLog;
  clock: Clock;
}

/**
 * Creates a function that fetches the issuer's key set, or throws {@link IssuerFetchError}. A discovered address is kept
 * until a fetch from it fails.
 */
export function createJwksFetcher(
  { issuer, jwksUrl }: JwksLocation,
  dependencies: FetcherDependencies,
): () => Promise<JWTVerifyGetKey> {
  const { upstream, clock } = dependencies;
  let discovered: URL | undefined;
  return async () => {
    // The keys are fetched for all callers, so the call belongs to no caller's trace.
    const trace = newTrace();
    const fetchDocument: FetchDocument = async (operation, url) => {
      const startedMs = clock.monotonicMs();
      const details: CallDetails = { outcome: 'OK', mayHaveBeenSent: true };
      try {
        return await fetchIssuerDocument(url, dependencies, details);
      } finally {
        const durationMs = clock.monotonicMs() - startedMs;
        upstream.write({ trace, target: 'issuer', operation, durationMs, ...details });
      }
    };
    const url = jwksUrl ?? discovered ?? (await discover(issuer, fetchDocument));
    discovered = undefined;
    const keys = toKeyGetter(await fetchDocument('fetchKeys', url));
    discovered = url;
    return keys;
  };
}

type FetchDocument = (operation: UpstreamOperations['issuer'], url: URL) => Promise<unknown>;

async function discover(issuer: string, fetchDocument: FetchDocument): Promise<URL> {
  const discoveryUrl = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = await fetchDocument('discoverIssuer', new URL(discoveryUrl));
  if (!isObject(document)) throw noUsableUrl();
  const { issuer: documentIssuer, jwks_uri: jwksUri } = document;
  // OpenID Connect Discovery 1.0, section 4.3: otherwise another issuer could impersonate this one.
  if (documentIssuer !== issuer) throw new IssuerFetchError('the discovery document is of another issuer');
  if (typeof jwksUri !== 'string' || !URL.canParse(jwksUri)) throw noUsableUrl();
  const url = new URL(jwksUri);
  // Unencrypted only where the configuration accepts it: for an issuer on loopback.
  const { protocol, hostname } = new URL(issuer);
  const isLocalHttp = url.protocol === 'http:' && protocol === 'http:' && url.hostname === hostname;
  if ((url.protocol !== 'https:' && !isLocalHttp) || url.username !== '') throw noUsableUrl();
  return url;
}

function toKeyGetter(document: unknown): JWTVerifyGetKey {
  try {
    const getKey = createLocalJWKSet(document as Parameters<typeof createLocalJWKSet>[0]);
    return (header, token) =>
      getKey(header, token).catch(error => {
        throw isKeyError(error) ? new InvalidTokenError(error.name) : error;
      });
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new IssuerFetchError('the issuer answered with no key set');
    throw error;
  }
}

function noUsableUrl(): IssuerFetchError {
  return new IssuerFetchError('the discovery document names no address of keys that may be used');
}

/** A document of the issuer could not be fetched. The message is safe to log: it quotes nothing of the response. */
export class IssuerFetchError extends Error {
  override readonly name = 'IssuerFetchError';
}

/**
 * Fetches a JSON document from the issuer: within 5 s, at most 256 KiB, without following redirects or sending
 * credentials.
 *
 * @param details details of the call for the log, completed here
 * @throws {IssuerFetchError}
 */
async function fetchIssuerDocument(
  url: URL,
  { transport, clock }: FetcherDependencies,
  details: CallDetails,
): Promise<unknown> {
  try {
    const { status, text } = await transport.send({
      method: 'GET',
      url,
      headers: { accept: 'application/json', 'user-agent': 'dli-gateway' },
      deadline: new Deadline(clock, FETCH_TIMEOUT_MS),
      maxBodyBytes: MAX_DOCUMENT_BYTES,
    });
    details.status = status;
    if (status !== 200) throw new IssuerFetchError(`the issuer answered ${status}`);
    return JSON.parse(text);
  } catch (error) {
    details.outcome = 'UNAVAILABLE';
    if (error instanceof IssuerFetchError) throw error;
    if (error instanceof SyntaxError) throw new IssuerFetchError('the issuer did not answer with JSON');
    if (!(error instanceof TransportError)) {
      details.outcome = 'INTERNAL';
      throw error;
    }
    const { failure: errorType, causeCode, mayHaveBeenSent } = error;
    Object.assign(details, { errorType, causeCode, mayHaveBeenSent });
    throw new IssuerFetchError(describeFailure(error));
  }
}

function describeFailure({ failure, causeCode }: TransportError): string {
  if (failure === 'TIMEOUT') return 'the issuer did not answer in time';
  if (failure === 'TOO_LARGE') return 'the issuer answered with more than 256 KiB';
  if (failure === 'PROXY_REFUSED' || failure === 'PROXY_FAILED')
    return `the proxy opens no tunnel to the issuer (${causeCode ?? failure})`;
  return `the issuer cannot be reached (${causeCode ?? 'the connection broke'})`;
}
