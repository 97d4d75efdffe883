import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child, ChildProcesses } from './child-processes.js';
import { blameChild, findFreePort } from './child-processes.js';
import { runCreates, waitForFirstAnswer } from './driver.js';
import { readCpuMs, readPeakRssMb } from './process-metrics.js';
import type { VariantName } from './variants.js';
import { variantEnv, variantScript } from './variants.js';

/** Time after the last response in which CPU time still counts. */
const SETTLE_MS = 100;

/** One round of creates through one variant; times in milliseconds. */
export interface Round {
  readonly variant: VariantName;
  /** CPU time per create, user and system. */
  readonly cpuMs: number;
  /** Latency of every create. */
  readonly latenciesMs: readonly number[];
}

/** A variant that has answered its first create. Its methods throw an error that names it and shows its log. */
export class VariantProcess {
  readonly variant: VariantName;
  /** From spawn to the first verified create, in seconds. */
  readonly firstAnswerS: number;
  readonly #child: Child;
  readonly #origin: string;
  readonly #upstream: string;

  private constructor(variant: VariantName, child: Child, origin: string, upstream: string, firstAnswerS: number) {
    this.variant = variant;
    this.firstAnswerS = firstAnswerS;
    this.#child = child;
    this.#origin = origin;
    this.#upstream = upstream;
  }

  /** Starts a variant against the upstream of that origin; its data goes into a fresh folder below `workDir`. */
  static async start(
    variant: VariantName,
    children: ChildProcesses,
    upstream: string,
    workDir: string,
  ): Promise<VariantProcess> {
    const [port, adminPort] = [await findFreePort(), await findFreePort()];
    const origin = `http://127.0.0.1:${port}`;
    const dataDir = mkdtempSync(join(workDir, `${variant}-`));
    const env = variantEnv(variant, { port, adminPort, upstream, dataDir });
    const spawnedAtMs = performance.now();
    const child = children.start(variantScript(variant), env);
    const firstAnswerS = await blameChild(variant, child, () =>
      waitForFirstAnswer(child, origin, upstream, spawnedAtMs),
    );
    return new VariantProcess(variant, child, origin, upstream, firstAnswerS);
  }

  /** Runs `creates` verified creates, `concurrency` at a time. */
  run(load: { creates: number; concurrency: number }): Promise<Round> {
    return blameChild(this.variant, this.#child, async () => {
      const cpuBeforeMs = readCpuMs(this.#child.pid);
      const latenciesMs = await runCreates(this.#origin, this.#upstream, load);
      await delay(SETTLE_MS);
      const cpuMs = (readCpuMs(this.#child.pid) - cpuBeforeMs) / load.creates;
      return { variant: this.variant, cpuMs, latenciesMs };
    });
  }

  /** Most resident memory so far, in megabytes. */
  peakRssMb(): number {
    return readPeakRssMb(this.#child.pid);
  }

  /** Kills the process and resolves when it is gone. */
  kill(): Promise<void> {
    return this.#child.kill();
  }
}
