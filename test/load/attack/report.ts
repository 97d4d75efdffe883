import { cpus } from 'node:os';
import { median, quantile } from '../../bench/statistics.js';
import type { AttackCounts } from './attack.js';
import type { AttackResult } from './run-attack.js';

const GOAL_P99_MS = 100;
const GOAL_READY_MS = 2_000;
const GOAL_GROWTH = 1.1;
const MAX_WRONG_SHOWN = 20;

/** The whole report as text: the attacks and their outcomes, the goals, and what went wrong. */
export function formatAttackReport(result: AttackResult, seconds: number): string {
  const { latenciesMs, rssMb, readyAfterMs, log, wrong } = result;
  const p99Ms = quantile(latenciesMs, 0.99);
  const growth = median(quarter(rssMb, 3)) / median(quarter(rssMb, 1));
  return [
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, ${seconds} s of attack`,
    '',
    ...formatCounts(result.counts),
    '',
    `other tenant: ${latenciesMs.length} requests, p50 ${quantile(latenciesMs, 0.5).toFixed(0)} ms, ` +
      `p90 ${quantile(latenciesMs, 0.9).toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms ` +
      `(goal under ${GOAL_P99_MS})${formatMissed(p99Ms >= GOAL_P99_MS)}`,
    `memory: median ${median(rssMb).toFixed(0)} MB, most ${Math.max(...rssMb).toFixed(0)} MB; last quarter ` +
      `${growth.toFixed(2)} of the second (goal at most ${GOAL_GROWTH})${formatMissed(growth > GOAL_GROWTH)}`,
    `ready ${readyAfterMs.toFixed(0)} ms after the attack (goal at most ${GOAL_READY_MS})${formatMissed(readyAfterMs > GOAL_READY_MS)}`,
    `log: ${log.lines} lines, ${log.megabytes.toFixed(1)} MB`,
    '',
    wrong.length === 0 ? 'Nothing went wrong.' : `${wrong.length} things went wrong:`,
    ...wrong.slice(0, MAX_WRONG_SHOWN),
    '',
  ].join('\n');
}

/** One of four equal parts of a series, counted from 0. */
function quarter(values: readonly number[], index: number): number[] {
  const size = values.length / 4;
  return values.slice(Math.floor(index * size), Math.ceil((index + 1) * size));
}

function formatCounts(counts: AttackCounts): string[] {
  return Object.entries(counts).map(([name, outcomes]) => {
    const parts = Object.entries(outcomes).sort(([, a], [, b]) => b - a);
    return `${name}: ${parts.map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`;
  });
}

function formatMissed(missed: boolean): string {
  return missed ? ' MISSED' : '';
}
