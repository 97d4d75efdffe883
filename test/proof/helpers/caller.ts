import { setTimeout as delay } from 'node:timers/promises';
import type { Payload } from '../../helpers/gateway.js';
import { CREATE_MUTATION } from '../../helpers/gateway.js';
import type { PlannedInput } from './create-plan.js';
import { inParallel } from './in-parallel.js';

/** One call as its caller saw it; without a payload the caller left or the gateway died. */
export interface CallRecord {
  startedAtMs: number;
  endedAtMs: number;
  payload: Payload | undefined;
}

/** All calls of one key and their answers. */
export interface CreateHistory {
  input: PlannedInput;
  calls: CallRecord[];
}

/** The answers after which a caller has no reason to repeat the call. */
const DECIDED = ['CreateDatasourceConnectionSuccess', 'NameTakenError', 'DliRejectedError'];
const DOUBTS = ['OutcomeUnknownError', 'IdempotencyConflictError'];
const MAX_CALLS = 6;
const AT_A_TIME = 20;
const ASK_AGAIN_AFTER_MS = 1_000;
/** Of a record: a process that died while it looked it up in the background. */
const LONGEST_OWNERSHIP_MS = 30_000;
const REPEAT_AFTER_MS = { first: 50, most: 400 };

/** Makes one call and adds it to the history; true when it decides the create. */
export async function callOnce(history: CreateHistory, url: string, leaveAfterMs?: number): Promise<boolean> {
  const call: CallRecord = { startedAtMs: Date.now(), endedAtMs: 0, payload: undefined };
  history.calls.push(call);
  call.payload = await send(history.input, url, leaveAfterMs);
  call.endedAtMs = Date.now();
  return call.payload !== undefined && DECIDED.includes(call.payload.__typename);
}

/**
 * Repeats the call with the same key until it is decided, as the README asks callers to do, only sooner.
 *
 * @param nextUrl whom to call
 * @param patience after how many answers without a decision the caller does something else first
 */
export async function callUntilDecided(
  history: CreateHistory,
  nextUrl: () => Promise<string>,
  patience: number,
): Promise<void> {
  for (let calls = 0; calls < MAX_CALLS && countDoubts(history) < patience; calls += 1) {
    if (calls > 0) await delay(Math.min(REPEAT_AFTER_MS.most, REPEAT_AFTER_MS.first * 2 ** calls));
    if (await callOnce(history, await nextUrl())) return;
  }
}

/**
 * Lets everybody who is in doubt ask again until nothing more can come.
 *
 * @param doubtMs how long an unknown outcome may still become known
 * @returns how many milliseconds that took
 */
export async function callToTheEnd(
  histories: readonly CreateHistory[],
  nextUrl: () => Promise<string>,
  doubtMs: number,
): Promise<number> {
  const startMs = performance.now();
  let inDoubt = [...histories];
  while (inDoubt.length > 0) {
    const passedMs = performance.now() - startMs;
    const isDecided = await inParallel(inDoubt, AT_A_TIME, async history => callOnce(history, await nextUrl()));
    inDoubt = inDoubt.filter((history, index) => {
      const isUnknown = lastAnswer(history)?.code === 'OUTCOME_UNKNOWN';
      return !isDecided[index] && passedMs < doubtMs + (isUnknown ? 0 : LONGEST_OWNERSHIP_MS);
    });
    if (inDoubt.length > 0) await delay(ASK_AGAIN_AFTER_MS);
  }
  return performance.now() - startMs;
}

function countDoubts({ calls }: CreateHistory): number {
  return calls.filter(({ payload }) => payload !== undefined && DOUBTS.includes(payload.__typename)).length;
}

/** The last answer to a caller. */
export function lastAnswer({ calls }: CreateHistory): Payload | undefined {
  return calls.findLast(({ payload }) => payload !== undefined)?.payload;
}

async function send(input: PlannedInput, url: string, leaveAfterMs?: number): Promise<Payload | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: CREATE_MUTATION, variables: { input } }),
      ...(leaveAfterMs !== undefined && { signal: AbortSignal.timeout(leaveAfterMs) }),
    });
    const body = (await response.json()) as { data?: { createDatasourceConnection?: Payload } | null };
    const payload = body.data?.createDatasourceConnection;
    if (payload) return payload;
    throw new WrongAnswerError(`${response.status} ${JSON.stringify(body)}`);
  } catch (error) {
    if (error instanceof WrongAnswerError) throw error;
    return undefined;
  }
}

/** No payload, which no fault of DLI excuses. */
class WrongAnswerError extends Error {}
