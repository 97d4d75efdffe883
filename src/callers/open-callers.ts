import type { Redis, RedisOptions } from 'ioredis';
import type { TokenRules } from '../auth/access-token.js';
import type { CallerGate } from '../auth/caller.js';
import { OPEN_GATE } from '../auth/caller.js';
import type { HeldConnections } from '../auth/connection-quota.js';
import { TenantConnections, UNCOUNTED_CONNECTIONS } from '../auth/connection-quota.js';
import type { IssuerPlace } from '../auth/jwks.js';
import type { CreateLimit, CreateLimitRule, SharedCounters } from '../auth/rate-limits.js';
import type { Clock } from '../lib/time.js';
import type { CallersLog } from './callers-log.js';

/** What operators decide about callers. */
export interface CallersConfig {
  /** Whose tokens callers show; undefined lets everybody in. */
  readonly tokens: (TokenRules & IssuerPlace) | undefined;
  /** undefined: as many as they like. */
  readonly createLimit: CreateLimitRule | undefined;
  /** Refused tokens of one address in a minute, after which no more of its tokens are looked at. */
  readonly failedLoginsPerMinute: number;
}

/** What decides about callers. */
export interface Callers {
  gate: CallerGate;
  createLimit: CreateLimit;
  connections: HeldConnections;
  close(): Promise<void>;
}

/** Puts together what decides about callers; loads only what the configuration needs. */
export async function openCallers(parts: {
  config: CallersConfig;
  /** Where limits are counted together with other gateways. */
  redis: RedisOptions | undefined;
  clock: Clock;
  log: CallersLog;
}): Promise<Callers> {
  const { config, redis, clock, log } = parts;
  const isCounting = config.tokens !== undefined || config.createLimit !== undefined;
  const shared = isCounting && redis !== undefined ? await openShared(redis, log) : undefined;
  return {
    gate: await openGate(config, shared, clock, log),
    createLimit: await openLimit(config.createLimit, shared?.redis),
    connections: config.tokens === undefined ? UNCOUNTED_CONNECTIONS : new TenantConnections(),
    async close() {
      await shared?.close();
    },
  };
}

async function openShared(
  redis: RedisOptions,
  log: CallersLog,
): Promise<SharedCounters & { close(): Promise<void> }> {
  const { openSharedCounters } = await import('../auth/rate-limits.js');
  return openSharedCounters(redis, log);
}

async function openGate(
  { tokens, failedLoginsPerMinute }: CallersConfig,
  shared: SharedCounters | undefined,
  clock: Clock,
  log: CallersLog,
): Promise<CallerGate> {
  if (tokens === undefined) return OPEN_GATE;
  const { openTokenGate } = await import('./open-token-gate.js');
  return openTokenGate({ tokens, failedLoginsPerMinute, shared, clock, log });
}

async function openLimit(rule: CreateLimitRule | undefined, redis: Redis | undefined): Promise<CreateLimit> {
  if (rule === undefined) return { take: async () => undefined };
  const { TenantCreateLimit } = await import('../auth/rate-limits.js');
  return new TenantCreateLimit(rule, redis);
}
