import type { RedisOptions } from 'ioredis';
import type { Clock } from '../huawei-cloud/clock.js';
import type { TokenRules } from './access-token.js';
import type { CallerGate } from './caller-gate.js';
import { OPEN_GATE } from './caller-gate.js';
import type { CallersLog } from './callers-log.js';
import type { CreateLimit, CreateLimitRule } from './create-limit.js';
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
  const { config, clock, log } = parts;
  const limits = await openLimit(config.createLimit, parts.redis, log);
  return { ...limits, gate: await openGate(config, clock, log) };
}

async function openGate(
  { tokens, failedLoginsPerMinute }: CallersConfig,
  clock: Clock,
  log: CallersLog,
): Promise<CallerGate> {
  if (tokens === undefined) return OPEN_GATE;
  const [{ TokenGate }, { IssuerKeys }, { keySetReader }, { FailedLogins }] = await Promise.all([
    import('./token-gate.js'),
    import('./issuer-keys.js'),
    import('./issuer-key-set.js'),
    import('./failed-logins.js'),
  ]);
  const keys = new IssuerKeys(keySetReader(tokens), clock, log);
  return new TokenGate(keys, tokens, new FailedLogins(failedLoginsPerMinute), clock);
}

async function openLimit(
  rule: CreateLimitRule | undefined,
  address: RedisOptions | undefined,
  log: CallersLog,
): Promise<Omit<Callers, 'gate'>> {
  if (rule === undefined) return { createLimit: { take: async () => undefined }, close: async () => {} };
  const [{ TenantCreateLimit }, { connectLimitsRedis }] = await Promise.all([
    import('./create-limit.js'),
    import('./limits-redis.js'),
  ]);
  const redis = address && (await connectLimitsRedis(address, log));
  return {
    createLimit: new TenantCreateLimit(rule, redis),
    async close() {
      const isOpen = redis?.status === 'ready' || redis?.status === 'connect';
      const ended = isOpen ? new Promise(resolve => redis?.once('end', resolve)) : undefined;
      redis?.disconnect();
      await ended;
    },
  };
}
