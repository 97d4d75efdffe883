import type { JWTVerifyGetKey } from 'jose';
import { createLocalJWKSet, errors } from 'jose';
import type { Logger } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';

/** Nobody can say now whether a token is good: the issuer's keys cannot be had. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
  readonly retryAfterSeconds: number;

  constructor(retryAfterMs: number) {
    super('The keys of the issuer cannot be had.');
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  }
}

/** A key set as it was read once; a newer one is another object. */
export interface KeySet {
  readonly find: JWTVerifyGetKey;
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

const RENEW_AFTER_MS = 10 * 60_000;
/** How long keys are used without the issuer, in milliseconds from the last time they were read. */
const LIFE_MS = 60 * 60_000;
/** The least time between two readings while keys are held, whatever callers send. */
const PAUSE_MS = 30_000;
const FIRST_RETRY_MS = 1_000;

/**
 * The issuer's public keys: read at first use and every 10 minutes, used for an hour while they cannot be read
 * again, and read early for a key id that is not known.
 *
 * Key ids are the caller's to invent, so there is one reading at a time, and a pause after each, failed ones
 * included. Before the first success the pause begins with a second and doubles, so that a start during an outage
 * of the issuer heals soon.
 */
export class IssuerKeys {
  readonly #read: () => Promise<JWTVerifyGetKey>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #held: KeySet | undefined;
  #reading: Promise<KeySet> | undefined;
  #failures = 0;
  #nextReadingAtMs = Number.NEGATIVE_INFINITY;

  constructor(read: () => Promise<JWTVerifyGetKey>, clock: Clock, log: Logger) {
    this.#read = read;
    this.#clock = clock;
    this.#log = log;
  }

  /** The keys that may be used now, if there are any; renews them in the background when it is time. */
  held(): KeySet | undefined {
    const nowMs = this.#clock.monotonicMs();
    const held = this.#held;
    if (held === undefined || nowMs >= held.endsAtMs) return undefined;
    // A failure is not this caller's concern: the held keys are still good.
    if (nowMs >= held.renewAtMs && nowMs >= this.#nextReadingAtMs) this.#renew().catch(() => undefined);
    return held;
  }

  /**
   * The key that a token names, as jose asks for it.
   *
   * @throws {KeysUnavailableError} when it is not known and the issuer cannot be asked
   * @throws {errors.JWKSNoMatchingKey} when the issuer has no such key
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const held = this.held() ?? (await this.#renew());
    try {
      return await held.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const renewed = await this.#renew();
      if (renewed === held) throw error;
      return renewed.find(header, token);
    }
  };

  /** Reads the keys, or gives the ones that were read a moment ago. */
  async #renew(): Promise<KeySet> {
    const waitMs = this.#nextReadingAtMs - this.#clock.monotonicMs();
    if (this.#reading === undefined && waitMs > 0) {
      if (this.#failures > 0 || this.#held === undefined) throw new KeysUnavailableError(waitMs);
      return this.#held;
    }
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<KeySet> {
    try {
      const find = await this.#read();
      const nowMs = this.#clock.monotonicMs();
      this.#held = { find, renewAtMs: nowMs + RENEW_AFTER_MS, endsAtMs: nowMs + LIFE_MS };
      this.#failures = 0;
      this.#nextReadingAtMs = nowMs + PAUSE_MS;
      return this.#held;
    } catch (error) {
      const backOffMs = FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 5);
      const pauseMs = this.#held === undefined ? Math.min(PAUSE_MS, backOffMs) : PAUSE_MS;
      this.#failures += 1;
      this.#nextReadingAtMs = this.#clock.monotonicMs() + pauseMs;
      this.#log.warn(
        { operation: 'keys', outcome: 'unavailable', detail: detailOf(error) },
        'the keys that tokens are checked with cannot be read',
      );
      throw new KeysUnavailableError(pauseMs);
    }
  }
}

function detailOf(error: unknown): string {
  if (error instanceof IssuerDocumentError) return error.message;
  return error instanceof Error ? error.name : 'unknown';
}

/** Where the keys of an issuer are. */
export interface IssuerPlace {
  /** The issuer's identifier, exactly as its tokens have it. */
  readonly issuer: string;
  /** Looked up at the issuer (OpenID Connect Discovery) when undefined. */
  readonly keysUrl: URL | undefined;
}

/**
 * A function that reads the issuer's public keys anew at every call.
 *
 * Where they are is looked up once, and again after they could not be read there.
 */
export function keySetReader({ issuer, keysUrl }: IssuerPlace): () => Promise<JWTVerifyGetKey> {
  let discovered: URL | undefined;
  return async () => {
    const url = keysUrl ?? discovered ?? (await discover(issuer));
    discovered = undefined;
    const keys = toKeySet(await readIssuerDocument(url));
    discovered = url;
    return keys;
  };
}

async function discover(issuer: string): Promise<URL> {
  const place = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = await readIssuerDocument(new URL(place));
  if (typeof document !== 'object' || document === null) throw unfit();
  const { issuer: named, jwks_uri: address } = document as Record<string, unknown>;
  // Otherwise somebody else's document could stand in for the issuer's.
  if (named !== issuer) throw new IssuerDocumentError('the discovery document is of another issuer');
  if (typeof address !== 'string' || !URL.canParse(address)) throw unfit();
  const url = new URL(address);
  // Without encryption only where the configuration accepted it: at an issuer on loopback.
  const { protocol, hostname } = new URL(issuer);
  const isPlain = url.protocol === 'http:' && protocol === 'http:' && url.hostname === hostname;
  if ((url.protocol !== 'https:' && !isPlain) || url.username !== '') throw unfit();
  return url;
}

function toKeySet(document: unknown): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(document as Parameters<typeof createLocalJWKSet>[0]);
  } catch (error) {
    if (error instanceof errors.JOSEError)
      throw new IssuerDocumentError('the issuer answered with no key set');
    throw error;
  }
}

function unfit(): IssuerDocumentError {
  return new IssuerDocumentError('the discovery document names no address of keys that may be used');
}

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;

/** A document of the issuer could not be read. The message is ours and names the reason, nothing of the answer. */
class IssuerDocumentError extends Error {
  override readonly name = 'IssuerDocumentError';
}

/**
 * Reads a JSON document from the issuer of tokens: whole within 5 s, at most 256 KiB, not from where a redirect
 * leads, and without any credentials.
 *
 * @throws {IssuerDocumentError}
 */
async function readIssuerDocument(url: URL): Promise<unknown> {
  // One signal for headers and body: an issuer that drips must not hold anybody up.
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      credentials: 'omit',
      signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new IssuerDocumentError(`the issuer answered ${response.status}`);
    }
    return JSON.parse(await readText(response));
  } catch (error) {
    if (error instanceof IssuerDocumentError) throw error;
    if (signal.aborted) throw new IssuerDocumentError('the issuer did not answer in time');
    if (error instanceof SyntaxError) throw new IssuerDocumentError('the issuer did not answer with JSON');
    throw new IssuerDocumentError(`the issuer cannot be reached (${systemCodeOf(error)})`);
  }
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new IssuerDocumentError('the issuer answered with more than 256 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

// fetch wraps the error of the system, whose code alone is fit for a log.
function systemCodeOf(error: unknown): string {
  const cause = propertyOf(error, 'cause');
  const code = propertyOf(cause, 'code');
  return typeof code === 'string' ? code : 'the connection broke';
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
