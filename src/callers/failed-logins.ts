import { createHmac, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { addressGroupOf } from './address-group.js';

const WINDOW_SECONDS = 60;
// With braces of its own, so that the counters need not share a slot of a cluster with the records.
const PREFIX = 'dli-gateway:{limits}:login';

/** Where gateways count together. */
export interface SharedCounters {
  redis: Redis;
  /** Known to the gateways alone, and the same to all of them. */
  secret: string;
}

/**
 * Counts refused tokens by address, for a minute each: together with the gateways that share Redis, or else in this
 * process.
 *
 * Addresses share 65,536 counters, so that no number of strangers takes more memory, here or in the store of the
 * operation records; who shares one cannot be told from outside.
 */
export class FailedLogins {
  readonly #limiter: RateLimiterAbstract;
  readonly #most: number;
  readonly #secret: string | Buffer;

  /**
   * @param most refused tokens of one address in a minute
   * @param shared while its Redis does not answer this process counts alone
   */
  constructor(most: number, shared?: SharedCounters) {
    const rule = { points: most, duration: WINDOW_SECONDS, keyPrefix: PREFIX };
    const alone = new RateLimiterMemory(rule);
    this.#most = most;
    this.#secret = shared?.secret ?? randomBytes(16);
    this.#limiter =
      shared === undefined
        ? alone
        : new RateLimiterRedis({
            ...rule,
            storeClient: shared.redis,
            insuranceLimiter: alone,
            rejectIfRedisNotReady: true,
          });
  }

  /** Seconds until tokens of an address are looked at again; undefined when they are now. */
  async waitSeconds(address: string): Promise<number | undefined> {
    const count = await this.#limiter.get(this.#counterOf(address));
    if (count === null || count.msBeforeNext <= 0 || count.consumedPoints < this.#most) return undefined;
    return Math.ceil(count.msBeforeNext / 1_000);
  }

  /** Counts one. */
  async add(address: string): Promise<void> {
    await this.#limiter.penalty(this.#counterOf(address));
  }

  #counterOf(address: string): number {
    return createHmac('sha256', this.#secret).update(addressGroupOf(address)).digest().readUInt16BE();
  }
}
