import { createHmac, randomBytes } from 'node:crypto';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { addressGroupOf } from './address-group.js';

const WINDOW_SECONDS = 60;

/**
 * Counts refused tokens by address, for a minute each.
 *
 * Kept in this process alone, also where gateways share Redis: it spares this process's CPU time, and strangers must
 * not be able to fill the store of the operation records. Addresses share 65,536 counters, so that no number of them
 * takes more memory; who shares one cannot be told from outside.
 */
export class FailedLogins {
  readonly #limiter: RateLimiterMemory;
  readonly #most: number;
  readonly #secret = randomBytes(16);

  /** @param most refused tokens of one address in a minute */
  constructor(most: number) {
    this.#most = most;
    this.#limiter = new RateLimiterMemory({ points: most, duration: WINDOW_SECONDS });
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
