import type { RedisOptions } from 'ioredis';
import type { DliClient } from '../dli/dli-client.js';
import type { Clock } from '../huawei-cloud/clock.js';
import { CallBudget } from './call-budget.js';
import { ConnectionFollower } from './connection-follower.js';
import { ConnectionReads } from './connection-reads.js';
import type { PollTurns } from './poll-turns.js';
import { ALONE } from './poll-turns.js';
import type { ReadingLog } from './reading-log.js';

// Half of the places towards DLI for what callers read, and half for what they watch.
const CALLS_AT_A_TIME = 10;
/** What all may take, and what one tenant may, so that it cannot take the places of all others. */
const MAX_WAITING = { all: 2_000, ofTenant: 500 };
const MAX_WATCHES = { all: 10_000, ofTenant: 2_500 };

/** What operators decide about reading and following connections. */
export interface ReadingConfig {
  /** How old an answer may be that was read for somebody else, in milliseconds. */
  freshnessMs: number;
  /** For one reading, in milliseconds. */
  timeoutMs: number;
  /** For all callers together. */
  readCallsPerSecond: number;
  /** From one look at a followed connection to the next while something changes, in milliseconds. */
  followIntervalMs: number;
  /** For all watchers together. */
  followCallsPerSecond: number;
  /** Where gateways follow together. */
  redis: RedisOptions | undefined;
  /** Tells the connections of one project from those of others. */
  project: string;
  /** Whether callers are told apart; else all are one tenant. */
  hasTenants: boolean;
}

/** What reads and follows connections. */
export interface Reading {
  reads: ConnectionReads;
  follower: ConnectionFollower;
  close(): Promise<void>;
}

/** Puts together what reads and follows connections. */
export async function openReading(parts: {
  config: ReadingConfig;
  dli: Pick<DliClient, 'getConnection' | 'listConnections'>;
  clock: Clock;
  log: ReadingLog;
  /** Watches that one tenant may have. */
  watchesOfTenant?: number | undefined;
  /** Told of what must not happen. */
  onBug: (error: unknown) => void;
}): Promise<Reading> {
  const { config, dli, clock, log, onBug, watchesOfTenant = MAX_WATCHES.ofTenant } = parts;
  const { freshnessMs, timeoutMs } = config;
  const most = config.hasTenants ? 'ofTenant' : 'all';
  const budget = new CallBudget({
    clock,
    perSecond: config.readCallsPerSecond,
    atATime: CALLS_AT_A_TIME,
    maxWaitingOfTenant: MAX_WAITING[most],
  });
  const reads = new ConnectionReads({ dli, budget, clock, freshnessMs, timeoutMs, log });
  const follower = new ConnectionFollower({
    reads,
    budget: new CallBudget({ clock, perSecond: config.followCallsPerSecond, atATime: CALLS_AT_A_TIME }),
    turns: await openTurns(config, log),
    clock,
    intervalMs: config.followIntervalMs,
    maxWatches: MAX_WATCHES.all,
    maxWatchesOfTenant: config.hasTenants ? watchesOfTenant : MAX_WATCHES.all,
    onBug,
  });
  return {
    reads,
    follower,
    async close() {
      reads.close();
      await follower.close();
    },
  };
}

// Loaded only where several gateways share Redis.
async function openTurns({ redis, project }: ReadingConfig, log: ReadingLog): Promise<PollTurns> {
  if (redis === undefined) return ALONE;
  const { openRedisTurns } = await import('./redis-turns.js');
  return openRedisTurns(redis, project, log);
}
