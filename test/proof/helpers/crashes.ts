import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.js';
import type { EnhancedPayload } from '../../helpers/enhanced-gateway.js';
import { startGateway } from '../../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../../helpers/gateway-process.js';
import { inParallel } from '../../helpers/in-parallel.js';
import { proofSize } from '../../helpers/proof-size.js';
import { QUICK_FOLDER } from '../../helpers/quick-folder.js';
import { chooseSeed, randomOf } from '../../helpers/random.js';
import { startEmulator } from '../../helpers/running-emulator.js';
import type { CreateHistory } from './caller.js';
import { callOnce, callUntilFinal, lastAnswer } from './caller.js';
import type { ConnectionKind, PlannedInput } from './connection-kind.js';
import type { CrashPoint } from './crash-points.js';
import type { CreatePlan } from './create-plan.js';
import { planCreate } from './create-plan.js';
import { startLateUpstream } from './late-upstream.js';
import type { Verdict } from './verdict.js';
import { checkAnswers, NO_CONTRADICTIONS } from './verdict.js';

const REPEATS = proofSize(1, 3);
const AT_A_TIME = 5;
const OPERATION_MS = 2_000;
/** Longer than any step takes on a slow machine: DLI must not execute a create after this time. */
const SETTLE_MS = 20_000;
/** How long the killed process owns its record, plus time for some reads of the list. */
const RESOLUTION_MS = OPERATION_MS + 5_000 + 2_000;
const NO_FAULTS = { faults: [], otherFault: undefined, isTwice: false, disconnectsAfterMs: undefined, maxUndecided: 1 };

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** The result of a create whose gateway was killed. */
interface CrashEnd {
  verdict: Verdict;
  isRepeated: boolean;
  notBound: readonly unknown[];
  posts: number;
  end: string | undefined;
}

/** A create and the step at which its gateway is killed. */
interface Crash<Input extends PlannedInput> {
  name: string;
  point: CrashPoint;
  plan: CreatePlan<Input>;
  chance: number;
}

/**
 * Lets the creates of one gateway reach their steps, kills it, starts another one and repeats the creates until they
 * are decided. Creates can share a gateway only if it is killed from outside.
 */
async function crash<Input extends PlannedInput>(
  kind: ConnectionKind<Input>,
  crashes: readonly Crash<Input>[],
): Promise<CrashEnd[]> {
  const { emulator, baseUrl } = await startEmulator({ uniqueNames: false });
  const upstream = await startLateUpstream(baseUrl);
  const folder = await mkdtemp(join(QUICK_FOLDER, 'dli-gateway-crash-'));
  folders.push(folder);
  const environment = {
    ...environmentFor(upstream.url),
    DATA_DIR: folder,
    OPERATION_TIMEOUT_MS: String(OPERATION_MS),
    RECONCILE_SETTLE_MS: String(SETTLE_MS),
    ...crashes[0]?.point.environment,
  };
  const preload = crashes[0]?.point.preload;
  const first = startGatewayProcess(environment, preload === undefined ? {} : { preload });
  const { graphqlUrl } = await first.addresses();
  const killed = first.end();
  const histories: CreateHistory<Input>[] = [];
  const repeats: Promise<boolean>[] = [];
  for (const { point, plan, chance } of crashes) {
    const context = { emulator, upstream, name: plan.input.name };
    const postsBefore = emulator.ledger.count(kind.operation);
    point.prepare?.(context);
    const history: CreateHistory<Input> = { kind, input: plan.input, calls: [] };
    const call = callOnce(history, graphqlUrl);
    histories.push(history);
    repeats.push(repeatUntil(killed, call, () => callOnce(history, graphqlUrl)));
    await point.reach?.({ ...context, postsBefore, call, chance });
  }
  if (preload === undefined) first.signal('SIGKILL');
  // A process that decides its create has not reached the step.
  else if ((await Promise.all(repeats)).includes(true)) return crash(kind, crashes);
  expect(await killed).toBe('SIGKILL');
  await Promise.all(repeats);
  // A held request arrives after its sender was killed, but before the next gateway starts, which may be slow.
  upstream.release();
  // The next gateway is not killed, so it runs in this process.
  const second = await startGateway({ env: environment });
  await callUntilFinal(histories, async () => second.graphqlUrl, RESOLUTION_MS, emulator);
  const decided = histories.map(lastAnswer);
  // A repeat must have the same outcome.
  for (const history of histories) await callOnce(history, second.graphqlUrl);
  await second.close();
  return crashes.map(({ plan }, index) => endOf(plan, histories[index], decided[index], emulator));
}

function endOf<Input extends PlannedInput>(
  plan: CreatePlan<Input>,
  history: CreateHistory<Input> | undefined,
  decided: EnhancedPayload | undefined,
  emulator: Emulator,
): CrashEnd {
  if (history === undefined) throw new Error('Each create has a history.');
  const { verdict, figures } = checkAnswers(history.kind, [plan], [history], emulator, SETTLE_MS);
  const { connectionId, notBound = [] } = lastAnswer(history) ?? {};
  const isRepeated = isDeepStrictEqual([connectionId, notBound], [decided?.connectionId, decided?.notBound ?? []]);
  return { verdict, isRepeated, notBound, posts: figures.posts, end: Object.keys(figures.ends)[0] };
}

/**
 * Repeats an undecided call, because on a slow machine its deadline may pass before it reaches the step. Returns
 * whether it was decided.
 */
async function repeatUntil(
  killed: Promise<unknown>,
  call: Promise<boolean>,
  repeat: () => Promise<boolean>,
): Promise<boolean> {
  let isOver = false;
  void killed.then(() => {
    isOver = true;
  });
  for (;;) {
    if (await call) return true;
    if (isOver) return false;
    call = repeat();
  }
}

/** The crashes of each gateway. Those that need no startup settings of their own share one. */
function groupsOf<C extends { point: CrashPoint; repeat: number }>(crashes: readonly C[]): C[][] {
  const isAlone = ({ point }: C) => point.preload !== undefined || point.environment !== undefined;
  const others = crashes.filter(each => !isAlone(each));
  const shared = Array.from({ length: REPEATS }, (_, repeat) => others.filter(each => each.repeat === repeat));
  return [...crashes.filter(isAlone).map(each => [each]), ...shared.filter(group => group.length > 0)];
}

/**
 * Describes what holds for a create whose gateway is killed at these steps.
 *
 * @param input fields that all inputs have in common; default: none
 */
export function describeCrashes<Input extends PlannedInput>(
  title: string,
  kind: ConnectionKind<Input>,
  points: Readonly<Record<string, CrashPoint>>,
  input: Partial<Input> = {},
): void {
  describe(title, () => {
    const seed = chooseSeed();
    const ends = new Map<string, CrashEnd[]>();

    // In parallel, because most of the time they wait until the killed process no longer owns its record.
    beforeAll(async () => {
      process.stderr.write(`${title}: ${REPEATS} times at each step, replay with PROOF_SEED=${seed}\n`);
      const crashes = Object.entries(points).flatMap(([name, point], index) => {
        const random = randomOf(`${seed}/${name}`);
        return Array.from({ length: REPEATS }, (_, repeat) => {
          const plan = { ...planCreate(kind, seed, index * REPEATS + repeat), ...NO_FAULTS };
          return { name, point, plan: { ...plan, input: { ...plan.input, ...input } }, chance: random(), repeat };
        });
      });
      await inParallel(groupsOf(crashes), AT_A_TIME, async group => {
        for (const [index, end] of (await crash(kind, group)).entries()) {
          const name = group[index]?.name ?? '';
          ends.set(name, [...(ends.get(name) ?? []), end]);
        }
      });
    }, 600_000);

    it.each(Object.entries(points))(
      '%s is executed at most once and answered truthfully after the restart',
      (name, point) => {
        expect(ends.get(name)).toHaveLength(REPEATS);
        for (const { verdict, isRepeated, notBound, posts, end } of ends.get(name) ?? []) {
          expect({ seed, isRepeated, notBound, ...verdict }).toEqual({
            seed,
            isRepeated: true,
            // After the restart, nothing prevents a bind.
            notBound: [],
            ...NO_CONTRADICTIONS,
          });
          if (point.end === 'ANY') expect(posts).toBeLessThanOrEqual(point.posts);
          else expect({ seed, end, posts }).toEqual({ seed, end: point.end, posts: point.posts });
        }
      },
    );
  });
}
