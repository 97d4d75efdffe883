import { cpus } from 'node:os';
import type { ChildProcesses } from '../bench/child-processes.js';
import type { Tally } from './traffic.js';

/** The context of a scenario's run. */
export interface LoadRun {
  readonly children: ChildProcesses;
  /** A folder for the data of the scenario. */
  readonly workDir: string;
  /** Length of the main part in seconds. */
  readonly seconds: number;
  onProgress(text: string): void;
}

/** A measured value and its goal. */
export interface Figure {
  name: string;
  value: string;
  goal: string;
  isMissed: boolean;
}

/** The result of a scenario. */
export interface ScenarioResult {
  figures: readonly Figure[];
  /** How the requests ended. */
  tally: Readonly<Tally>;
  /** Descriptions of what happened but never must. */
  wrong: readonly string[];
}

/** One load test: a description, its default length and what it does. */
export interface Scenario {
  what: string;
  seconds: number;
  run(load: LoadRun): Promise<ScenarioResult>;
}

/** A figure whose goal is an upper bound. */
export function atMost(name: string, value: number, goal: number, unit = '', digits = 0): Figure {
  return bounded(name, value, `at most ${goal}${unit}`, value > goal, unit, digits);
}

/** A figure whose goal is a lower bound. */
export function atLeast(name: string, value: number, goal: number, unit = '', digits = 0): Figure {
  return bounded(name, value, `at least ${goal}${unit}`, value < goal, unit, digits);
}

function bounded(name: string, value: number, goal: string, isMissed: boolean, unit: string, digits: number): Figure {
  return { name, value: `${value.toFixed(digits)}${unit}`, goal, isMissed: isMissed || Number.isNaN(value) };
}

const MAX_WRONG_SHOWN = 20;

/** The report as text: machine, figures with their goals, how requests ended, and what went wrong. */
export function formatReport(name: string, seconds: number, { figures, tally, wrong }: ScenarioResult): string {
  const rows = figures.map(({ name: what, value, goal, isMissed }) => [
    what,
    value,
    `${goal}${isMissed ? ' MISSED' : ''}`,
  ]);
  const widths = [0, 1].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return [
    `${name}: ${seconds} s, Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`,
    '',
    ...rows.map(
      ([what = '', value = '', goal = '']) =>
        `${what.padEnd(widths[0] ?? 0)}  ${value.padStart(widths[1] ?? 0)}  (${goal})`,
    ),
    '',
    ...Object.entries(tally)
      .sort(([, a], [, b]) => b - a)
      .map(([outcome, count]) => `${count} x ${outcome}`),
    '',
    wrong.length === 0 ? 'Nothing went wrong.' : `${wrong.length} things went wrong:`,
    ...wrong.slice(0, MAX_WRONG_SHOWN),
    '',
  ].join('\n');
}
