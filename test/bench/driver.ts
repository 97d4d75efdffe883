import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool, request } from 'undici';
import type { Child } from './child-processes.js';
import { sendCreate, WrongAnswerError } from './create-request.js';

/** Far more than any variant takes; a server that hangs must not hang the benchmark. */
const START_LIMIT_MS = 30_000;
const ANSWER_LIMIT_MS = 10_000;
const START_POLL_MS = 5;

const runId = randomBytes(4).toString('hex');
let names = 0;

function freshName(): string {
  names += 1;
  return `bench-${runId}-${names}`;
}

/**
 * Sends `creates` creates over `concurrency` keep-alive connections, each connection sending its next one as
 * soon as it has its answer. Returns the latency of each, in milliseconds.
 *
 * @throws {Error} at the first wrong or missing answer, or when the upstream did not see exactly as many.
 */
export async function runCreates(
  origin: string,
  upstream: string,
  { creates, concurrency }: { creates: number; concurrency: number },
): Promise<number[]> {
  const countBefore = await readUpstreamCount(upstream);
  // A pool per round: none of its connections can have been closed as idle since the round before.
  const pool = new Pool(origin, {
    connections: concurrency,
    headersTimeout: ANSWER_LIMIT_MS,
    bodyTimeout: ANSWER_LIMIT_MS,
  });
  const latenciesMs: number[] = [];
  const ids = new Set<string>();
  let left = creates;
  const sendUntilDone = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const startedMs = performance.now();
      ids.add(await sendCreate(pool, origin, freshName()));
      latenciesMs.push(performance.now() - startedMs);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, sendUntilDone));
  } finally {
    await pool.destroy();
  }
  const reached = (await readUpstreamCount(upstream)) - countBefore;
  if (ids.size !== creates || reached !== creates) {
    throw new Error(`${creates} creates gave ${ids.size} different ids and ${reached} calls of the upstream.`);
  }
  return latenciesMs;
}

/**
 * Waits for the first verified create of a process that was started at `spawnedAtMs` (performance.now());
 * returns the time from there to the answer, in seconds. A refused connection and HTTP 503 mean "not yet".
 *
 * @throws {Error} when the process exits, answers anything else, or is not there after 30 s.
 */
export async function waitForFirstAnswer(
  child: Child,
  origin: string,
  upstream: string,
  spawnedAtMs: number,
): Promise<number> {
  const countBefore = await readUpstreamCount(upstream);
  const pool = new Pool(origin, { connections: 1, headersTimeout: START_LIMIT_MS });
  try {
    for (;;) {
      child.failIfExited();
      try {
        await sendCreate(pool, origin, freshName());
        break;
      } catch (error) {
        if (!isNotYet(error) || performance.now() - spawnedAtMs > START_LIMIT_MS) throw error;
      }
      await delay(START_POLL_MS);
    }
  } finally {
    await pool.destroy();
  }
  const seconds = (performance.now() - spawnedAtMs) / 1000;
  const reached = (await readUpstreamCount(upstream)) - countBefore;
  if (reached !== 1) throw new Error(`The first create gave ${reached} calls of the upstream.`);
  return seconds;
}

/** Waits until the upstream answers; throws when it exits or is not there after 30 s. */
export async function waitForUpstream(child: Child, upstream: string): Promise<void> {
  const startedMs = performance.now();
  for (;;) {
    child.failIfExited();
    try {
      await readUpstreamCount(upstream);
      return;
    } catch (error) {
      if (!isNotYet(error) || performance.now() - startedMs > START_LIMIT_MS) throw error;
    }
    await delay(START_POLL_MS);
  }
}

async function readUpstreamCount(upstream: string): Promise<number> {
  const response = await request(`${upstream}/count`);
  return Number(await response.body.text());
}

function isNotYet(error: unknown): boolean {
  if (error instanceof WrongAnswerError) return error.status === 503;
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
