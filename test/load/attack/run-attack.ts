import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ChildProcesses } from '../../bench/child-processes.js';
import { countConnections, readRssMb } from '../../bench/process-metrics.js';
import type { EmulatorProcess } from '../emulator.js';
import { startEmulator } from '../emulator.js';
import { startGateway } from '../gateway.js';
import type { AttackCounts, Target } from './attack.js';
import { AUDIENCE, startIssuer } from './issuer.js';
import { OtherTenant } from './other-tenant.js';
import { countFreeStreams } from './places.js';

const WARM_UP_MS = 5_000;
const POLL_MS = 50;
/** The gateway releases what it holds for disconnected clients within its limits of 20 and 30 s. */
const RELEASE_LIMIT_MS = 90_000;
const QUIET_MS = 3_000;

/** The effects of one attack on the gateway. */
export interface AttackResult {
  readonly counts: AttackCounts;
  /** Latencies of the other tenant during the attack, in milliseconds. */
  readonly latenciesMs: readonly number[];
  /** Resident memory during the attack, in megabytes, one value per second. */
  readonly rssMb: readonly number[];
  /** From the end of the attack to the first answer "ready", in milliseconds. */
  readonly readyAfterMs: number;
  /** Lines of the gateway's log, and its size in megabytes. */
  readonly log: { lines: number; megabytes: number };
  /** Descriptions of what happened but never must. */
  readonly wrong: readonly string[];
}

/**
 * Attacks a new gateway for a time while another tenant uses it, then examines what is left of it. `only` is a regular
 * expression for the names of attacks; empty: all.
 */
export async function runAttack(
  { seconds, only }: { seconds: number; only: string },
  children: ChildProcesses,
  workDir: string,
  onProgress: (text: string) => void,
): Promise<AttackResult> {
  const issuer = await startIssuer();
  const emulator = await startEmulator(children);
  const [connectionId = ''] = await emulator.seed({ name: 'pending', state: 'CREATING' }, { name: 'many', count: 100 });
  const gateway = await startGateway(children, emulator.url, {
    DATA_DIR: join(workDir, 'data'),
    CALLER_AUTH: 'jwt',
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: AUDIENCE,
  });
  const target = { url: gateway.url, token: await issuer.sign('hostile'), connectionId };
  const tenant = new OtherTenant(gateway.url, await issuer.sign('other'), connectionId);
  const served = tenant.run();
  await delay(WARM_UP_MS);
  const before = tenant.latenciesMs.length;

  const rssMb: number[] = [];
  const hostile = startHostileProcess(target, only);
  for (let second = 1; second <= seconds; second += 1) {
    await delay(1_000);
    gateway.child.failIfExited();
    rssMb.push(readRssMb(gateway.child.pid));
    if (second % 60 === 0 || second === seconds)
      onProgress(`${second} s: ${rssMb.at(-1)?.toFixed(0)} MB, ${tenant.failures.length} failed requests`);
  }
  const latenciesMs = tenant.latenciesMs.slice(before);
  const counts = await hostile.stop();
  const endedMs = performance.now();
  while (!(await gateway.isReady().catch(() => false))) await pauseUntil(endedMs + RELEASE_LIMIT_MS, 'is not ready');
  const readyAfterMs = performance.now() - endedMs;
  tenant.stop();
  await served;

  return {
    counts,
    latenciesMs,
    rssMb,
    readyAfterMs,
    log: await measureLog(gateway.child.logFile),
    wrong: [
      ...tenant.failures,
      ...(await findLeaks(emulator, target)),
      ...(await findDuplicates(emulator, tenant)),
      ...(await findErrorLines(gateway.child.logFile)),
    ],
  };
}

function startHostileProcess(target: Target, only: string): { stop(): Promise<AttackCounts> } {
  const script = fileURLToPath(new URL('./hostile.js', import.meta.url));
  const child = fork(script, {
    env: { TARGET: JSON.stringify(target), ONLY: only },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    async stop() {
      child.send('stop');
      const [counts] = await once(child, 'message');
      await once(child, 'exit');
      process.off('exit', kill);
      return counts;
    },
  };
}

async function pauseUntil(limitMs: number, what: string): Promise<void> {
  if (performance.now() > limitMs) throw new Error(`The gateway ${what} long after the attack.`);
  await delay(POLL_MS);
}

/** Everything that the gateway still holds or does for callers who are gone. */
async function findLeaks(emulator: EmulatorProcess, target: Target): Promise<string[]> {
  const wrong: string[] = [];
  const limitMs = performance.now() + RELEASE_LIMIT_MS;
  const port = Number(new URL(target.url).port);
  while (countConnections(port) > 0 && performance.now() < limitMs) await delay(POLL_MS);
  const connections = countConnections(port);
  if (connections > 0) wrong.push(`${connections} connections are open, although no client is left`);

  // A create continues without its caller until it is decided.
  let [last, calls] = [0, await emulator.calls('any')];
  while (calls.length > 0 && performance.now() < limitMs) {
    last = calls.at(-1)?.sequence ?? last;
    await delay(QUIET_MS);
    calls = (await emulator.calls('any')).filter(({ sequence }) => sequence > last);
  }
  if (calls.length > 0)
    wrong.push(`DLI is still called for callers who are gone: ${calls.map(({ operation }) => operation).join()}`);

  const { free, places } = await countFreeStreams(target);
  if (free !== places) wrong.push(`the hostile tenant has ${free} free places instead of ${places}`);
  return wrong;
}

/** Creates that were sent to DLI more than once, and successes that DLI knows nothing about. */
async function findDuplicates(emulator: EmulatorProcess, { created }: OtherTenant): Promise<string[]> {
  const applied = new Map<string, string[]>();
  for (const { body, appliedConnectionId } of await emulator.calls('createConnection')) {
    const { name } = JSON.parse(body) as { name: string };
    if (appliedConnectionId !== undefined) applied.set(name, [...(applied.get(name) ?? []), appliedConnectionId]);
  }
  const repeated = [...applied].filter(([, ids]) => ids.length > 1).map(([name]) => `${name} was created twice`);
  const untrue = [...created].filter(([name, id]) => applied.get(name)?.includes(id) !== true);
  return [...repeated, ...untrue.map(([name, id]) => `${name} was answered with ${id}, which DLI never created`)];
}

async function findErrorLines(logFile: string): Promise<string[]> {
  const found: string[] = [];
  for await (const line of createInterface({ input: createReadStream(logFile) }))
    if (!line.startsWith('{') || /"level":[56]0|internal error/.test(line)) found.push(`logged: ${line.slice(0, 500)}`);
  return found;
}

async function measureLog(logFile: string): Promise<{ lines: number; megabytes: number }> {
  let [lines, bytes] = [0, 0];
  for await (const chunk of createReadStream(logFile) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    for (const byte of chunk) if (byte === 10) lines += 1;
  }
  return { lines, megabytes: bytes / 1e6 };
}
