import { expect, it } from '@jest/globals';
import { startEmulator } from '../emulator/helpers/running-emulator.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { proofSize } from '../helpers/proof-size.js';
import { describeWithProgram } from '../helpers/required-program.js';
import type { CreateHistory } from '../proof/helpers/caller.js';
import { callOnce, callUntilFinal } from '../proof/helpers/caller.js';
import { CLASSIC } from '../proof/helpers/classic-kind.js';
import { planCreate } from '../proof/helpers/create-plan.js';
import { Fleet } from '../proof/helpers/fleet.js';
import { inParallel } from '../proof/helpers/in-parallel.js';
import { chooseSeed, randomOf } from '../proof/helpers/random.js';
import { checkAnswers } from '../proof/helpers/verdict.js';
import { startReplicated } from './helpers/redis-access.js';
import { startRedisCluster } from './helpers/redis-cluster.js';

const CREATES = proofSize(60, 300);
const AT_A_TIME = 5;
const SETTLE_MS = 1_000;
const EXIT_CONFIG = 78;

describeWithProgram('redis-server', 'two gateways on a Redis that fails over', program => {
  it.each([
    [
      'in a cluster',
      async () => startRedisCluster(program).then(cluster => ({ url: cluster.url(), failOver: cluster.failOver })),
    ],
    ['with Sentinels', async () => startReplicated(program)],
  ])('create each connection once, although one of them is killed too: %s', async (_, start) => {
    const seed = chooseSeed();
    const { url: REDIS_URL, failOver } = await start();
    const { emulator, baseUrl } = await startEmulator({ uniqueNames: false });
    const fleet = await Fleet.start(2, {
      ...environmentFor(baseUrl),
      REDIS_URL,
      RECONCILE_SETTLE_MS: String(SETTLE_MS),
      OPERATION_TIMEOUT_MS: '3000',
    });
    const random = randomOf(seed);
    const plans = Array.from({ length: CREATES }, (_, number) => ({
      ...planCreate(CLASSIC, seed, number),
      faults: [],
      isTwice: true,
    }));
    const disturbances: Promise<unknown>[] = [];
    const histories = await inParallel([...plans.entries()], AT_A_TIME, async ([number, { input }]) => {
      const history: CreateHistory = { kind: CLASSIC, input, calls: [] };
      if (number === Math.floor(CREATES / 3)) disturbances.push(failOver());
      if (number === Math.floor(CREATES / 2)) disturbances.push(fleet.kill(random));
      await callOnce(history, await fleet.url(random));
      await callOnce(history, await fleet.url(random));
      return history;
    });
    await Promise.all(disturbances);
    const undecided = histories.filter(({ calls }) => calls.some(({ payload }) => payload?.connectionId === undefined));
    await callUntilFinal(undecided, () => fleet.url(random), 30 * SETTLE_MS, emulator);
    const { verdict, figures } = checkAnswers(CLASSIC, plans, histories, emulator);
    process.stderr.write(`failover: ${JSON.stringify({ seed, kills: fleet.kills, ...figures })}\n`);

    // A create whose gateway was killed before it was sent has none.
    expect(figures.connections).toBeGreaterThan(CREATES / 2);
    expect({ seed, ...verdict }).toEqual({
      seed,
      duplicates: [],
      wrongAnswers: [],
      unknownButListed: [],
      postsWithoutProof: [],
      stuck: [],
    });
  });
});

describeWithProgram('redis-server', 'the address of one node of a cluster', program => {
  it('is refused at the start by name, if another node holds the records', async () => {
    const { others } = await startRedisCluster(program);
    const gateway = startGatewayProcess({
      ...environmentFor('http://127.0.0.1:9'),
      REDIS_URL: others[0].server.url,
    });
    expect(await gateway.end()).toBe(EXIT_CONFIG);
    expect(gateway.stderr()).toMatch(/^ {2}REDIS_URL this Redis is a cluster .* use redis-cluster:\/\//m);
  });
});
