import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import type { ChildProcesses } from './child-processes.js';
import { blameChild, findFreePort } from './child-processes.js';

const START_LIMIT_MS = 30_000;
const START_POLL_MS = 5;

/** How often each operation of the upstream was called; `others` counts calls that no variant may make. */
export type UpstreamCalls = Readonly<Record<'creates' | 'gets' | 'lists' | 'deletes' | 'others', number>>;

/** A running upstream. */
export class UpstreamProcess {
  /** For example `http://127.0.0.1:5000`. */
  readonly origin: string;

  private constructor(origin: string) {
    this.origin = origin;
  }

  /**
   * Starts an upstream that lists `connections` connections and answers.
   *
   * @throws {Error} when it exits or does not answer within 30 s.
   */
  static async start(children: ChildProcesses, connections: number): Promise<UpstreamProcess> {
    const port = await findFreePort();
    const upstream = new UpstreamProcess(`http://127.0.0.1:${port}`);
    const script = fileURLToPath(new URL('./upstream.js', import.meta.url));
    const child = children.start(script, { PORT: String(port), CONNECTIONS: String(connections) });
    const startedMs = performance.now();
    await blameChild('upstream', child, async () => {
      for (;;) {
        child.failIfExited();
        try {
          await upstream.#readCalls();
          return;
        } catch (error) {
          if (!isRefused(error) || performance.now() - startedMs > START_LIMIT_MS) throw error;
        }
        await delay(START_POLL_MS);
      }
    });
    return upstream;
  }

  /** Runs an action; returns its result, and the calls that reached the upstream meanwhile. */
  async count<T>(action: () => Promise<T>): Promise<{ result: T; calls: UpstreamCalls }> {
    const before = await this.#readCalls();
    const result = await action();
    const after = await this.#readCalls();
    const calls = {
      creates: after.creates - before.creates,
      gets: after.gets - before.gets,
      lists: after.lists - before.lists,
      deletes: after.deletes - before.deletes,
      others: after.others - before.others,
    };
    return { result, calls };
  }

  async #readCalls(): Promise<UpstreamCalls> {
    const { body } = await request(`${this.origin}/calls`);
    return (await body.json()) as UpstreamCalls;
  }
}

/**
 * Compares the calls of the upstream with what a load must cause. Operations that `expected` does not name may be
 * called any number of times.
 *
 * @throws {Error} showing both, if they differ
 */
export function requireCalls(calls: UpstreamCalls, expected: Partial<UpstreamCalls>): void {
  const isAsExpected = Object.entries({ others: 0, ...expected }).every(
    ([operation, count]) => calls[operation as keyof UpstreamCalls] === count,
  );
  if (isAsExpected) return;
  throw new Error(`The upstream got ${JSON.stringify(calls)}, but must get ${JSON.stringify(expected)}.`);
}

/** Whether nothing listens on the port yet. */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
