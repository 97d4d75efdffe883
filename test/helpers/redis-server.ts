import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { isWithinTest, onCleanup } from './clean-up.js';
import { closedPort } from './listening-server.js';

/**
 * A private Redis on loopback, without persistence by default; it stops after the test, or after all tests when it was
 * started before them.
 */
export interface RedisServer {
  port: number;
  url: string;
  /** Its data folder, which is removed after the test. */
  folder: string;
  /** Shuts it down gracefully. */
  stop(): Promise<void>;
  /** Kills it. */
  kill(): Promise<void>;
  /** Pauses it: it accepts connections but does not respond. */
  pause(): void;
  resume(): void;
}

interface RunningServer {
  child: ChildProcess;
  folder: string;
}

const running = new Set<RunningServer>();

afterEach(async () => {
  for (const server of running) await discard(server);
  running.clear();
});

/**
 * Starts a server and waits until it answers.
 *
 * @param program path of redis-server
 * @param options its own options, such as `['--maxmemory', '2mb']`; `port` restarts an earlier
 *   server, with its data if its `folder` is given too
 */
export async function startRedisServer(
  program: string,
  options: { arguments?: readonly string[]; port?: number; folder?: string } = {},
): Promise<RedisServer> {
  const port = options.port ?? (await closedPort());
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'redis-'));
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const values = [...settings, '--save', '', '--appendonly', 'no', ...(options.arguments ?? [])];
  return start(program, values, { port, folder, readyText: 'Ready to accept connections' });
}

/**
 * Starts a Sentinel with a quorum of one for a master named `main`, and waits until it monitors that master.
 *
 * @param settings further lines of its configuration, such as `requirepass secret`; `SENTINEL_PORT` is its port
 */
export async function startSentinel(
  program: string,
  masterPort: number,
  settings: readonly string[] = [],
): Promise<RedisServer> {
  const port = await closedPort();
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
  const path = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor main 127.0.0.1 ${masterPort} 1`,
    // Long enough that a busy machine does not cause a failover by itself.
    'sentinel down-after-milliseconds main 3000',
    'sentinel failover-timeout main 10000',
    ...settings.map(line => line.replace('SENTINEL_PORT', String(port))),
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return start(program, [path, '--sentinel'], { port, folder, readyText: '+monitor master' });
}

async function start(
  program: string,
  values: readonly string[],
  { port, folder, readyText }: { port: number; folder: string; readyText: string },
): Promise<RedisServer> {
  const child = spawn(program, values, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (isWithinTest()) running.add({ child, folder });
  else onCleanup(() => discard({ child, folder }));
  await readiness(child, readyText);
  return {
    port,
    folder,
    url: `redis://127.0.0.1:${port}`,
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
  };
}

async function readiness(child: ChildProcess, readyText: string): Promise<void> {
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += chunk;
    if (output.includes(readyText)) break;
  }
  if (!output.includes(readyText)) throw new Error(`Redis did not start: ${output}`);
}

async function discard({ child, folder }: RunningServer): Promise<void> {
  await end(child, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
