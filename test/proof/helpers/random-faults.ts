import { expect } from '@jest/globals';
import { startEmulator } from '../../emulator/helpers/running-emulator.js';
import { environmentFor } from '../../helpers/gateway-process.js';
import { proofSize } from '../../helpers/proof-size.js';
import type { CreateHistory } from './caller.js';
import { callOnce, callToTheEnd, callUntilDecided } from './caller.js';
import type { CreatePlan } from './create-plan.js';
import { planCreate } from './create-plan.js';
import { Fleet } from './fleet.js';
import { inParallel } from './in-parallel.js';
import { chooseSeed, randomOf } from './random.js';
import { judge } from './verdict.js';

const CREATES = Number(process.env['PROOF_CREATES'] ?? proofSize(40, 400));
// More at a time would only find out how much two cores can do before the deadlines.
const AT_A_TIME = 15;
const KILLS = Math.max(2, Math.ceil(CREATES / 250));
const OPERATION_MS = 5_000;
const SETTLE_MS = 4_000;
const LIST_LAG_MS = 200;
/** How long an unknown create may still turn out done: its dead owner counts as alive, then it settles. */
const DOUBT_MS = OPERATION_MS + 5_000 + 2 * SETTLE_MS;

/** Only for hangs: what a machine ten times slower needs. */
export const RANDOM_FAULTS_TIMEOUT_MS = 120_000 + CREATES * 1_000;

/**
 * Lets creates run into random faults of DLI while their gateways are killed, and compares what callers were
 * answered with the emulator's ledger.
 *
 * @param title names the run in the output, where `PROOF_SEED` replays it
 * @param gateways how many processes share the store
 * @param store variables that name the store
 */
export async function proveRandomFaults(title: string, gateways: number, store: Record<string, string>): Promise<void> {
  const seed = chooseSeed();
  process.stderr.write(`${title}: ${CREATES} creates, replay with PROOF_SEED=${seed}\n`);
  const startMs = performance.now();
  const { emulator, baseUrl } = await startEmulator({ uniqueNames: false, listLagMs: LIST_LAG_MS });
  const fleet = await Fleet.start(gateways, {
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
    for (const { fault } of faults) emulator.inject({ ...fault, operation: 'createConnection', name: input.name });
    if (listFault !== undefined) emulator.inject(listFault);
    begun += 1;
    if (begun % Math.ceil(CREATES / KILLS) === 0) kills.push(fleet.kill(killing));
    const history: CreateHistory = { input, calls: [] };
    const first = nextUrl().then(url => callOnce(history, url, leavesAfterMs));
    if (isTwice) await nextUrl().then(url => callOnce(history, url));
    if (!(await first)) await callUntilDecided(history, nextUrl, patience);
    return history;
  }

  const histories = await inParallel(plans, AT_A_TIME, create);
  await Promise.all(kills);
  const faultsMs = performance.now() - startMs;
  emulator.clearFaults();
  const random = randomOf(`${seed}/end`);
  const waitingMs = await callToTheEnd(histories, () => fleet.url(random), DOUBT_MS);

  const { verdict, figures } = judge(plans, histories, emulator);
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
