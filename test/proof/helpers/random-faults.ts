import { expect } from '@jest/globals';
import { startEmulator } from '../../emulator/helpers/running-emulator.js';
import { environmentFor } from '../../helpers/gateway-process.js';
import { proofSize } from '../../helpers/proof-size.js';
import type { CreateHistory } from './caller.js';
import { callOnce, callUntilDecided, callUntilFinal } from './caller.js';
import type { CreatePlan } from './create-plan.js';
import { planCreate } from './create-plan.js';
import { Fleet } from './fleet.js';
import { inParallel } from './in-parallel.js';
import { chooseSeed, randomOf } from './random.js';
import { checkAnswers } from './verdict.js';

const CREATES = Number(process.env['PROOF_CREATES'] ?? proofSize(40, 400));
// With more at a time, creates would miss their deadlines on a machine with two cores.
const AT_A_TIME = 15;
const KILLS = Math.max(2, Math.ceil(CREATES / 250));
const OPERATION_MS = 5_000;
const SETTLE_MS = 4_000;
const LIST_LAG_MS = 200;
/** Time within which an unknown create is decided: its killed owner keeps the record, and then it settles. */
const RESOLUTION_MS = OPERATION_MS + 5_000 + 2 * SETTLE_MS;

/** Enough for a machine that is ten times slower. */
export const RANDOM_FAULTS_TIMEOUT_MS = 120_000 + CREATES * 1_000;

/**
 * Sends creates while DLI has random faults and gateways are killed, and compares the answers with the emulator's
 * ledger.
 *
 * @param title name of the run in the output
 * @param gateways number of processes that share the store
 * @param store environment variables that select the store
 */
export async function runRandomFaults(title: string, gateways: number, store: Record<string, string>): Promise<void> {
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
  let started = 0;

  async function create({ input, faults, listFault, isTwice, disconnectsAfterMs, maxUndecided }: CreatePlan) {
    const random = randomOf(`${seed}/${input.name}/calls`);
    const nextUrl = () => fleet.url(random);
    for (const { fault } of faults) emulator.inject({ ...fault, operation: 'createConnection', name: input.name });
    if (listFault !== undefined) emulator.inject(listFault);
    started += 1;
    if (started % Math.ceil(CREATES / KILLS) === 0) kills.push(fleet.kill(killing));
    const history: CreateHistory = { input, calls: [] };
    const first = nextUrl().then(url => callOnce(history, url, disconnectsAfterMs));
    if (isTwice) await nextUrl().then(url => callOnce(history, url));
    if (!(await first)) await callUntilDecided(history, nextUrl, maxUndecided);
    return history;
  }

  const histories = await inParallel(plans, AT_A_TIME, create);
  await Promise.all(kills);
  const faultsMs = performance.now() - startMs;
  emulator.clearFaults();
  const random = randomOf(`${seed}/end`);
  const waitingMs = await callUntilFinal(histories, () => fleet.url(random), RESOLUTION_MS, emulator);

  const { verdict, figures } = checkAnswers(plans, histories, emulator);
  const seconds = { faults: Math.round(faultsMs / 1_000), end: Math.round(waitingMs / 1_000) };
  process.stderr.write(`${title}: ${JSON.stringify({ ...figures, kills: fleet.kills, seconds })}\n`);
  expect({ seed, ...verdict }).toEqual({
    seed,
    duplicates: [],
    wrongAnswers: [],
    unknownButListed: [],
    postsWithoutProof: [],
    stuck: [],
  });
  expect(fleet.stderr()).toBe('');
}
