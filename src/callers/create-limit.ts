import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** How much one tenant may create and delete. */
export interface CreateLimitRule {
  /** Creates and deletes in one window. */
  readonly creates: number;
  /** Length of a window, which begins with the first one in it. */
  readonly windowSeconds: number;
}

/** Says whether a tenant may create or delete now. */
export interface CreateLimit {
  /** Counts one create or delete; gives the seconds to wait when it is one too many, and undefined when it is not. */
  take(tenant: string): Promise<number | undefined>;
}

// With braces of its own, so that the counters need not share a slot of a cluster with the records.
const PREFIX = 'dli-gateway:{limits}:create';

/** Counts creates and deletes by tenant: together with the gateways that share Redis, or else in this process. */
export class TenantCreateLimit implements CreateLimit {
  readonly #limiter: RateLimiterAbstract;

  /** @param redis while it does not answer this process counts alone, so that a limit of n gateways becomes n limits */
  constructor({ creates, windowSeconds }: CreateLimitRule, redis: Redis | undefined) {
    const rule = { points: creates, duration: windowSeconds, keyPrefix: PREFIX };
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
