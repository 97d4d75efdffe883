import { afterEach, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { inParallel } from '../helpers/in-parallel.js';
import { proofSize } from '../helpers/proof-size.js';
import { chooseSeed } from '../helpers/random.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startEmulator } from '../helpers/running-emulator.js';
import type { CreateHistory } from '../proof/helpers/caller.js';
import { callOnce, callUntilDecided } from '../proof/helpers/caller.js';
import { CLASSIC } from '../proof/helpers/classic-kind.js';
import { planCreate } from '../proof/helpers/create-plan.js';
import { checkAnswers, NO_CONTRADICTIONS } from '../proof/helpers/verdict.js';

const PAIRS = proofSize(20, 60);
const AT_A_TIME = 10;

afterEach(closeGateways);

describeWithProgram('redis-server', 'two gateways that share Redis', program => {
  it('create one connection for two simultaneous calls with the same key, one to each of them', async () => {
    const seed = chooseSeed();
    const { url: REDIS_URL } = await startRedisServer(program);
    const { emulator, baseUrl } = await startEmulator({ uniqueNames: false });
    // The minimum that a real create takes, so the second call arrives while the first one is in progress.
    emulator.inject({ operation: 'createConnection', times: 0, delayMs: 20 });
    const env = { ...environmentFor(baseUrl), REDIS_URL };
    // The other gateway runs in this process.
    const { graphqlUrl: oneUrl } = await startGatewayProcess(env).addresses();
    const { graphqlUrl: otherUrl } = await startGateway({ env });
    const plans = Array.from({ length: PAIRS }, (_, number) => ({
      ...planCreate(CLASSIC, seed, number),
      faults: [],
      isTwice: true,
    }));
    // The first call of a process also loads modules.
    await fetch(oneUrl);
    const gapsMs: number[] = [];
    const histories = await inParallel(plans, AT_A_TIME, async ({ input }) => {
      const history: CreateHistory = { kind: CLASSIC, input, calls: [] };
      const startMs = performance.now();
      const one = callOnce(history, oneUrl);
      gapsMs.push(performance.now() - startMs);
      await Promise.all([one, callOnce(history, otherUrl)]);
      await callUntilDecided(history, async () => otherUrl, Number.POSITIVE_INFINITY);
      return history;
    });
    const { verdict, figures } = checkAnswers(CLASSIC, plans, histories, emulator);
    process.stderr.write(`pairs: ${JSON.stringify({ seed, ...figures, maxGapMs: Math.max(...gapsMs) })}\n`);
    expect(figures).toMatchObject({ posts: PAIRS, connections: PAIRS, ends: { CREATED: PAIRS } });
    expect({ seed, ...verdict }).toEqual({
      seed,
      ...NO_CONTRADICTIONS,
    });
  });
});
