import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** One running Node process of a measurement. */
export interface Child {
  readonly pid: number;
  /** Everything that the process wrote to stdout and stderr. */
  readonly logFile: string;
  /** Throws when the process is no longer running. */
  failIfExited(): void;
  /** Last lines that the process wrote to stdout and stderr. */
  logTail(): string;
  /** Sends a signal and resolves with the exit code once the process has ended; null: the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts Node processes and tracks them, so that none outlives the measurement. */
export class ChildProcesses {
  readonly #running = new Set<ChildProcess>();
  readonly #logDir: string;
  #started = 0;

  /** `logDir` is an existing folder; every process writes its own file there. */
  constructor(logDir: string) {
    this.#logDir = logDir;
  }

  /**
   * Starts `script` with this process's own Node and with exactly `env` (and PATH), so that proxies or NODE_OPTIONS
   * from the caller's shell have no effect.
   *
   * @throws {Error} when the process cannot be started.
   */
  start(script: string, env: Readonly<Record<string, string>>): Child {
    this.#started += 1;
    const logFile = join(this.#logDir, `${this.#started}.log`);
    const logFd = openSync(logFile, 'a');
    // A file, not a pipe: it need not be drained, and the cost of logging stays with the process that logs.
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [script], {
      env: { PATH, ...env },
      stdio: ['ignore', logFd, logFd],
    });
    closeSync(logFd);
    const { pid } = child;
    if (pid === undefined) throw new Error(`Could not start ${script}.`);
    const logTail = (): string => readFileSync(logFile, 'utf8').split('\n').slice(-20).join('\n');
    const exited = once(child, 'exit');
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return {
      pid,
      logFile,
      logTail,
      failIfExited: () => {
        if (child.exitCode === null && child.signalCode === null) return;
        throw new Error(`It exited (${child.exitCode ?? child.signalCode}) without being asked.`);
      },
      end: async signal => {
        child.kill(signal);
        await exited;
        return child.exitCode;
      },
    };
  }

  /** Kills all running processes, synchronously, so that an `exit` listener may call it. */
  killAll(): void {
    for (const child of this.#running) child.kill('SIGKILL');
  }
}

/**
 * Runs an action on a child process.
 *
 * @throws {Error} when `action` fails: names the process as `name`, says why, and shows the end of its log.
 */
export async function blameChild<T>(name: string, child: Child, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    throw new Error(`${name}: ${reason}\nEnd of its log:\n${child.logTail()}`, { cause: error });
  }
}

/** A TCP port on 127.0.0.1 that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No TCP port could be found.');
  return address.port;
}
