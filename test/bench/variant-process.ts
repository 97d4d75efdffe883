import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'undici';
import type { Child, ChildProcesses } from './child-processes.js';
import { blameChild, findFreePort } from './child-processes.js';
import { WrongAnswerError } from './graphql-request.js';
import { withPool } from './load.js';
import { readCpuTime, readPeakRssMib, readRssMib } from './process-metrics.js';
import type { UpstreamCalls, UpstreamProcess } from './upstream-process.js';
import { isRefused } from './upstream-process.js';
import type { Variant } from './variants.js';
import { variantEnv } from './variants.js';

/** Far longer than any variant takes. */
const START_LIMIT_MS = 30_000;
const START_POLL_MS = 5;
/** Time after the first answer in which a process settles. */
const REST_MS = 500;
/** Time after the last response in which CPU time still counts. */
const SETTLE_MS = 100;

/** Where the processes of a measurement are started and keep their data. */
export interface Workplace {
  readonly children: ChildProcesses;
  /** An existing folder for their data. */
  readonly workDir: string;
}

/** Sends one request and verifies its answer. */
export type Send = (pool: Pool, origin: string) => Promise<unknown>;

/** The cost of a load for a process; times in milliseconds. */
export interface Cost<T> {
  readonly result: T;
  /** Calls that reached the upstream. */
  readonly calls: UpstreamCalls;
  /** CPU time of all threads, user and system. */
  readonly cpuMs: number;
  /** The main thread's part of it. */
  readonly mainThreadMs: number;
}

/** A variant that has given its first answer. Its methods throw an error that names it and shows its log. */
export class VariantProcess {
  readonly variant: Variant;
  /** From spawn to the first verified answer, in seconds. */
  readonly firstAnswerS: number;
  /** Resident memory half a second after the first answer, in MiB. */
  readonly restMib: number;
  readonly #child: Child;
  readonly #origin: string;
  readonly #upstream: UpstreamProcess;

  private constructor(
    variant: Variant,
    child: Child,
    origin: string,
    upstream: UpstreamProcess,
    { firstAnswerS, restMib }: { firstAnswerS: number; restMib: number },
  ) {
    this.variant = variant;
    this.firstAnswerS = firstAnswerS;
    this.restMib = restMib;
    this.#child = child;
    this.#origin = origin;
    this.#upstream = upstream;
  }

  /**
   * Starts a variant and waits until it answers a request.
   *
   * @param settings environment variables in addition to the usual ones
   * @throws {Error} when the process exits, gives a wrong answer, or does not answer within 30 s.
   */
  static async start(
    variant: Variant,
    { children, workDir }: Workplace,
    upstream: UpstreamProcess,
    send: Send,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<VariantProcess> {
    const [port, adminPort] = [await findFreePort(), await findFreePort()];
    const origin = `http://127.0.0.1:${port}`;
    const dataDir = mkdtempSync(join(workDir, `${variant.name}-`));
    const env = variantEnv(variant, { port, adminPort, upstream: upstream.origin, dataDir });
    const spawnedAtMs = performance.now();
    const child = children.start(variant.script, { ...env, ...settings });
    return blameChild(variant.name, child, async () => {
      await waitForAnswer(child, origin, send);
      const firstAnswerS = (performance.now() - spawnedAtMs) / 1000;
      await delay(REST_MS);
      return new VariantProcess(variant, child, origin, upstream, { firstAnswerS, restMib: readRssMib(child.pid) });
    });
  }

  /**
   * Runs a load against this process and returns its cost.
   *
   * @param verify throws unless these are the calls of the upstream that the load must cause
   */
  measure<T>(load: (origin: string) => Promise<T>, verify: (calls: UpstreamCalls) => void): Promise<Cost<T>> {
    return blameChild(this.variant.name, this.#child, async () => {
      const before = readCpuTime(this.#child.pid);
      const { result, calls } = await this.#upstream.count(() => load(this.#origin));
      await delay(SETTLE_MS);
      const after = readCpuTime(this.#child.pid);
      verify(calls);
      return {
        result,
        calls,
        cpuMs: after.totalMs - before.totalMs,
        mainThreadMs: after.mainThreadMs - before.mainThreadMs,
      };
    });
  }

  /** Peak resident memory so far, in MiB. */
  peakMib(): number {
    return readPeakRssMib(this.#child.pid);
  }

  /** Kills the process and resolves when it has ended. */
  async kill(): Promise<void> {
    await this.#child.end('SIGKILL');
  }
}

/** Repeats a request until it is answered. A refused connection and HTTP 503 mean "not yet". */
async function waitForAnswer(child: Child, origin: string, send: Send): Promise<void> {
  const startedMs = performance.now();
  await withPool(origin, 1, async pool => {
    for (;;) {
      child.failIfExited();
      try {
        await send(pool, origin);
        return;
      } catch (error) {
        const isNotYet = isRefused(error) || (error instanceof WrongAnswerError && error.status === 503);
        if (!isNotYet || performance.now() - startedMs > START_LIMIT_MS) throw error;
      }
      await delay(START_POLL_MS);
    }
  });
}
