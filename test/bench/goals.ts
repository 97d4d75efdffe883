import type { BenchResult } from './result.js';
import { median, medianRatio } from './statistics.js';
import type { VariantName } from './variants.js';

/** One goal of the gateway and what was measured. */
export interface Goal {
  readonly what: string;
  readonly value: number;
  readonly atMost: number;
}

/** The goals of the gateway, which must all be met in one run. What was not measured has the value NaN. */
export function findGoals({ node, creates, pages, changes }: BenchResult): Goal[] {
  const isNode20 = node.startsWith('v20.');
  const ofCreates = (name: VariantName) => creates.find(({ variant }) => variant === name);
  const [gateway, usual, floor] = [ofCreates('gateway'), ofCreates('usual'), ofCreates('floor')];
  const quiet = ofCreates('quiet');
  const cpuMs = gateway?.cpuMs ?? [];
  const longestPage = pages.findLast(({ variant }) => variant === 'gateway');
  const change = changes.find(({ variant }) => variant === 'gateway');
  return [
    {
      what: 'CPU per create ÷ usual build',
      value: medianRatio(cpuMs, usual?.cpuMs ?? []),
      // Node 20's own fetch makes the usual build expensive.
      atMost: isNode20 ? 0.27 : 0.4,
    },
    { what: 'CPU per create ÷ floor', value: medianRatio(cpuMs, floor?.cpuMs ?? []), atMost: 3.5 },
    {
      what: 'p50 at 100 creates/s above the floor, ms',
      value: (gateway?.openLoop.p50Ms ?? Number.NaN) - (floor?.openLoop.p50Ms ?? Number.NaN),
      atMost: 2.5,
    },
    {
      what: 'start to first answer ÷ usual build',
      value: medianRatio(gateway?.firstAnswersS ?? [], usual?.firstAnswersS ?? []),
      atMost: 0.6,
    },
    { what: 'peak memory under creates, MiB', value: gateway?.peakMib ?? Number.NaN, atMost: 180 },
    { what: 'CPU of a page of 20 of 10,000 connections, ms', value: median(longestPage?.cpuMs ?? []), atMost: 0.6 },
    {
      what: 'list after each of 10 changes a second, % of a core',
      value: change?.corePercent ?? Number.NaN,
      atMost: 5,
    },
    ...(quiet === undefined
      ? []
      : [{ what: 'CPU per create ÷ without logs and metrics', value: medianRatio(cpuMs, quiet.cpuMs), atMost: 1.1 }]),
  ];
}
