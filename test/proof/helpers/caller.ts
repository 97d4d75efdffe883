import { setTimeout as delay } from 'node:timers/promises';
import type { Emulator } from '../../../src/emulator/emulator.js';
import type { EnhancedPayload } from '../../helpers/enhanced-gateway.js';
import { inParallel } from '../../helpers/in-parallel.js';
import type { ConnectionKind, PlannedInput } from './connection-kind.js';

/** One call; it has no payload if the caller disconnected or the gateway was killed. */
export interface CallRecord {
  startedAtMs: number;
  endedAtMs: number;
  payload: EnhancedPayload | undefined;
}

/** All calls with one key. */
export interface CreateHistory<Input extends PlannedInput = PlannedInput> {
  kind: ConnectionKind<Input>;
  input: Input;
  calls: CallRecord[];
}

/** The payloads after which a caller need not repeat the call. */
const DECIDED = [
  'CreateDatasourceConnectionSuccess',
  'CreateEnhancedDatasourceConnectionSuccess',
  'NameTakenError',
  'DliRejectedError',
];
const UNDECIDED = ['OutcomeUnknownError', 'IdempotencyInProgressError'];
const MAX_CALLS = 6;
const AT_A_TIME = 20;
const REPEAT_INTERVAL_MS = 1_000;
/** How long a process that was killed during background reconciliation still owns a record. */
const LONGEST_OWNERSHIP_MS = 30_000;
const REPEAT_AFTER_MS = { first: 50, most: 400 };

/** Makes one call and adds it to the history; returns whether it decided the create. */
export async function callOnce(history: CreateHistory, url: string, disconnectAfterMs?: number): Promise<boolean> {
  const call: CallRecord = { startedAtMs: Date.now(), endedAtMs: 0, payload: undefined };
  history.calls.push(call);
  call.payload = await send(history, url, disconnectAfterMs);
  call.endedAtMs = Date.now();
  return call.payload !== undefined && DECIDED.includes(call.payload.__typename);
}

/**
 * Repeats the call with the same key until it is decided, as the README asks callers to do, but at shorter intervals.
 *
 * @param nextUrl returns the endpoint of the next call
 * @param maxUndecided number of undecided answers after which the caller stops for the time being
 */
export async function callUntilDecided(
  history: CreateHistory,
  nextUrl: () => Promise<string>,
  maxUndecided: number,
): Promise<void> {
  for (let calls = 0; calls < MAX_CALLS && countUndecided(history) < maxUndecided; calls += 1) {
    if (calls > 0) await delay(Math.min(REPEAT_AFTER_MS.most, REPEAT_AFTER_MS.first * 2 ** calls));
    if (await callOnce(history, await nextUrl())) return;
  }
}

/**
 * Repeats all undecided creates until they are decided or can no longer be. A create whose connection DLI lists can
 * still be decided: a slow machine needs more reads of the list.
 *
 * @param resolutionMs time within which reconciliation can decide an unknown outcome
 * @returns the duration in milliseconds
 */
export async function callUntilFinal(
  histories: readonly CreateHistory[],
  nextUrl: () => Promise<string>,
  resolutionMs: number,
  emulator: Emulator,
): Promise<number> {
  const startMs = performance.now();
  let undecided = [...histories];
  while (undecided.length > 0) {
    const passedMs = performance.now() - startMs;
    const isDecided = await inParallel(undecided, AT_A_TIME, async history => callOnce(history, await nextUrl()));
    const kinds = new Set(undecided.map(({ kind }) => kind));
    const listed = new Set([...kinds].flatMap(kind => kind.held(emulator)).map(({ identity }) => identity));
    undecided = undecided.filter((history, index) => {
      const isUnknown = lastAnswer(history)?.code === 'OUTCOME_UNKNOWN';
      const isListed = listed.has(history.kind.identify(history.input));
      const limitMs = resolutionMs * (isListed ? 10 : 1) + (isUnknown ? 0 : LONGEST_OWNERSHIP_MS);
      return !isDecided[index] && passedMs < limitMs;
    });
    if (undecided.length > 0) await delay(REPEAT_INTERVAL_MS);
  }
  return performance.now() - startMs;
}

function countUndecided({ calls }: CreateHistory): number {
  return calls.filter(({ payload }) => payload !== undefined && UNDECIDED.includes(payload.__typename)).length;
}

/** The last payload that a caller received. */
export function lastAnswer({ calls }: CreateHistory): EnhancedPayload | undefined {
  return calls.findLast(({ payload }) => payload !== undefined)?.payload;
}

async function send(
  { kind, input }: CreateHistory,
  url: string,
  disconnectAfterMs?: number,
): Promise<EnhancedPayload | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: kind.mutation, variables: { input } }),
      ...(disconnectAfterMs !== undefined && { signal: AbortSignal.timeout(disconnectAfterMs) }),
    });
    const body = (await response.json()) as { data?: Record<string, EnhancedPayload> | null };
    const [payload] = Object.values(body.data ?? {});
    if (payload) return payload;
    throw new WrongAnswerError(`${response.status} ${JSON.stringify(body)}`);
  } catch (error) {
    if (error instanceof WrongAnswerError) throw error;
    return undefined;
  }
}

/** A response without a payload, which no fault of DLI can explain. */
class WrongAnswerError extends Error {}
