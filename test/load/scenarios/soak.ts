import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { readAllocatedMb } from '../../bench/process-metrics.js';
import { median } from '../../bench/statistics.js';
import type { LedgerCall } from '../emulator.js';
import { startEmulator } from '../emulator.js';
import { startGateway } from '../gateway.js';
import type { Scenario } from '../scenario.js';
import { atMost } from '../scenario.js';
import type { CreateCall, RequestResult } from '../traffic.js';
import { LoadClient, newCreate, sendAtRate, tallyOf } from '../traffic.js';
import { addCreates, findContradictions, isExecutedButUnknown } from '../verdict.js';

const PER_SECOND = 30;
const FAULT_SHARE = 0.05;
/** Faults of a create, with and without its execution where both exist. */
const FAULTS = [
  { behaviour: 'reset', apply: true },
  { behaviour: 'reset', apply: false },
  { behaviour: 'truncate', apply: true },
  { behaviour: 'close', apply: true },
  { status: 500, body: '' },
  { status: 502, body: '<html></html>' },
  { status: 503, body: '' },
  { status: 504, body: '', apply: true },
  { error: 'APIGW.0308' },
  { error: 'DLI.0999' },
  { delayMs: 15_000, apply: true },
  { status: 200, body: '{"is_success":' },
];
/** Older connections are deleted, so that DLI's list keeps its length. */
const KEPT_CONNECTIONS = 500;
/** The first minutes fill caches and pools. */
const SETTLING_SHARE = 1 / 6;
const SECOND_MS = 1_000;
const REPEAT_AFTER_MS = 5_000;
const MAX_REPEATS = 12;

/** Half an hour of creates and deletes with random faults. */
export const soak: Scenario = {
  what: '30 creates and as many deletes a second, 5 % of the creates with a random fault of DLI',
  seconds: 1_800,
  async run({ children, workDir, seconds, onProgress }) {
    const emulator = await startEmulator(children);
    const gateway = await startGateway(children, emulator.url, { DATA_DIR: join(workDir, 'data') });
    const client = new LoadClient(gateway.url);
    const creates: CreateCall[] = [];
    const existing: string[] = [];
    const deletes: Promise<RequestResult>[] = [];
    const create = async (dueMs: number): Promise<RequestResult> => {
      const call = newCreate();
      creates.push(call);
      if (Math.random() < FAULT_SHARE) await emulator.script(faultFor(call.name));
      let ending = await client.create(call, dueMs);
      // As docs/create.md asks callers to do.
      for (let repeats = 0; mayBeRepeated(ending) && repeats < MAX_REPEATS; repeats += 1) {
        await delay(REPEAT_AFTER_MS);
        ending = await client.create(call);
      }
      if (ending.connectionId !== undefined) existing.push(ending.connectionId);
      const [oldest] = existing;
      if (existing.length > KEPT_CONNECTIONS && oldest !== undefined) {
        existing.shift();
        deletes.push(client.delete(oldest));
      }
      return ending;
    };

    const samples: { atS: number; allocatedMb: number; handles: number }[] = [];
    const byName = new Map<string, LedgerCall[]>();
    let collected = 0;
    // The emulator keeps only the last 50,000 calls.
    const collectCalls = async () => {
      const calls = await emulator.calls('createConnection', collected);
      const fresh = calls.filter(({ sequence }) => sequence > collected);
      collected = fresh.at(-1)?.sequence ?? collected;
      addCreates(byName, fresh);
    };
    const startedMs = performance.now();
    const sampling = setInterval(() => {
      const atS = (performance.now() - startedMs) / SECOND_MS;
      const { pid } = gateway.child;
      samples.push({ atS, allocatedMb: readAllocatedMb(pid), handles: readdirSync(`/proc/${pid}/fd`).length });
      if (samples.length % 60 === 0) {
        onProgress(
          `${atS.toFixed(0)} s: ${samples.at(-1)?.allocatedMb.toFixed(0)} MB, ${samples.at(-1)?.handles} handles`,
        );
        void collectCalls();
      }
    }, SECOND_MS);
    const endings = await sendAtRate(PER_SECOND, seconds, create);
    clearInterval(sampling);
    const deleted = await Promise.all(deletes);
    await collectCalls();
    gateway.child.failIfExited();

    const settled = samples.filter(({ atS }) => atS > seconds * SETTLING_SHARE && atS < seconds);
    const handles = settled.map(sample => sample.handles);
    const half = handles.length / 2;
    return {
      figures: [
        atMost(
          'growth of allocated memory',
          slopePerHour(settled.map(({ atS, allocatedMb }) => [atS, allocatedMb])),
          10,
          ' MB/h',
          1,
        ),
        atMost(
          'growth of handles, median of the halves',
          median(handles.slice(half)) - median(handles.slice(0, half)),
          5,
        ),
        atMost(
          'executed, and still unknown to its caller',
          creates.filter(each => isExecutedButUnknown(each, byName)).length,
          0,
        ),
        atMost('open creates in the records', await countOpen(gateway.adminUrl), 0),
      ],
      tally: { ...tallyOf(endings), ...tallyOf(deleted) },
      wrong: findContradictions(creates, byName),
    };
  },
};

function faultFor(name: string): object {
  const fault = FAULTS[Math.floor(Math.random() * FAULTS.length)];
  return { operation: 'createConnection', name, ...fault };
}

function mayBeRepeated({ outcome }: RequestResult): boolean {
  return /^(?:OutcomeUnknownError|IdempotencyInProgressError|DliUnavailableError|no answer)/.test(outcome);
}

/** Slope per hour of the least-squares line through points of seconds and values. */
function slopePerHour(points: readonly (readonly [number, number])[]): number {
  const meanOf = (index: 0 | 1) => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [meanX, meanY] = [meanOf(0), meanOf(1)];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return (covariance / variance) * 3_600;
}

/** The open creates in the gateway's metrics, once they should have been reconciled. */
async function countOpen(adminUrl: string): Promise<number> {
  const limitMs = performance.now() + 60_000;
  for (;;) {
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    const values = [...text.matchAll(/^dli_gateway_creates_open\{[^}]*\} (\d+)/gm)].map(([, value]) => Number(value));
    const open = values.reduce((sum, value) => sum + value, 0);
    if (open === 0 || performance.now() > limitMs) return values.length === 0 ? Number.NaN : open;
    await delay(SECOND_MS);
  }
}
