import { freshName, sendCreate } from './create-request.js';
import type { ClosedLoop, OpenLoop } from './load.js';
import { runLoad } from './load.js';
import type { BenchOptions } from './options.js';
import type { Progress } from './progress.js';
import type { CreateResult } from './result.js';
import { summarize } from './result.js';
import { requireCalls, UpstreamProcess } from './upstream-process.js';
import type { Cost, Workplace } from './variant-process.js';
import { VariantProcess } from './variant-process.js';
import type { Variant } from './variants.js';

/** Creates per second in the open loop. */
const CREATES_PER_SECOND = 100;

/**
 * Measures the creates of every variant; starts and rounds are interleaved, so noise on the machine affects all alike.
 *
 * @throws {Error} with the variant's name, at the first wrong answer or unexpected call of the upstream.
 */
export async function measureCreates(
  variants: readonly Variant[],
  { counts }: BenchOptions,
  workplace: Workplace,
  progress: Progress,
): Promise<CreateResult[]> {
  const { starts, rounds, warmup, creates, concurrency } = counts;
  const upstream = await UpstreamProcess.start(workplace.children, 0);
  const started: VariantProcess[] = [];
  for (let start = 1; start <= starts; start += 1) {
    progress(`creates: start ${start} of ${starts}`);
    await Promise.all(started.slice(-variants.length).map(process => process.kill()));
    for (const variant of variants) started.push(await startOne(variant, workplace, upstream));
  }

  const measured = started.slice(-variants.length).map(process => ({
    process,
    closedLoops: [] as Cost<number[]>[],
    openLoops: [] as Cost<number[]>[],
  }));
  for (const { process } of measured) {
    progress(`creates: ${warmup} to warm up ${process.variant.name}`);
    await runCreates(process, { requests: warmup, concurrency });
  }
  const openLoop = { requests: counts['open-seconds'] * CREATES_PER_SECOND, perSecond: CREATES_PER_SECOND };
  for (let round = 1; round <= rounds; round += 1) {
    progress(`creates: round ${round} of ${rounds}`);
    for (const { process, closedLoops } of measured)
      closedLoops.push(await runCreates(process, { requests: creates, concurrency }));
    for (const { process, openLoops } of measured) openLoops.push(await runCreates(process, openLoop));
  }

  const results = measured.map(({ process, closedLoops, openLoops }) => {
    const own = started.filter(({ variant }) => variant === process.variant);
    return {
      variant: process.variant.name,
      cpuMs: closedLoops.map(({ cpuMs }) => cpuMs / creates),
      mainThreadMs: closedLoops.map(({ mainThreadMs }) => mainThreadMs / creates),
      closedLoop: summarize(closedLoops.flatMap(({ result }) => result)),
      openLoop: summarize(openLoops.flatMap(({ result }) => result)),
      firstAnswersS: own.map(({ firstAnswerS }) => firstAnswerS),
      restMib: own.map(({ restMib }) => restMib),
      peakMib: process.peakMib(),
    };
  });
  await Promise.all(measured.map(({ process }) => process.kill()));
  return results;
}

async function startOne(variant: Variant, workplace: Workplace, upstream: UpstreamProcess): Promise<VariantProcess> {
  const { result, calls } = await upstream.count(() =>
    VariantProcess.start(variant, workplace, upstream, (pool, origin) =>
      sendCreate(pool, origin, freshName(), variant.kind),
    ),
  );
  requireCalls(calls, { creates: 1, gets: 0, lists: 0, deletes: 0 });
  return result;
}

/** @throws {Error} unless each create has its own id and has reached the upstream once */
function runCreates(process: VariantProcess, load: ClosedLoop | OpenLoop): Promise<Cost<number[]>> {
  const ids = new Set<string>();
  const send = (origin: string) =>
    runLoad(origin, load, async pool => {
      ids.add(await sendCreate(pool, origin, freshName(), process.variant.kind));
    });
  return process.measure(send, calls => {
    if (ids.size !== load.requests) throw new Error(`${load.requests} creates gave ${ids.size} different ids.`);
    requireCalls(calls, { creates: load.requests, gets: 0, lists: 0, deletes: 0 });
  });
}
