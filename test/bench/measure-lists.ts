import { performance } from 'node:perf_hooks';
import { freshName, sendCreate } from './create-request.js';
import type { ExpectedPage } from './list-requests.js';
import { PAGE_SIZE, sendDelete, sendPage } from './list-requests.js';
import type { ClosedLoop, OpenLoop } from './load.js';
import { runLoad, sleepUntil, withPool } from './load.js';
import type { BenchOptions } from './options.js';
import type { Progress } from './progress.js';
import type { ChangeResult, PageResult } from './result.js';
import { summarize } from './result.js';
import { newestNames } from './seeded-connections.js';
import { median } from './statistics.js';
import { requireCalls, UpstreamProcess } from './upstream-process.js';
import type { Cost, Workplace } from './variant-process.js';
import { VariantProcess } from './variant-process.js';
import type { Variant } from './variants.js';

const SHORT_LIST = 100;
/** The longest list that a project is likely to have. */
const LONG_LIST = 10_000;
const PAGES_PER_SECOND = 100;
/** Changes per second of the tenant who lists after each. */
const CHANGES_PER_SECOND = 10;
/** Number of creates and deletes before the first measured one. */
const WARM_UP_CHANGES = 20;

/** A gateway with its own list. */
interface ListingGateway {
  readonly process: VariantProcess;
  readonly connections: number;
}

/**
 * Measures the first page of a short and of a long list that the gateway has already read. Gateways and lists are
 * interleaved.
 *
 * @throws {Error} with the variant's name, at the first wrong answer, or when a page causes a call to DLI.
 */
export async function measurePages(
  gateways: readonly Variant[],
  { counts }: BenchOptions,
  workplace: Workplace,
  progress: Progress,
): Promise<PageResult[]> {
  const { rounds, pages, concurrency } = counts;
  const measured: (ListingGateway & { closedLoops: Cost<number[]>[]; openLoops: Cost<number[]>[] })[] = [];
  for (const variant of gateways) {
    for (const connections of [SHORT_LIST, LONG_LIST]) {
      progress(`pages: ${counts['page-warmup']} of ${connections} connections to warm up ${variant.name}`);
      // The maximum, so that a list stays fresh for a whole round.
      const process = await startListing(variant, connections, workplace, { READ_FRESHNESS_MS: '60000' });
      await runPages({ process, connections }, { requests: counts['page-warmup'], concurrency }, true);
      measured.push({ process, connections, closedLoops: [], openLoops: [] });
    }
  }
  const openLoop = { requests: counts['open-seconds'] * PAGES_PER_SECOND, perSecond: PAGES_PER_SECOND };
  for (let round = 1; round <= rounds; round += 1) {
    progress(`pages: round ${round} of ${rounds}`);
    for (const gateway of measured)
      gateway.closedLoops.push(await runUnaskedPages(gateway, { requests: pages, concurrency }));
    for (const gateway of measured) gateway.openLoops.push(await runUnaskedPages(gateway, openLoop));
  }
  const results = measured.map(({ process, connections, closedLoops, openLoops }) => ({
    variant: process.variant.name,
    connections,
    cpuMs: closedLoops.map(({ cpuMs }) => cpuMs / pages),
    openLoop: summarize(openLoops.flatMap(({ result }) => result)),
    peakMib: process.peakMib(),
  }));
  await Promise.all(measured.map(({ process }) => process.kill()));
  return results;
}

/**
 * Measures a tenant who creates and deletes connections in turn and lists after each, with a long list and the usual
 * freshness of reads.
 *
 * @throws {Error} with the variant's name, at the first wrong answer, such as a list that does not show the change.
 */
export async function measureChanges(
  gateways: readonly Variant[],
  { counts }: BenchOptions,
  workplace: Workplace,
  progress: Progress,
): Promise<ChangeResult[]> {
  const changes = counts['change-seconds'] * CHANGES_PER_SECOND;
  const measured: { process: VariantProcess; rounds: Cost<ChangeRound>[] }[] = [];
  for (const variant of gateways) {
    progress(`changes: ${WARM_UP_CHANGES} to warm up ${variant.name}`);
    const process = await startListing(variant, LONG_LIST, workplace);
    await runChanges(process, WARM_UP_CHANGES);
    measured.push({ process, rounds: [] });
  }
  for (let round = 1; round <= counts.rounds; round += 1) {
    progress(`changes: round ${round} of ${counts.rounds}`);
    for (const { process, rounds } of measured) rounds.push(await runChanges(process, changes));
  }
  const results = measured.map(({ process, rounds }) => {
    const cpuMs = rounds.map(round => round.cpuMs / changes);
    const listReads = rounds.reduce((sum, { calls }) => sum + calls.lists, 0);
    return {
      variant: process.variant.name,
      connections: LONG_LIST,
      cpuMs,
      corePercent: (median(cpuMs) * CHANGES_PER_SECOND * 100) / 1000,
      changesPerSecond: median(rounds.map(({ result }) => changes / result.seconds)),
      listReadsPerChange: listReads / (changes * rounds.length),
      latency: summarize(rounds.flatMap(({ result }) => result.latenciesMs)),
      peakMib: process.peakMib(),
    };
  });
  await Promise.all(measured.map(({ process }) => process.kill()));
  return results;
}

async function startListing(
  variant: Variant,
  connections: number,
  workplace: Workplace,
  settings: Readonly<Record<string, string>> = {},
): Promise<VariantProcess> {
  const upstream = await UpstreamProcess.start(workplace.children, connections);
  const expected = seededPage(connections);
  return VariantProcess.start(
    variant,
    workplace,
    upstream,
    (pool, origin) => sendPage(pool, origin, expected),
    settings,
  );
}

function runPages(
  { process, connections }: ListingGateway,
  load: ClosedLoop | OpenLoop,
  mayAskDli: boolean,
): Promise<Cost<number[]>> {
  const expected = seededPage(connections);
  const send = (origin: string) => runLoad(origin, load, pool => sendPage(pool, origin, expected));
  return process.measure(send, calls =>
    requireCalls(calls, { creates: 0, gets: 0, deletes: 0, ...(!mayAskDli && { lists: 0 }) }),
  );
}

/** Pages of a list that was read before. If the list expires meanwhile, they are measured again. */
async function runUnaskedPages(gateway: ListingGateway, load: ClosedLoop | OpenLoop): Promise<Cost<number[]>> {
  const pages = await runPages(gateway, load, true);
  return pages.calls.lists === 0 ? pages : runPages(gateway, load, false);
}

interface ChangeRound {
  readonly latenciesMs: readonly number[];
  readonly seconds: number;
}

/** An even number of changes, one at a time, on a fixed schedule. */
function runChanges(process: VariantProcess, changes: number): Promise<Cost<ChangeRound>> {
  const perKind = changes / 2;
  const send = (origin: string) =>
    withPool(origin, null, async pool => {
      const latenciesMs: number[] = [];
      const list = async (expected: ExpectedPage): Promise<void> => {
        const askedAtMs = performance.now();
        await sendPage(pool, origin, expected);
        latenciesMs.push(performance.now() - askedAtMs);
      };
      const startedMs = performance.now();
      for (let pair = 0; pair < perKind; pair += 1) {
        await sleepUntil(startedMs + (2 * pair * 1000) / CHANGES_PER_SECOND);
        const name = freshName();
        const id = await sendCreate(pool, origin, name);
        await list(seededPage(LONG_LIST, name));
        await sleepUntil(startedMs + ((2 * pair + 1) * 1000) / CHANGES_PER_SECOND);
        await sendDelete(pool, origin, id);
        await list(seededPage(LONG_LIST));
      }
      await sleepUntil(startedMs + (changes * 1000) / CHANGES_PER_SECOND);
      return { latenciesMs, seconds: (performance.now() - startedMs) / 1000 };
    });
  return process.measure(send, calls => requireCalls(calls, { creates: perKind, deletes: perKind }));
}

/** The first page of the seeded list, preceded by one newer connection if its name is given. */
function seededPage(connections: number, newest?: string): ExpectedPage {
  const names = newestNames(connections, PAGE_SIZE);
  if (newest === undefined) return { names, totalCount: connections };
  return { names: [newest, ...names.slice(0, -1)], totalCount: connections + 1 };
}
