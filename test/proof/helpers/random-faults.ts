import { expect } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.js';
import { environmentFor } from '../../helpers/gateway-process.js';
import { inParallel } from '../../helpers/in-parallel.js';
import { proofSize } from '../../helpers/proof-size.js';
import { chooseSeed, randomOf } from '../../helpers/random.js';
import { startEmulator } from '../../helpers/running-emulator.js';
import type { CreateHistory } from './caller.js';
import { callOnce, callUntilDecided, callUntilFinal } from './caller.js';
import type { ConnectionKind, PlannedInput } from './connection-kind.js';
import type { CreatePlan } from './create-plan.js';
import { planCreate } from './create-plan.js';
import { Fleet } from './fleet.js';
import { checkAnswers, NO_CONTRADICTIONS } from './verdict.js';

// With more creates at a time, some would miss their deadlines on a machine with two cores.
const AT_A_TIME = 15;
const OPERATION_MS = 5_000;
const SETTLE_MS = 4_000;
const LIST_LAG_MS = 200;
/** How long it takes to decide an unknown create: its killed owner keeps the record first, and then it settles. */
const RESOLUTION_MS = OPERATION_MS + 5_000 + 2 * SETTLE_MS;

/** The number of creates of a run: `PROOF_CREATES` if it is set, otherwise as {@link proofSize} says. */
export function createCount(short: number, long: number): number {
  return Number(process.env['PROOF_CREATES'] ?? proofSize(short, long));
}

/** Milliseconds in which a run of this many creates ends, even on a machine that is ten times slower. */
export function randomFaultsTimeoutMs(creates: number): number {
  return 120_000 + creates * 1_000;
}

/** The settings of a run. */
interface RandomFaultsOptions<Input extends PlannedInput> {
  kind: ConnectionKind<Input>;
  /** Name of the run in the output. */
  title: string;
  creates: number;
  /** Number of processes that share the store. */
  gateways: number;
  /** Environment variables that select the store. */
  store: Record<string, string>;
}

/** The result of a run whose creates have all ended. The gateways run until the end of the test. */
export interface RandomFaultsRun<Input extends PlannedInput> {
  seed: string;
  histories: CreateHistory<Input>[];
  fleet: Fleet;
  emulator: Emulator;
}

/**
 * Sends creates while DLI has random faults and gateways are killed, and compares the answers with the emulator's
 * ledger.
 */
export async function runRandomFaults<Input extends PlannedInput>({
  kind,
  title,
  creates,
  gateways,
  store,
}: RandomFaultsOptions<Input>): Promise<RandomFaultsRun<Input>> {
  const seed = chooseSeed();
  process.stderr.write(`${title}: ${creates} creates, replay with PROOF_SEED=${seed}\n`);
  const startMs = performance.now();
  const { emulator, baseUrl } = await startEmulator({ uniqueNames: false, listLagMs: LIST_LAG_MS });
  const fleet = await Fleet.start(gateways, {
    ...environmentFor(baseUrl),
    OPERATION_TIMEOUT_MS: String(OPERATION_MS),
    RECONCILE_SETTLE_MS: String(SETTLE_MS),
    ...store,
  });
  const plans = Array.from({ length: creates }, (_, number) => planCreate(kind, seed, number));
  const killCount = Math.max(2, Math.ceil(creates / 250));
  const killing = randomOf(`${seed}/kills`);
  const kills: Promise<void>[] = [];
  let started = 0;
  let end = () => {};
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });

  async function kill(): Promise<void> {
    const { killedAt } = kind;
    const { ledger } = emulator;
    if (killedAt !== undefined) await Promise.race([ledger.waitFor(killedAt, ledger.count(killedAt) + 1), ended]);
    await fleet.kill(killing);
  }

  async function create({ input, faults, otherFault, isTwice, disconnectsAfterMs, maxUndecided }: CreatePlan<Input>) {
    const random = randomOf(`${seed}/${input.name}/calls`);
    const nextUrl = () => fleet.url(random);
    for (const { fault } of faults) emulator.inject({ ...fault, operation: kind.operation, name: input.name });
    if (otherFault !== undefined) emulator.inject(otherFault);
    started += 1;
    if (started % Math.ceil(creates / killCount) === 0) kills.push(kill());
    const history: CreateHistory<Input> = { kind, input, calls: [] };
    const first = nextUrl().then(url => callOnce(history, url, disconnectsAfterMs));
    if (isTwice) await nextUrl().then(url => callOnce(history, url));
    if (!(await first)) await callUntilDecided(history, nextUrl, maxUndecided);
    return history;
  }

  const histories = await inParallel(plans, AT_A_TIME, create);
  end();
  await Promise.all(kills);
  const faultsMs = performance.now() - startMs;
  emulator.clearFaults();
  const random = randomOf(`${seed}/end`);
  const waitingMs = await callUntilFinal(histories, () => fleet.url(random), RESOLUTION_MS, emulator);

  const { verdict, figures } = checkAnswers(kind, plans, histories, emulator, SETTLE_MS);
  const seconds = { faults: Math.round(faultsMs / 1_000), end: Math.round(waitingMs / 1_000) };
  process.stderr.write(`${title}: ${JSON.stringify({ ...figures, kills: fleet.kills, seconds })}\n`);
  expect({ seed, ...verdict }).toEqual({
    seed,
    ...NO_CONTRADICTIONS,
  });
  expect(fleet.stderr()).toBe('');
  return { seed, histories, fleet, emulator };
}
