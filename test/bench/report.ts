import { cpus } from 'node:os';
import type { BenchOptions } from './options.js';
import { median, quantile } from './statistics.js';
import type { VariantName } from './variants.js';

/** The performance goals of the gateway. */
const GOAL_CPU_RATIO = 0.5;
const GOAL_FIRST_ANSWER_S = 1.5;

/** Everything that was measured of one variant. */
export interface Measurement {
  readonly variant: VariantName;
  /** CPU time per create, in milliseconds, one value per round. */
  readonly cpuMs: readonly number[];
  /** Latency of every measured create, in milliseconds. */
  readonly latenciesMs: readonly number[];
  /** From spawn to the first verified create, in seconds, one value per start. */
  readonly firstAnswersS: readonly number[];
  /** Most resident memory of the measured process, in megabytes. */
  readonly peakRssMb: number;
}

const HEADER = ['variant', 'CPU ms/create', 'min', 'max', '/baseline', 'p50 ms', 'p99 ms', 'RSS MB', 'start s'];

/** The whole report as text: the run, a table with one row per variant, and how the goals were met. */
export function formatReport(measurements: readonly Measurement[], options: BenchOptions): string {
  const baselineCpuMs = median(measurements.find(({ variant }) => variant === 'baseline')?.cpuMs ?? []);
  const { rounds, creates, warmup, starts, concurrency } = options;
  return [
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`,
    `${rounds} rounds of ${creates} creates, ${concurrency} at a time, after ${warmup} to warm up; ${starts} starts`,
    '',
    ...formatTable([HEADER, ...measurements.map(measurement => formatRow(measurement, baselineCpuMs))]),
    '',
    ...formatGoals(
      measurements.find(({ variant }) => variant === 'gateway'),
      baselineCpuMs,
    ),
    '',
  ].join('\n');
}

function formatRow(measurement: Measurement, baselineCpuMs: number): string[] {
  const { variant, cpuMs, latenciesMs, firstAnswersS, peakRssMb } = measurement;
  return [
    variant,
    median(cpuMs).toFixed(3),
    Math.min(...cpuMs).toFixed(3),
    Math.max(...cpuMs).toFixed(3),
    formatRatio(median(cpuMs) / baselineCpuMs),
    quantile(latenciesMs, 0.5).toFixed(2),
    quantile(latenciesMs, 0.99).toFixed(2),
    peakRssMb.toFixed(0),
    median(firstAnswersS).toFixed(2),
  ];
}

function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADER.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows.map(row =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

function formatGoals(gateway: Measurement | undefined, baselineCpuMs: number): string[] {
  if (gateway === undefined) return ['gateway: not measured (see --variants)'];
  const ratio = median(gateway.cpuMs) / baselineCpuMs;
  const firstAnswerS = median(gateway.firstAnswersS);
  return [
    `gateway/baseline CPU ratio: ${formatRatio(ratio)} (goal at most ${GOAL_CPU_RATIO.toFixed(2)})${formatMissed(ratio > GOAL_CPU_RATIO)}`,
    `start to first answer: ${firstAnswerS.toFixed(2)} s (goal under ${GOAL_FIRST_ANSWER_S} s)${formatMissed(firstAnswerS >= GOAL_FIRST_ANSWER_S)}`,
  ];
}

function formatRatio(ratio: number): string {
  return Number.isNaN(ratio) ? 'n/a' : ratio.toFixed(2);
}

function formatMissed(missed: boolean): string {
  return missed ? ' MISSED' : '';
}
