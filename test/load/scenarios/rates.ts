import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { readCpuTime, readPeakRssMib } from '../../bench/process-metrics.js';
import { quantile } from '../../bench/statistics.js';
import { startEmulator } from '../emulator.js';
import { startGateway } from '../gateway.js';
import type { LoadRun, Scenario } from '../scenario.js';
import { atLeast, atMost } from '../scenario.js';
import type { CreateCall, RequestResult } from '../traffic.js';
import { isCreated, isRefusedUnsent, LoadClient, newCreate, sendAtRate, tallyOf } from '../traffic.js';
import { createsByName, findContradictions } from '../verdict.js';

const DLI_MS = 20;
const STEADY_PER_SECOND = 100;
const WARM_UP_SECONDS = 20;
const RECOVERY_SECONDS = 5;
const STALL_MS = 2_000;
const PROBE_INTERVAL_MS = 100;

/** Starts a gateway for a DLI that answers in 20 ms, and warms it up with some seconds of creates. */
async function startWarm({ children, workDir, onProgress }: LoadRun) {
  const emulator = await startEmulator(children);
  await emulator.script({ operation: 'createConnection', times: 0, delayMs: DLI_MS });
  const gateway = await startGateway(children, emulator.url, { DATA_DIR: join(workDir, 'data') });
  const client = new LoadClient(gateway.url);
  onProgress(`${WARM_UP_SECONDS} s of warm-up`);
  await sendAtRate(STEADY_PER_SECOND, WARM_UP_SECONDS, dueMs => client.create(newCreate(), dueMs));
  await emulator.clearCalls();
  const creates: CreateCall[] = [];
  const send = (perSecond: number, seconds: number): Promise<RequestResult[]> =>
    sendAtRate(perSecond, seconds, dueMs => {
      const create = newCreate();
      creates.push(create);
      return client.create(create, dueMs);
    });
  const findWrong = async () => findContradictions(creates, await createsByName(emulator));
  return { gateway, client, send, findWrong };
}

/** 100 creates a second. */
export const steady: Scenario = {
  what: '100 creates a second, DLI answers in 20 ms',
  seconds: 60,
  async run(load) {
    const { gateway, send, findWrong } = await startWarm(load);
    const cpuBefore = readCpuTime(gateway.child.pid).totalMs;
    const startedMs = performance.now();
    const endings = await send(STEADY_PER_SECOND, load.seconds);
    const cpuShare = (readCpuTime(gateway.child.pid).totalMs - cpuBefore) / (performance.now() - startedMs);
    const addedMs = endings.map(({ latencyMs }) => latencyMs - DLI_MS);
    return {
      figures: [
        atMost('requests without a success', endings.filter(ending => !isCreated(ending)).length, 0),
        atMost('added latency, p50', quantile(addedMs, 0.5), 10, ' ms', 1),
        atMost('added latency, p99', quantile(addedMs, 0.99), 60, ' ms', 1),
        atMost('CPU, share of a core', cpuShare * 100, 70, ' %'),
        atMost('memory, most', readPeakRssMib(gateway.child.pid), 250, ' MiB'),
      ],
      tally: tallyOf(endings),
      wrong: await findWrong(),
    };
  },
};

/** Far more creates than the gateway can handle. */
export const overload: Scenario = {
  what: '600 creates a second, far more than the gateway can do; then 100 a second',
  seconds: 30,
  async run(load) {
    const { gateway, send, findWrong } = await startWarm(load);
    const probes = probe(`${gateway.adminUrl}/livez`);
    const startedMs = performance.now();
    const endings = await send(600, load.seconds);
    const seconds = (performance.now() - startedMs) / 1_000;
    const livezMs = await probes.stop();
    load.onProgress('recovery');
    await send(STEADY_PER_SECOND, RECOVERY_SECONDS);
    const after = await send(STEADY_PER_SECOND, 10);
    const refused = endings.filter(isRefusedUnsent);
    const addedMs = after.map(({ latencyMs }) => latencyMs - DLI_MS);
    return {
      figures: [
        atLeast('successes per second', endings.filter(isCreated).length / seconds, 150),
        atMost('refusals without Retry-After', refused.filter(({ hasRetryAfter }) => !hasRetryAfter).length, 0),
        atMost('latency of refusals, p99', quantile(latenciesOf(refused), 0.99), 250, ' ms'),
        atMost('/livez, slowest', Math.max(...livezMs), 500, ' ms'),
        atMost('not created after 5 s at 100 a second', after.filter(ending => !isCreated(ending)).length, 0),
        atMost('added latency after 5 s, p99', quantile(addedMs, 0.99), 60, ' ms', 1),
      ],
      tally: tallyOf(endings),
      wrong: await findWrong(),
    };
  },
};

/** A process that is stopped for 2 s. */
export const stall: Scenario = {
  what: 'the process is stopped for 2 s under 100 creates a second',
  seconds: 20,
  async run(load) {
    const { gateway, send, findWrong } = await startWarm(load);
    const stopped = (async () => {
      await delay(2_000);
      process.kill(gateway.child.pid, 'SIGSTOP');
      await delay(STALL_MS);
      process.kill(gateway.child.pid, 'SIGCONT');
      return performance.now();
    })();
    const endings = await send(STEADY_PER_SECOND, load.seconds);
    const resumedMs = await stopped;
    const late = endings.filter(({ endedAtMs }) => endedAtMs > resumedMs + RECOVERY_SECONDS * 1_000);
    return {
      figures: [
        // Meanwhile, DLI's answers waited in the sockets.
        atMost('creates of unknown outcome', endings.filter(({ outcome }) => outcome.startsWith('Outcome')).length, 0),
        atMost(
          'neither created nor refused',
          endings.filter(each => !isCreated(each) && !isRefusedUnsent(each)).length,
          0,
        ),
        atMost('latency 5 s later, p99', quantile(latenciesOf(late), 0.99), DLI_MS + 60, ' ms', 1),
      ],
      tally: tallyOf(endings),
      wrong: await findWrong(),
    };
  },
};

function latenciesOf(endings: readonly RequestResult[]): number[] {
  return endings.length === 0 ? [0] : endings.map(({ latencyMs }) => latencyMs);
}

/** Requests a URL ten times a second until it is stopped; then resolves with the latencies in milliseconds. */
function probe(url: string): { stop(): Promise<number[]> } {
  const latenciesMs: number[] = [];
  let isStopped = false;
  const probing = (async () => {
    while (!isStopped) {
      const startedMs = performance.now();
      const { body } = await request(url);
      await body.dump();
      latenciesMs.push(performance.now() - startedMs);
      await delay(PROBE_INTERVAL_MS);
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await probing;
      return latenciesMs;
    },
  };
}
