import type { Redis, RedisOptions } from 'ioredis';
import type { Clock } from '../huawei-cloud/clock.js';
import type { TokenRules } from './access-token.js';
import type { CallerGate } from './caller-gate.js';
import { OPEN_GATE } from './caller-gate.js';
import type { CallersLog } from './callers-log.js';
import type { CreateLimit, CreateLimitRule } from './create-limit.js';
import type { SharedCounters } from './failed-logins.js';
import type { HeldConnections } from './held-connections.js';
import { TenantConnections, UNCOUNTED_CONNECTIONS } from './held-connections.js';
import type { IssuerPlace } from './issuer-key-set.js';

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
  /** Connections that one tenant may hold. */
  heldByTenant?: number | undefined;
}): Promise<Callers> {
  const { config, redis, clock, log, heldByTenant } = parts;
  const isCounting = config.tokens !== undefined || config.createLimit !== undefined;
  const shared = isCounting && redis !== undefined ? await openShared(redis, log) : undefined;
  return {
    gate: await openGate(config, shared, clock, log),
    createLimit: await openLimit(config.createLimit, shared?.redis),
    connections: config.tokens === undefined ? UNCOUNTED_CONNECTIONS : new TenantConnections(heldByTenant),
    async close() {
      await shared?.close();
    },
  };
}

async function openShared(
  redis: RedisOptions,
  log: CallersLog,
): Promise<SharedCounters & { close(): Promise<void> }> {
  const { openSharedCounters } = await import('./limits-redis.js');
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
  const { TenantCreateLimit } = await import('./create-limit.js');
  return new TenantCreateLimit(rule, redis);
}
