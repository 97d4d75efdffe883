import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { startEmulator } from '../emulator/helpers/running-emulator.js';
import { environmentFor } from '../helpers/gateway-process.js';
import { describeWithProgram } from '../helpers/needed-program.js';
import { startRedisServer } from '../helpers/redis-server.js';
import type { CreateStory } from './helpers/caller.js';
import { callOnce, callToTheEnd, callUntilDecided } from './helpers/caller.js';
import type { CreatePlan } from './helpers/create-plan.js';
import { planCreate } from './helpers/create-plan.js';
import { Fleet } from './helpers/fleet.js';
import { inParallel } from './helpers/in-parallel.js';
import { chooseSeed, randomOf } from './helpers/random.js';
import { judge } from './helpers/verdict.js';

const CREATES = Number(process.env['ONCE_CREATES'] ?? 1_000);
const AT_A_TIME = Number(process.env['ONCE_AT_A_TIME'] ?? 20);
const KILLS = Math.max(4, Math.ceil(CREATES / 250));
const OPERATION_MS = 3_000;
const SETTLE_MS = 1_000;
const LIST_LAG_MS = 200;
/** How long an unknown create may still turn out done: its dead owner counts as alive, then it settles. */
const DOUBT_MS = OPERATION_MS + 5_000 + 2 * SETTLE_MS;
const TEST_MS = 120_000 + CREATES * 100;

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Lets all creates run into their faults, with kills in between, and compares the end with the ledger. */
async function runCreates(title: string, size: number, store: Record<string, string>): Promise<void> {
  const seed = chooseSeed();
  process.stderr.write(`${title}: ${CREATES} creates, replay with ONCE_SEED=${seed}\n`);
  const startMs = performance.now();
  const { emulator, baseUrl } = await startEmulator({ uniqueNames: false, listLagMs: LIST_LAG_MS });
  const fleet = await Fleet.start(size, {
    ...environmentFor(baseUrl),
    OPERATION_TIMEOUT_MS: String(OPERATION_MS),
    RECONCILE_SETTLE_MS: String(SETTLE_MS),
    ...store,
  });
  const plans = Array.from({ length: CREATES }, (_, number) => planCreate(seed, number));
  const killing = randomOf(`${seed}/kills`);
  const kills: Promise<void>[] = [];
  let begun = 0;

  async function create({ input, faults, listFault, isTwice, leavesAfterMs, patience }: CreatePlan) {
    const random = randomOf(`${seed}/${input.name}/calls`);
    const nextUrl = () => fleet.url(random);
    for (const { fault } of faults)
      emulator.inject({ ...fault, operation: 'createConnection', name: input.name });
    if (listFault !== undefined) emulator.inject(listFault);
    begun += 1;
    if (begun % Math.ceil(CREATES / KILLS) === 0) kills.push(fleet.kill(killing));
    const story: CreateStory = { input, calls: [] };
    const first = nextUrl().then(url => callOnce(story, url, leavesAfterMs));
    if (isTwice) await nextUrl().then(url => callOnce(story, url));
    if (!(await first)) await callUntilDecided(story, nextUrl, patience);
    return story;
  }

  const stories = await inParallel(plans, AT_A_TIME, create);
  await Promise.all(kills);
  const faultsMs = performance.now() - startMs;
  emulator.clearFaults();
  const random = randomOf(`${seed}/end`);
  const waitingMs = await callToTheEnd(stories, () => fleet.url(random), DOUBT_MS);

  const { verdict, figures } = judge(plans, stories, emulator);
  const seconds = { faults: Math.round(faultsMs / 1_000), end: Math.round(waitingMs / 1_000) };
  process.stderr.write(`${title}: ${JSON.stringify({ ...figures, kills: fleet.kills, seconds })}\n`);
  expect({ seed, ...verdict }).toEqual({
    seed,
    duplicates: [],
    lies: [],
    undecidedButListed: [],
    postsWithoutProof: [],
    stuck: [],
  });
  expect(fleet.complaints()).toBe('');
}

describeWithProgram('redis-server', 'creates through two gateways on one Redis', program => {
  it(
    'end without a duplicate and without a lie, whatever DLI and the gateways suffer',
    async () => {
      const { url } = await startRedisServer(program);
      await runCreates('two gateways on one Redis', 2, { REDIS_URL: url });
    },
    TEST_MS,
  );
});

it(
  'creates through one gateway on a folder end without a duplicate and without a lie, whatever DLI and the gateway suffer',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'once-random-'));
    folders.push(folder);
    await runCreates('one gateway on a folder', 1, { DATA_DIR: folder });
  },
  TEST_MS,
);
