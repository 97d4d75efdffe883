import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Balancer } from '../balancer.js';
import { startEmulator } from '../emulator.js';
import type { GatewayProcess } from '../gateway.js';
import { startGateway } from '../gateway.js';
import { startRedis } from '../redis.js';
import type { LoadRun, Scenario } from '../scenario.js';
import { atMost } from '../scenario.js';
import type { CreateCall, RequestResult } from '../traffic.js';
import { isCreated, LoadClient, newCreate, sendAtRate, tallyOf } from '../traffic.js';
import { createsByName, findContradictions } from '../verdict.js';

const PER_SECOND = 50;
const SECOND_MS = 1_000;
const MAX_EXIT_MS = 30_000;
const DRAIN_MS = 3_000;

/** Two gateways with one Redis behind a balancer. */
async function startFleet({ children, workDir }: LoadRun, checksReadiness: boolean, createMs: number) {
  const folder = join(workDir, 'redis');
  mkdirSync(folder);
  const redisUrl = await startRedis(folder);
  const emulator = await startEmulator(children);
  await emulator.script({ operation: 'createConnection', times: 0, delayMs: createMs });
  const start = () =>
    startGateway(children, emulator.url, { REDIS_URL: redisUrl, SHUTDOWN_DELAY_MS: String(DRAIN_MS) });
  const gateways: [GatewayProcess, GatewayProcess] = [await start(), await start()];
  const balancer = new Balancer(checksReadiness);
  for (const gateway of gateways) balancer.add(gateway);
  const client = new LoadClient(await balancer.listen());
  const creates: CreateCall[] = [];
  const create = (dueMs: number): Promise<RequestResult> => {
    const call = newCreate();
    creates.push(call);
    return client.create(call, dueMs);
  };
  return { emulator, start, gateways, balancer, client, creates, create };
}

/** Stops a gateway; resolves with its exit code and the times until its exit and until its first "not ready". */
async function stopGateway(gateway: GatewayProcess) {
  const startedMs = performance.now();
  const exited = gateway.child.end('SIGTERM').then(code => ({ code, exitMs: performance.now() - startedMs }));
  while (await gateway.isReady().catch(() => false)) await delay(1);
  const unreadyMs = performance.now() - startedMs;
  return { ...(await exited), unreadyMs };
}

/** One of two gateways is stopped behind a balancer that does not ask for readiness. */
export const drain: Scenario = {
  what: 'SIGTERM to one of two gateways at 50 creates a second, DLI takes 2 s; the balancer does not notice',
  seconds: 20,
  async run(load) {
    const { emulator, gateways, balancer, client, creates, create } = await startFleet(load, false, 2_000);
    const sending = sendAtRate(PER_SECOND, load.seconds, create);
    await delay(5 * SECOND_MS);
    const { code, exitMs, unreadyMs } = await stopGateway(gateways[0]);
    const endings = await sending;
    await balancer.remove(gateways[0]);
    const byName = await createsByName(emulator);
    // A create without an answer must have a record, so its repeat returns the outcome.
    const unanswered = creates.filter(({ endings: [first] }) => !first || /^(?:no answer|502)/.test(first.outcome));
    const executed = unanswered.filter(({ name }) => byName.get(name)?.some(call => call.appliedConnectionId) === true);
    const repeated = await Promise.all(executed.map(call => client.create(call)));
    return {
      figures: [
        atMost('/readyz not ready after', unreadyMs, 100, ' ms'),
        atMost('exit after', exitMs, MAX_EXIT_MS, ' ms'),
        atMost('exit code', code ?? Number.NaN, 0),
        atMost('executed without an answer or a record', repeated.filter(ending => !isCreated(ending)).length, 0),
      ],
      tally: tallyOf(endings),
      wrong: findContradictions(creates, await createsByName(emulator)),
    };
  },
};

/** A gateway is stopped while DLI never answers. */
export const hangingUpstream: Scenario = {
  what: 'SIGTERM while 20 creates wait for a DLI that never answers; the other gateway is asked again',
  seconds: 1,
  async run(load) {
    const { emulator, gateways, balancer, client, creates, create } = await startFleet(load, false, 0);
    await emulator.clearFaults();
    await balancer.remove(gateways[1]);
    await emulator.script({ operation: 'createConnection', times: 20, behaviour: 'hang', apply: true });
    const sending = Promise.all(Array.from({ length: 20 }, () => create(performance.now())));
    while ((await emulator.calls('createConnection')).length < 20) await delay(20);
    const { code, exitMs } = await stopGateway(gateways[0]);
    const endings = await sending;
    await balancer.remove(gateways[0]);
    balancer.add(gateways[1]);
    const limitMs = performance.now() + MAX_EXIT_MS;
    let repeated: RequestResult[] = [];
    do {
      await delay(SECOND_MS);
      repeated = await Promise.all(creates.map(call => client.create(call)));
    } while (!repeated.every(isCreated) && performance.now() < limitMs);
    return {
      figures: [
        atMost('exit after', exitMs, MAX_EXIT_MS, ' ms'),
        atMost('exit code', code ?? Number.NaN, 0),
        atMost('creates that the other gateway cannot decide', repeated.filter(each => !isCreated(each)).length, 0),
      ],
      tally: tallyOf(endings),
      wrong: findContradictions(creates, await createsByName(emulator)),
    };
  },
};

/** Both gateways are replaced, one after the other. */
export const rollingRestart: Scenario = {
  what: 'two gateways are replaced in turn under 50 creates a second; the balancer asks for readiness',
  seconds: 40,
  async run(load) {
    const { emulator, start, gateways, balancer, creates, create } = await startFleet(load, true, 20);
    const sending = sendAtRate(PER_SECOND, load.seconds, create);
    const exitCodes: (number | null)[] = [];
    for (const old of gateways) {
      await delay(5 * SECOND_MS);
      balancer.add(await start());
      const { code } = await stopGateway(old);
      exitCodes.push(code);
      await balancer.remove(old);
      load.onProgress('a gateway was replaced');
    }
    const endings = await sending;
    const byName = await createsByName(emulator);
    return {
      figures: [
        atMost('failed calls', endings.filter(ending => !isCreated(ending)).length, 0),
        atMost(
          'connections that exist twice',
          creates.filter(({ name }) => (byName.get(name)?.length ?? 0) > 1).length,
          0,
        ),
        atMost('gateways with an exit code', exitCodes.filter(code => code !== 0).length, 0),
      ],
      tally: tallyOf(endings),
      wrong: findContradictions(creates, byName),
    };
  },
};
