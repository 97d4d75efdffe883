import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { readPeakRssMib } from '../../bench/process-metrics.js';
import { quantile } from '../../bench/statistics.js';
import type { LedgerCall } from '../emulator.js';
import { startEmulator } from '../emulator.js';
import { startGateway } from '../gateway.js';
import type { Scenario } from '../scenario.js';
import { atMost } from '../scenario.js';
import type { CreateCall, RequestResult } from '../traffic.js';
import { isCreated, LoadClient, newCreate, sendAtRate, tallyOf } from '../traffic.js';
import { createsByName, findContradictions, isExecutedButUnknown } from '../verdict.js';

const SECOND_MS = 1_000;

/** DLI takes 10 s for each create. */
export const slowUpstream: Scenario = {
  what: '100 creates and 50 reads a second while DLI takes 10 s for a create',
  seconds: 30,
  async run({ children, workDir, seconds }) {
    const emulator = await startEmulator(children);
    const [id = ''] = await emulator.seed({ name: 'read', state: 'ACTIVE' });
    const gateway = await startGateway(children, emulator.url, { DATA_DIR: join(workDir, 'data') });
    const client = new LoadClient(gateway.url);
    await sendAtRate(50, 5, dueMs => client.create(newCreate(), dueMs));
    await emulator.clearCalls();
    await emulator.script({ operation: 'createConnection', times: 0, delayMs: 10_000 });
    const creates: CreateCall[] = [];
    const [endings, reads] = await Promise.all([
      sendAtRate(100, seconds, dueMs => {
        const create = newCreate();
        creates.push(create);
        return client.create(create, dueMs);
      }),
      sendAtRate(50, seconds, dueMs => client.read(id, dueMs)),
    ]);
    const sentAtMs = (await emulator.calls('createConnection')).map(({ atMs }) => atMs);
    // A little less than DLI takes, because the next create is sent as soon as another one has been answered.
    const inFlight = sentAtMs.map(atMs => sentAtMs.filter(other => other <= atMs && other > atMs - 9_900).length);
    const unsent = endings.filter(({ outcome }) => outcome.startsWith('DliUnavailableError'));
    return {
      figures: [
        atMost('creates in flight to DLI, most', Math.max(...inFlight), 50),
        atMost('time to refuse what was not sent, p50', quantile(latenciesOf(unsent), 0.5), 50, ' ms'),
        atMost('latency of reads, p99', quantile(latenciesOf(reads), 0.99), 100, ' ms'),
        atMost('failed reads', reads.filter(({ outcome }) => outcome !== 'read').length, 0),
        atMost('memory, most', readPeakRssMib(gateway.child.pid), 300, ' MiB'),
      ],
      tally: tallyOf(endings),
      wrong: findContradictions(creates, await createsByName(emulator)),
    };
  },
};

/** Nothing listens at DLI's address. */
export const refusedUpstream: Scenario = {
  what: '100 creates a second while nothing listens at the address of DLI',
  seconds: 60,
  async run({ children, workDir, seconds }) {
    const emulator = await startEmulator(children);
    const gateway = await startGateway(children, emulator.url, { DATA_DIR: join(workDir, 'data') });
    const client = new LoadClient(gateway.url);
    const creates: CreateCall[] = [];
    const create = (dueMs: number) => {
      const call = newCreate();
      creates.push(call);
      return client.create(call, dueMs);
    };
    await sendAtRate(100, 5, create);
    const port = Number(new URL(emulator.url).port);
    await emulator.child.end('SIGKILL');
    const lostAtEpochMs = Date.now();
    const sending = sendAtRate(100, seconds + 10, create);
    await delay(seconds * SECOND_MS);
    const restarted = await startEmulator(children, port);
    const backMs = performance.now();
    const endings = await sending;
    const attempts = readAttempts(gateway.child.logFile).filter(atMs => atMs > lostAtEpochMs);
    const openAttempts = attempts.filter(
      atMs => atMs > lostAtEpochMs + 2 * SECOND_MS && atMs < lostAtEpochMs + seconds * SECOND_MS,
    );
    const firstSuccessMs = Math.min(
      ...endings
        .filter(isCreated)
        .map(({ endedAtMs }) => endedAtMs)
        .filter(endedAtMs => endedAtMs > backMs),
    );
    const lastFailureMs = Math.max(...endings.filter(ending => !isCreated(ending)).map(({ endedAtMs }) => endedAtMs));
    const recovered = endings.filter(({ endedAtMs }) => endedAtMs > backMs);
    return {
      figures: [
        atMost('connects per second while the breaker is open', openAttempts.length / (seconds - 2), 5, '', 2),
        atMost('first success after DLI is back', (firstSuccessMs - backMs) / SECOND_MS, 6, ' s', 1),
        atMost('last failure after DLI is back', Math.max(0, lastFailureMs - backMs) / SECOND_MS, 6, ' s', 1),
        atMost(
          'creates sent twice after DLI is back',
          (await createsByName(restarted)).size - recovered.filter(isCreated).length,
          0,
        ),
      ],
      tally: tallyOf(endings),
      // The ledger of the first emulator was lost with it.
      wrong: findContradictions(
        creates.filter(({ endings: [first] }) => (first?.endedAtMs ?? 0) > backMs),
        await createsByName(restarted),
      ),
    };
  },
};

/** DLI resets a third of the connections after it has read a create. */
export const resets: Scenario = {
  what: '50 creates a second while DLI resets a third of the connections after the body, half of them executed',
  seconds: 60,
  async run({ children, workDir, seconds }) {
    const emulator = await startEmulator(children);
    const gateway = await startGateway(children, emulator.url, { DATA_DIR: join(workDir, 'data') });
    const client = new LoadClient(gateway.url);
    await sendAtRate(50, 5, dueMs => client.create(newCreate(), dueMs));
    await emulator.clearCalls();
    const count = 50 * seconds;
    const faults = Array.from({ length: Math.floor(count / 3) }, (_, index) => ({
      operation: 'createConnection',
      skip: 3 * index,
      behaviour: 'reset',
      apply: index % 2 === 0,
    }));
    for (let index = 0; index < faults.length; index += 500) await emulator.script(...faults.slice(index, index + 500));
    const creates = Array.from({ length: count }, newCreate);
    const endings = await sendAtRate(50, seconds, (dueMs, number) =>
      client.create(creates[number] ?? newCreate(), dueMs),
    );
    const byName = await createsByName(emulator);
    const posts = [...byName.values()].map(({ length }) => length);
    const lists = (await emulator.calls('listConnections')).length;
    return {
      figures: [
        atMost('creates that were sent more than once', posts.filter(length => length > 1).length, 0),
        atMost('lists read per reset connection', lists / faults.length, 3, '', 2),
        atMost('executed, and still unknown to its caller', await countUntold(client, creates, byName), 0),
      ],
      tally: tallyOf(endings),
      wrong: findContradictions(creates, byName),
    };
  },
};

/**
 * Repeats creates of unknown outcome that DLI executed until they are decided, but for at most a minute; returns how
 * many are not. A create that was not executed stays unknown, because a list cannot prove that.
 */
async function countUntold(
  client: LoadClient,
  creates: readonly CreateCall[],
  byName: ReadonlyMap<string, LedgerCall[]>,
): Promise<number> {
  const limitMs = performance.now() + 60_000;
  for (;;) {
    const untold = creates.filter(create => isExecutedButUnknown(create, byName));
    if (untold.length === 0 || performance.now() > limitMs) return untold.length;
    await Promise.all(untold.map(create => client.create(create)));
    await delay(SECOND_MS);
  }
}

/** The times at which the gateway tried to connect to DLI, from its log, in milliseconds since 1970-01-01 UTC. */
function readAttempts(logFile: string): number[] {
  return readFileSync(logFile, 'utf8')
    .split('\n')
    .filter(line => line.includes('"UNREACHABLE"'))
    .map(line => (JSON.parse(line) as { time: number }).time);
}

function latenciesOf(endings: readonly RequestResult[]): number[] {
  return endings.length === 0 ? [0] : endings.map(({ latencyMs }) => latencyMs);
}
