import { createHmac, hash, randomBytes } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import type { Redis } from 'ioredis';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { CreateLimit } from './caller.js';

/** How much one tenant may create and delete. */
export interface CreateLimitRule {
  /** Creates and deletes in one window. */
  readonly creates: number;
  /** Length of a window, which begins with the first one in it. */
  readonly windowSeconds: number;
}

// With braces of its own, so that the counters need not share a slot of a cluster with the records.
const CREATE_PREFIX = 'dli-gateway:{limits}:create';
const LOGIN_PREFIX = 'dli-gateway:{limits}:login';

/** Counts creates and deletes by tenant: together with the gateways that share Redis, or else in this process. */
export class TenantCreateLimit implements CreateLimit {
  readonly #limiter: RateLimiterAbstract;

  /** @param redis while it does not answer this process counts alone, so that a limit of n gateways becomes n limits */
  constructor({ creates, windowSeconds }: CreateLimitRule, redis: Redis | undefined) {
    const rule = { points: creates, duration: windowSeconds, keyPrefix: CREATE_PREFIX };
    const alone = new RateLimiterMemory(rule);
    this.#limiter =
      redis === undefined
        ? alone
        : new RateLimiterRedis({
            ...rule,
            storeClient: redis,
            insuranceLimiter: alone,
            rejectIfRedisNotReady: true,
            // Redis is not asked again for a tenant who has used the window up.
            inMemoryBlockOnConsumed: creates + 1,
          });
  }

  async take(tenant: string): Promise<number | undefined> {
    try {
      // Tenants are names; whoever reads the store need not learn them.
      await this.#limiter.consume(hash('sha256', tenant, 'base64url'));
      return undefined;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000));
    }
  }
}

const WINDOW_SECONDS = 60;

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
    const rule = { points: most, duration: WINDOW_SECONDS, keyPrefix: LOGIN_PREFIX };
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

/**
 * What addresses of one party have in common: an IPv4 address whole, of an IPv6 address the first 64 bits, because
 * whoever has one of those has all that begin with them.
 */
function addressGroupOf(address: string): string {
  const [plain = ''] = address.split('%');
  const mapped = /^::ffff:([\d.]+)$/i.exec(plain)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const first = groupsOf(head);
  const last = tail === undefined ? [] : groupsOf(tail);
  const missing = tail === undefined ? 0 : 8 - first.length - last.length;
  const all = [...first, ...Array<string>(Math.max(0, missing)).fill('0'), ...last];
  return all
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':');
}

// An IPv4 address at the end stands for two groups.
function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text.split(':').flatMap(group => (group.includes('.') ? ['0', '0'] : [group]));
}
