import type { JWTVerifyGetKey } from 'jose';
import { errors } from 'jose';
import type { Clock } from '../lib/time.js';
import type { CallersLog } from './callers-log.js';
import { IssuerDocumentError } from './issuer-document.js';

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
  readonly #log: CallersLog;
  #held: KeySet | undefined;
  #reading: Promise<KeySet> | undefined;
  #failures = 0;
  #nextReadingAtMs = Number.NEGATIVE_INFINITY;

  constructor(read: () => Promise<JWTVerifyGetKey>, clock: Clock, log: CallersLog) {
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
