import { setTimeout as delay } from 'node:timers/promises';

/** The target of an attack, and the rights to attack with. */
export interface Target {
  /** The GraphQL endpoint. */
  readonly url: string;
  /** A valid token of the hostile tenant. */
  readonly token: string;
  /** A connection that stays in CREATING. */
  readonly connectionId: string;
}

/** One kind of attack, which `workers` run concurrently, each of them repeatedly. */
export interface Attack {
  readonly name: string;
  readonly workers: number;
  /** Attacks once; resolves with the outcome, in a word. */
  attack(target: Target): Promise<string>;
}

/** How often each attack ended with each outcome. */
export type AttackCounts = Record<string, Record<string, number>>;

/** Pause after an attack that failed at once, so that a refused connection is not retried in a tight loop. */
const PAUSE_MS = 20;

/** Starts all workers of all attacks and returns the counts, which change until the process ends. */
export function startAttacks(attacks: readonly Attack[], target: Target): AttackCounts {
  const counts: AttackCounts = {};
  for (const attack of attacks) {
    const outcomes: Record<string, number> = {};
    counts[attack.name] = outcomes;
    for (let worker = 0; worker < attack.workers; worker += 1) void repeat(attack, target, outcomes);
  }
  return counts;
}

async function repeat(attack: Attack, target: Target, outcomes: Record<string, number>): Promise<never> {
  for (;;) {
    let outcome: string;
    try {
      outcome = await attack.attack(target);
    } catch (error) {
      outcome = nameOf(error);
      await delay(PAUSE_MS);
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** A whole number from 0 to `limit`, exclusive. */
export function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}
