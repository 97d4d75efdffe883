import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEmulator } from '../../emulator/helpers/running-emulator.js';
import { startGateway } from '../../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../../helpers/gateway-process.js';
import { proofSize } from '../../helpers/proof-size.js';
import type { CreateHistory } from './caller.js';
import { callOnce, callUntilFinal, lastAnswer } from './caller.js';
import type { ConnectionKind, PlannedInput } from './connection-kind.js';
import type { CrashPoint } from './crash-points.js';
import { CRASH_POINTS } from './crash-points.js';
import type { CreatePlan } from './create-plan.js';
import { planCreate } from './create-plan.js';
import { inParallel } from './in-parallel.js';
import { startLateUpstream } from './late-upstream.js';
import { chooseSeed, randomOf } from './random.js';
import type { Verdict } from './verdict.js';
import { checkAnswers } from './verdict.js';

const REPEATS = proofSize(1, 3);
const AT_A_TIME = 5;
const OPERATION_MS = 2_000;
/** Longer than any step takes on a slow machine: DLI must not execute a create after it. */
const SETTLE_MS = 20_000;
/** Time for which the killed process owns its record, and then for some reads of the list. */
const RESOLUTION_MS = OPERATION_MS + 5_000 + 2_000;
const NO_FAULTS = { faults: [], otherFault: undefined, isTwice: false, disconnectsAfterMs: undefined, maxUndecided: 1 };

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** How a create whose gateway was killed has ended. */
interface CrashEnd {
  verdict: Verdict;
  isRepeated: boolean;
  notBound: readonly unknown[];
  posts: number;
  end: string | undefined;
}

/** Kills a gateway at this point of a create, starts another one and repeats the create until it is decided. */
async function crash<Input extends PlannedInput>(
  kind: ConnectionKind<Input>,
  point: CrashPoint,
  plan: CreatePlan<Input>,
  chance: number,
): Promise<CrashEnd> {
  const { emulator, baseUrl } = await startEmulator({ uniqueNames: false });
  const upstream = await startLateUpstream(baseUrl);
  const folder = await mkdtemp(join(tmpdir(), 'dli-gateway-crash-'));
  folders.push(folder);
  const isLate = point === CRASH_POINTS['before its request arrives at DLI'];
  if (!isLate) upstream.release();
  const environment = {
    ...environmentFor(upstream.url),
    DATA_DIR: folder,
    OPERATION_TIMEOUT_MS: String(OPERATION_MS),
    RECONCILE_SETTLE_MS: String(SETTLE_MS),
    ...point.environment,
  };
  const { preload } = point;
  const first = startGatewayProcess(environment, preload === undefined ? {} : { preload });
  const { graphqlUrl } = await first.addresses();
  point.prepare?.(emulator);
  const history: CreateHistory<Input> = { kind, input: plan.input, calls: [] };
  const call = callOnce(history, graphqlUrl);
  const killed = first.end();
  const repeats = repeatUntil(killed, call, () => callOnce(history, graphqlUrl));
  await point.trigger?.({ emulator, upstream, kill: () => first.signal('SIGKILL'), call, chance });
  // A process that decides the create has not reached the step.
  if (point.preload !== undefined && (await repeats)) return crash(kind, point, plan, chance);
  expect(await killed).toBe('SIGKILL');
  await repeats;
  // A request that was held back arrives after its sender was killed, but not later because of a slow start.
  upstream.release();
  // The next gateway runs in this process, because it is not killed.
  const second = await startGateway({ env: environment });
  const { graphqlUrl: url } = second;
  await callUntilFinal([history], async () => url, RESOLUTION_MS, emulator);
  const decided = lastAnswer(history);
  // A repeat has the same outcome.
  await callOnce(history, url);
  await second.close();
  const { verdict, figures } = checkAnswers(kind, [plan], [history], emulator, SETTLE_MS);
  const { connectionId, notBound = [] } = lastAnswer(history) ?? {};
  const isRepeated = isDeepStrictEqual([connectionId, notBound], [decided?.connectionId, decided?.notBound ?? []]);
  return { verdict, isRepeated, notBound, posts: figures.posts, end: Object.keys(figures.ends)[0] };
}

/**
 * Repeats an undecided call: on a slow machine its time may be over before it reaches the step. Returns whether it was
 * decided.
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

/**
 * Describes what holds for a create whose gateway is killed at these steps.
 *
 * @param input what all inputs have in common; default: nothing
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
      const crashes = Object.entries(points).flatMap(([name, point]) => {
        const random = randomOf(`${seed}/${name}`);
        return Array.from({ length: REPEATS }, (_, number) => {
          const plan = { ...planCreate(kind, seed, number), ...NO_FAULTS };
          return { name, point, plan: { ...plan, input: { ...plan.input, ...input } }, chance: random() };
        });
      });
      await inParallel(crashes, AT_A_TIME, async ({ name, point, plan, chance }) => {
        const end = await crash(kind, point, plan, chance);
        ends.set(name, [...(ends.get(name) ?? []), end]);
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
            // Nothing prevents a bind after the restart.
            notBound: [],
            duplicates: [],
            wrongAnswers: [],
            unknownButListed: [],
            postsWithoutProof: [],
            stuck: [],
          });
          if (point.end === 'ANY') expect(posts).toBeLessThanOrEqual(point.posts);
          else expect({ seed, end, posts }).toEqual({ seed, end: point.end, posts: point.posts });
        }
      },
    );
  });
}
