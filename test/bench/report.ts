import { findGoals } from './goals.js';
import type { BenchResult, ChangeResult, CreateResult, PageResult } from './result.js';
import { median, medianRatio } from './statistics.js';

type Row = readonly string[];

const CREATES: Row = [
  'variant',
  ...['CPU ms', 'min', 'max', 'main', 'others', '÷ floor', '÷ usual', '÷ baseline'],
  ...['p50 ms', '- floor', 'p99 ms', 'start s', 'rest MiB', 'peak MiB'],
];
const PAGES: Row = [
  ...['variant', 'connections'],
  ...['CPU ms', 'min', 'max', '÷ baseline', 'p50 ms', 'p99 ms', 'peak MiB'],
];
const CHANGES: Row = [
  ...['variant', 'connections'],
  ...['% of a core', '÷ baseline', 'changes/s', 'DLI lists/change', 'p50 ms', 'p99 ms', 'peak MiB'],
];

/** The whole report as text: the run, a table for each part, and the goals. */
export function formatReport(result: BenchResult): string {
  const { node, machine, date, options, creates, pages, changes } = result;
  return [
    `Node ${node}, ${machine['cores']} x ${machine['cpu']}, ${date}`,
    Object.entries(options.counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
    '',
    ...formatTable('Creates: CPU in a closed loop, latency at 100 a second', CREATES, creates, formatCreates),
    ...formatTable('Pages of 20 with nothing to ask DLI: the same', PAGES, pages, formatPages),
    ...formatTable('A list after each of 10 changes a second: latency of the lists', CHANGES, changes, formatChanges),
    ...formatGoals(result),
    '',
  ].join('\n');
}

function formatCreates(row: CreateResult, rows: readonly CreateResult[]): Row {
  const cpuMs = median(row.cpuMs);
  const mainThreadMs = median(row.mainThreadMs);
  const ofVariant = (name: string) => rows.find(({ variant }) => variant === name);
  const ratioTo = (name: string) => formatNumber(medianRatio(row.cpuMs, ofVariant(name)?.cpuMs ?? []));
  const { p50Ms, p99Ms } = row.openLoop;
  return [
    row.variant,
    ...[cpuMs, Math.min(...row.cpuMs), Math.max(...row.cpuMs)].map(value => formatNumber(value, 3)),
    ...[mainThreadMs, cpuMs - mainThreadMs].map(value => formatNumber(value, 3)),
    ...['floor', 'usual', 'baseline'].map(ratioTo),
    ...[p50Ms, p50Ms - (ofVariant('floor')?.openLoop.p50Ms ?? Number.NaN), p99Ms].map(value => formatNumber(value)),
    formatNumber(median(row.firstAnswersS)),
    ...[median(row.restMib), row.peakMib].map(value => formatNumber(value, 0)),
  ];
}

function formatPages(row: PageResult, rows: readonly PageResult[]): Row {
  const baseline = rows.find(({ variant, connections }) => variant === 'baseline' && connections === row.connections);
  const cpuMs = median(row.cpuMs);
  return [
    row.variant,
    String(row.connections),
    ...[cpuMs, Math.min(...row.cpuMs), Math.max(...row.cpuMs)].map(value => formatNumber(value, 3)),
    formatNumber(medianRatio(row.cpuMs, baseline?.cpuMs ?? [])),
    ...[row.openLoop.p50Ms, row.openLoop.p99Ms].map(value => formatNumber(value)),
    formatNumber(row.peakMib, 0),
  ];
}

function formatChanges(row: ChangeResult, rows: readonly ChangeResult[]): Row {
  const baseline = rows.find(({ variant }) => variant === 'baseline');
  return [
    row.variant,
    String(row.connections),
    formatNumber(row.corePercent, 1),
    formatNumber(medianRatio(row.cpuMs, baseline?.cpuMs ?? [])),
    formatNumber(row.changesPerSecond, 1),
    formatNumber(row.listReadsPerChange),
    ...[row.latency.p50Ms, row.latency.p99Ms].map(value => formatNumber(value)),
    formatNumber(row.peakMib, 0),
  ];
}

/** A table with its title and an empty line below; nothing if there are no results. */
function formatTable<Result>(
  title: string,
  header: Row,
  results: readonly Result[],
  format: (result: Result, results: readonly Result[]) => Row,
): string[] {
  if (results.length === 0) return [];
  const rows = [header, ...results.map(result => format(result, results))];
  const widths = header.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  const lines = rows.map(row =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
  return [title, ...lines, ''];
}

function formatGoals(result: BenchResult): string[] {
  return findGoals(result).map(({ what, value, atMost }) => {
    const verdict = value > atMost ? ' MISSED' : '';
    return `${what}: ${formatNumber(value)} (goal at most ${formatNumber(atMost)})${verdict}`;
  });
}

function formatNumber(value: number, digits = 2): string {
  return Number.isFinite(value) ? value.toFixed(digits) : 'n/a';
}
