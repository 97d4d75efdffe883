import { afterEach, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { inParallel } from '../helpers/in-parallel.js';
import { proofSize } from '../helpers/proof-size.js';
import type { Random } from '../helpers/random.js';
import { chooseSeed, pick, randomOf } from '../helpers/random.js';
import { startReplicated } from '../helpers/redis-access.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startEmulator } from '../helpers/running-emulator.js';
import type { CreateHistory } from '../proof/helpers/caller.js';
import { callOnce, callUntilFinal } from '../proof/helpers/caller.js';
import { CLASSIC } from '../proof/helpers/classic-kind.js';
import { planCreate } from '../proof/helpers/create-plan.js';
import { checkAnswers, NO_CONTRADICTIONS } from '../proof/helpers/verdict.js';
import { startRedisCluster } from './helpers/redis-cluster.js';

const CREATES = proofSize(24, 300);
const AT_A_TIME = 5;
const SETTLE_MS = 1_000;

afterEach(closeGateways);

/** Starts two gateways, one of them in its own process, which can be killed. */
async function startTwo(upstreamUrl: string, changes: Record<string, string>) {
  const environment = { ...environmentFor(upstreamUrl), ...changes };
  // The gateway in this process looks for abandoned creates as rarely as the other one.
  const limits = { minReconciliationMs: undefined };
  const startHere = async () => (await startGateway({ env: environment, limits })).graphqlUrl;
  const other = startGatewayProcess(environment);
  const urls = [startHere(), other.addresses().then(({ graphqlUrl }) => graphqlUrl)];
  await Promise.all(urls);
  return {
    /** The endpoint of a random gateway; waits while that is starting. */
    url: async (random: Random) => pick(random, urls),
    /** Kills that process. The gateway that replaces it is not killed, so it needs no process. */
    async killOne() {
      other.signal('SIGKILL');
      urls[1] = other.end().then(startHere);
      await urls[1];
    },
  };
}

/** Makes two gateways create connections while their Redis fails over and one of them is killed. */
async function createDuring(start: () => Promise<{ url: string; failOver(): Promise<void> }>) {
  const seed = chooseSeed();
  const { url: REDIS_URL, failOver } = await start();
  const { emulator, baseUrl } = await startEmulator({ uniqueNames: false });
  const gateways = await startTwo(baseUrl, {
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
    if (number === Math.floor(CREATES / 2)) disturbances.push(gateways.killOne());
    await callOnce(history, await gateways.url(random));
    await callOnce(history, await gateways.url(random));
    return history;
  });
  await Promise.all(disturbances);
  const undecided = histories.filter(({ calls }) => calls.some(({ payload }) => payload?.connectionId === undefined));
  await callUntilFinal(undecided, () => gateways.url(random), 10 * SETTLE_MS, emulator);
  return { seed, check: () => checkAnswers(CLASSIC, plans, histories, emulator) };
}

describeWithProgram('redis-server', 'two gateways on a Redis that fails over', program => {
  it('create each connection once, even if one of them is killed as well: in a cluster, and with Sentinels', async () => {
    const table = {
      cluster: async () => {
        const cluster = await startRedisCluster(program);
        return { url: cluster.url(), failOver: cluster.failOver };
      },
      sentinels: async () => startReplicated(program),
    };
    // At once, because both wait until the creates of the killed gateway may be taken over.
    const runs = await Promise.all(
      Object.entries(table).map(async ([name, start]) => ({ name, ...(await createDuring(start)) })),
    );
    // Before Redis ends; otherwise they would keep looking for it for some seconds.
    await closeGateways();
    for (const { name, seed, check } of runs) {
      const { verdict, figures } = check();
      process.stderr.write(`failover: ${JSON.stringify({ name, seed, ...figures })}\n`);
      // A create that was not sent before its gateway was killed has no connection.
      expect(figures.connections).toBeGreaterThan(CREATES / 2);
      expect({ name, seed, ...verdict }).toEqual({
        name,
        seed,
        ...NO_CONTRADICTIONS,
      });
    }
  });
});
