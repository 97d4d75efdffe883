import { performance } from 'node:perf_hooks';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { Pool } from 'undici';

/** A server that hangs must not hang the benchmark. */
const ANSWER_LIMIT_MS = 10_000;

/** A number of connections, each of which sends its next request as soon as the last one is answered. */
export interface ClosedLoop {
  readonly requests: number;
  readonly concurrency: number;
}

/** Requests on a fixed schedule, over as many connections as needed. */
export interface OpenLoop {
  readonly requests: number;
  readonly perSecond: number;
}

/**
 * Sends requests and returns the latency of each, in milliseconds. In an open loop, the latency counts from the time at
 * which the request was due, so that a stall also counts for the requests that it delays.
 *
 * @param send sends one request and verifies its answer
 * @throws {Error} of the first `send` that fails
 */
export async function runLoad(
  origin: string,
  load: ClosedLoop | OpenLoop,
  send: (pool: Pool) => Promise<void>,
): Promise<number[]> {
  return 'concurrency' in load
    ? withPool(origin, load.concurrency, pool => runClosedLoop(load, () => send(pool)))
    : withPool(origin, null, pool => runOpenLoop(load, () => send(pool)));
}

/**
 * Runs an action on a new pool, so that none of its connections can have been closed as idle before.
 *
 * @param connections the maximum; null: none
 */
export async function withPool<T>(
  origin: string,
  connections: number | null,
  action: (pool: Pool) => Promise<T>,
): Promise<T> {
  const pool = new Pool(origin, { connections, headersTimeout: ANSWER_LIMIT_MS, bodyTimeout: ANSWER_LIMIT_MS });
  try {
    return await action(pool);
  } finally {
    await pool.destroy();
  }
}

/** Waits until `performance.now()` is at least `atMs`, accurate to a few microseconds. */
export async function sleepUntil(atMs: number): Promise<void> {
  for (;;) {
    const remainingMs = atMs - performance.now();
    if (remainingMs <= 0) return;
    // A timer is only accurate to a millisecond.
    await (remainingMs > 1.5 ? delay(remainingMs - 1) : nextTurn());
  }
}

async function runClosedLoop({ requests, concurrency }: ClosedLoop, send: () => Promise<void>): Promise<number[]> {
  const latenciesMs: number[] = [];
  let left = requests;
  const sendUntilDone = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const startedMs = performance.now();
      await send();
      latenciesMs.push(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sendUntilDone));
  return latenciesMs;
}

async function runOpenLoop({ requests, perSecond }: OpenLoop, send: () => Promise<void>): Promise<number[]> {
  const intervalMs = 1000 / perSecond;
  const firstAtMs = performance.now() + intervalMs;
  const latencies: Promise<number>[] = [];
  let hasFailed = false;
  for (let index = 0; index < requests && !hasFailed; index += 1) {
    const dueMs = firstAtMs + index * intervalMs;
    await sleepUntil(dueMs);
    const latency = send().then(() => performance.now() - dueMs);
    latency.catch(() => {
      hasFailed = true;
    });
    latencies.push(latency);
  }
  return Promise.all(latencies);
}
