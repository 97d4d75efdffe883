import { setTimeout as delay } from 'node:timers/promises';
import type { Deadline } from '../lib/time.js';
import type { CreateAttempt } from './create-attempt.js';
import { wasRefusedForAuthentication } from './create-attempt.js';
import type { RetryBudget } from './retry-budget.js';

const LEAST_WAIT_MS = 100;
const WAIT_SPREAD_MS = 200;
// Whoever must wait longer is told so, and does better things meanwhile.
const MOST_WAIT_MS = 2_000;
/** What must be left of the deadline for the call behind a wait. */
const LEAST_CALL_MS = 1_000;

/** RECONNECT: nothing was sent. RESEND: DLI proved that it did not execute what was sent. */
type SecondTry = 'RECONNECT' | 'RESEND';

/**
 * The second chances of one create: one connection more and one request more, each at most once, so that no
 * more than two requests are ever sent.
 */
export class SecondTries {
  readonly #left = new Set<SecondTry>(['RECONNECT', 'RESEND']);
  readonly #budget: RetryBudget;
  readonly #random: () => number;

  /** @param random a number from 0 to 1, which spreads the waits over 100 to 300 ms */
  constructor(budget: RetryBudget, random: () => number) {
    this.#budget = budget;
    this.#random = random;
  }

  /** Waits until another attempt may be made; false, without a wait, when none may. */
  async mayFollow(attempt: CreateAttempt, deadline: Deadline): Promise<boolean> {
    const secondTry = secondTryFor(attempt);
    if (secondTry === undefined || !this.#left.delete(secondTry)) return false;
    // A fresh token needs no patience, and the guard of the credential bounds how often there is one.
    if (wasRefusedForAuthentication(attempt)) return true;
    const jitterMs = LEAST_WAIT_MS + this.#random() * WAIT_SPREAD_MS;
    const askedMs = secondTry === 'RESEND' ? (attempt.retryAfterSeconds ?? 0) * 1_000 : 0;
    const waitMs = Math.max(askedMs, jitterMs);
    if (waitMs > MOST_WAIT_MS || deadline.remainingMs() < waitMs + LEAST_CALL_MS) return false;
    if (!this.#budget.take()) return false;
    // Timers may fire within the millisecond before.
    await delay(Math.ceil(waitMs) + 1);
    return true;
  }
}

/**
 * The second try that the outcome of an attempt allows; undefined for every other outcome.
 *
 * Not among them: a failure of TLS, which stays; time-outs and overload, where another try adds to the load;
 * and above all whatever may have been executed.
 */
function secondTryFor({ verdict, failure, mayReauthenticate }: CreateAttempt): SecondTry | undefined {
  if (verdict.kind === 'notSent') return failure === 'UNREACHABLE' ? 'RECONNECT' : undefined;
  if (verdict.kind !== 'refused') return undefined;
  const { refusal } = verdict;
  if (refusal === 'THROTTLED' || refusal === 'UNAVAILABLE') return 'RESEND';
  return refusal === 'AUTH' && mayReauthenticate === true ? 'RESEND' : undefined;
}
