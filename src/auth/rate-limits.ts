import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import type { IRateLimiterRedisOptions, RateLimiterAbstract } from 'rate-limiter-flexible';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { networkOf } from '../lib/ip-address.js';
import type { Clock } from '../lib/time.js';
import type { MutationLimit } from './caller.js';

/** How many mutations one tenant may send. */
export interface MutationLimitRule {
  readonly mutations: number;
  /** Length of the window in seconds; it begins with its first mutation. */
  readonly windowSeconds: number;
}

/** Key prefix of all counters. Has its own hash tag, so that they need not share a cluster slot with the records. */
// Stored: do not rename.
export const COUNTER_PREFIX = 'dli-gateway:{limits}:';
const CREATE_PREFIX = `${COUNTER_PREFIX}create`;
const LOGIN_PREFIX = `${COUNTER_PREFIX}login`;
const LOGIN_WINDOW_SECONDS = 60;
const VERIFICATIONS_PER_SECOND = 200;
const MAX_VERIFICATION_WAIT_MS = 2_000;
const MAX_NETWORKS = 10_000;

/** Counters in Redis that several gateways share. */
export interface SharedCounters {
  redis: Redis;
  /** A secret that only these gateways know; the same for all of them. Undefined while it is unavailable. */
  secret: () => Promise<KeyObject | undefined>;
}

/** Names counters by keyed hashes, so that nobody who reads Redis can guess whom they count. */
class CounterNames {
  readonly #ownSecret = createSecretKey(randomBytes(32));

  constructor(private readonly sharedSecret: SharedCounters['secret'] | undefined) {}

  // Stored: do not rename the kinds.
  async hash(kind: 'createLimit' | 'loginLimit', counted: string): Promise<Buffer> {
    // Until the store has been reached once, creates fail anyway, and this process counts alone.
    const secret = (await this.sharedSecret?.()) ?? this.#ownSecret;
    return createHmac('sha256', secret)
      .update(JSON.stringify([kind, counted]))
      .digest();
  }
}

/**
 * Limits the mutations of each tenant.
 *
 * Gateways that share a Redis share the counters. While Redis is unavailable, each gateway counts alone, so n gateways
 * allow n times the limit.
 */
export class TenantMutationLimit implements MutationLimit {
  readonly #limiter: RateLimiterAbstract;
  readonly #names: CounterNames;

  /** @param shared counters in Redis; if undefined, this process counts alone */
  constructor({ mutations, windowSeconds }: MutationLimitRule, shared: SharedCounters | undefined) {
    const rule = { points: mutations, duration: windowSeconds, keyPrefix: CREATE_PREFIX };
    // Spares Redis the requests of a tenant who has used up the window.
    this.#limiter = createLimiter({ ...rule, inMemoryBlockOnConsumed: mutations + 1 }, shared?.redis);
    this.#names = new CounterNames(shared?.secret);
  }

  async take(tenant: string): Promise<number | undefined> {
    const name = await this.#names.hash('createLimit', tenant);
    try {
      await this.#limiter.consume(name.toString('base64url'));
      return undefined;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000));
    }
  }
}

/**
 * Limits refused access tokens per client address and minute.
 *
 * Addresses are hashed to 65,536 counters, which bounds the memory used here or in Redis. The hash is keyed, so
 * clients cannot find out who shares their counter.
 */
export class FailedLoginLimit {
  readonly #limiter: RateLimiterAbstract;
  readonly #names: CounterNames;

  /**
   * @param maxPerMinute refused tokens per address and minute
   * @param shared counters in Redis; if undefined, and while Redis is unavailable, this process counts alone
   */
  constructor(
    private readonly maxPerMinute: number,
    shared?: SharedCounters,
  ) {
    const rule = { points: maxPerMinute, duration: LOGIN_WINDOW_SECONDS, keyPrefix: LOGIN_PREFIX };
    this.#names = new CounterNames(shared?.secret);
    this.#limiter = createLimiter(rule, shared?.redis);
  }

  /** Seconds until the limit of this address ends; undefined when it is not reached. */
  async retryAfterSeconds(address: string): Promise<number | undefined> {
    const counter = await this.#limiter.get(await this.#counterOf(address));
    if (counter === null || counter.msBeforeNext <= 0 || counter.consumedPoints < this.maxPerMinute) return undefined;
    return Math.ceil(counter.msBeforeNext / 1_000);
  }

  /** Counts a refused token of this address. */
  async record(address: string): Promise<void> {
    await this.#limiter.penalty(await this.#counterOf(address));
  }

  async #counterOf(address: string): Promise<number> {
    return (await this.#names.hash('loginLimit', networkOf(address))).readUInt16BE();
  }
}

/** Counts in Redis if it is configured, and in this process otherwise or while Redis is unavailable. */
function createLimiter(
  rule: Omit<IRateLimiterRedisOptions, 'storeClient'>,
  redis: Redis | undefined,
): RateLimiterAbstract {
  const local = new RateLimiterMemory(rule);
  if (redis === undefined) return local;
  const shared = { storeClient: redis, insuranceLimiter: local, rejectIfRedisNotReady: true };
  return new RateLimiterRedis({ ...rule, ...shared });
}

/** Too many verifications are waiting for this address. The token was not verified and may be valid. */
export class VerificationQueueFullError extends Error {
  override readonly name = 'VerificationQueueFullError';

  constructor(readonly retryAfterSeconds: number) {
    super('not verified');
  }
}

/**
 * Spaces out the signature checks of an address with too many refused tokens. Its valid tokens are accepted after a
 * short wait, and its invalid ones get a bounded share of the CPU. Addresses do not delay each other.
 */
export class VerificationQueue {
  /** When the next verification may start, by network. */
  // `maxSize`, because `max` would allocate room for all entries at once.
  readonly #freeAtMs = new LRUCache<string, number>({ maxSize: MAX_NETWORKS, sizeCalculation: () => 1 });
  readonly #intervalMs: number;

  /** @param perSecond verifications per address; 200 by default */
  constructor(
    private readonly clock: Clock,
    perSecond = VERIFICATIONS_PER_SECOND,
  ) {
    this.#intervalMs = 1_000 / perSecond;
  }

  /**
   * Waits for a turn.
   *
   * @throws {VerificationQueueFullError} when it would take more than 2 s
   */
  async enter(address: string): Promise<void> {
    const network = networkOf(address);
    const nowMs = this.clock.monotonicMs();
    const waitMs = Math.max(0, (this.#freeAtMs.get(network) ?? 0) - nowMs);
    if (waitMs > MAX_VERIFICATION_WAIT_MS) throw new VerificationQueueFullError(Math.ceil(waitMs / 1_000));
    this.#freeAtMs.set(network, nowMs + waitMs + this.#intervalMs);
    if (waitMs > 0) await delay(waitMs);
  }
}
