import { cpus, release, totalmem } from 'node:os';
import type { BenchOptions } from './options.js';
import { quantile } from './statistics.js';
import type { VariantName } from './variants.js';

/** Quantiles of the latencies of a load over all rounds, in milliseconds. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The number of requests. */
  readonly requests: number;
}

/** The measured creates of one variant. Lists have one value per round, or per start. */
export interface CreateResult {
  readonly variant: VariantName;
  /** CPU time per create of all threads, in milliseconds. */
  readonly cpuMs: readonly number[];
  /** The main thread's part of it. */
  readonly mainThreadMs: readonly number[];
  /** In the closed loop, where every create waits for others. */
  readonly closedLoop: Latency;
  /** At the fixed rate. */
  readonly openLoop: Latency;
  /** From spawn to the first verified create, in seconds. */
  readonly firstAnswersS: readonly number[];
  /** Resident memory after the first answer. */
  readonly restMib: readonly number[];
  /** Peak resident memory. */
  readonly peakMib: number;
}

/** The measured first page of a list of one gateway, served without a call to DLI. */
export interface PageResult {
  readonly variant: VariantName;
  /** The length of the list. */
  readonly connections: number;
  /** CPU time per page of all threads, in milliseconds, one value per round. */
  readonly cpuMs: readonly number[];
  /** At the fixed rate. */
  readonly openLoop: Latency;
  readonly peakMib: number;
}

/** The measurements of a tenant who lists after each change. */
export interface ChangeResult {
  readonly variant: VariantName;
  readonly connections: number;
  /** CPU time of a change and its list, in milliseconds, one value per round. */
  readonly cpuMs: readonly number[];
  /** Share of a core that the requested rate of changes takes, in percent; more than 100 if it cannot be reached. */
  readonly corePercent: number;
  /** The rate that was actually reached. */
  readonly changesPerSecond: number;
  /** How often DLI was asked for its list. */
  readonly listReadsPerChange: number;
  /** Of the lists. */
  readonly latency: Latency;
  readonly peakMib: number;
}

/** One whole run, as it is written to the JSON file. */
export interface BenchResult {
  readonly date: string;
  readonly node: string;
  readonly machine: Readonly<Record<'cpu' | 'cores' | 'memoryMib' | 'kernel', string | number>>;
  readonly options: BenchOptions;
  readonly creates: readonly CreateResult[];
  readonly pages: readonly PageResult[];
  readonly changes: readonly ChangeResult[];
}

/** When and where this process runs. */
export function describeRun(): Pick<BenchResult, 'date' | 'node' | 'machine'> {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    machine: {
      cpu: cpu?.model ?? 'unknown CPU',
      cores: cpus().length,
      memoryMib: Math.round(totalmem() / 1024 ** 2),
      kernel: `${process.platform} ${release()}`,
    },
  };
}

/** The quantiles of latencies in milliseconds. */
export function summarize(latenciesMs: readonly number[]): Latency {
  return {
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    requests: latenciesMs.length,
  };
}
