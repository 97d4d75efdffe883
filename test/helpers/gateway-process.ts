import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_ACCESS_KEY, DEFAULT_PROJECT_ID, DEFAULT_SECRET_KEY } from '../../src/emulator/emulator.js';
import type { GatewayAddresses } from '../../src/gateway.js';
import { onCleanup } from './clean-up.js';
import { printOnFailure } from './failure-log.js';
import { QUICK_FOLDER } from './quick-folder.js';

/** The built program; `npm test` builds it first. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** A gateway in its own process; it is killed after the test, or after all tests if it was started before them. */
export interface GatewayProcess {
  stdout(): string;
  stderr(): string;
  /** Everything on stdout, read as one JSON object per line. */
  logLines(): LogLine[];
  /** Waits for text on stdout; rejects when the process ends without it. */
  find(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits for the log line with the addresses, and returns it. */
  addresses(): Promise<LogLine>;
  signal(name: NodeJS.Signals): void;
  /** Waits for the exit and all output; returns the exit code or the signal. */
  end(): Promise<number | NodeJS.Signals | null>;
}

/** One line of the gateway's log. */
type LogLine = GatewayAddresses & { level: number; msg: string; explorer?: string };

/** How to start the program. */
export interface GatewayProcessOptions {
  /** Arguments of the program, such as `--dev`. */
  arguments?: string[];
  /** Source of a module that Node loads before the program. */
  preload?: string;
  /** A file descriptor for stdout if the test reads it itself. Default: stdout is collected as it is written. */
  stdout?: number;
}

/** Environment of a gateway that listens on free ports and signs with the emulator's access key. */
export function environmentFor(upstreamUrl: string): Record<string, string> {
  return {
    PORT: '0',
    ADMIN_PORT: '0',
    CALLER_AUTH: 'none',
    // The Host header of requests that tests write by hand.
    ALLOWED_HOSTS: 'gw.test',
    // A slow machine must not make the gateway shed load.
    MAX_EVENT_LOOP_DELAY_MS: '60000',
    DLI_REGION: 'cn-north-4',
    DLI_ENDPOINT: upstreamUrl,
    HUAWEICLOUD_SDK_IAM_ENDPOINT: upstreamUrl,
    HUAWEICLOUD_SDK_AK: DEFAULT_ACCESS_KEY,
    HUAWEICLOUD_SDK_SK: DEFAULT_SECRET_KEY,
    HUAWEICLOUD_SDK_PROJECT_ID: DEFAULT_PROJECT_ID,
  };
}

/** Starts the gateway with exactly these variables, and with a temporary DATA_DIR unless one is given. */
export function startGatewayProcess(
  environment: Record<string, string>,
  options: GatewayProcessOptions = {},
): GatewayProcess {
  const preload =
    options.preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(options.preload)}`];
  const dataDir = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-test-'));
  // In development mode the program uses its own folder.
  const isDevelopment = options.arguments?.includes('--dev') === true;
  const child = spawn(process.execPath, [...preload, MAIN, ...(options.arguments ?? [])], {
    env: isDevelopment ? environment : { DATA_DIR: dataDir, ...environment },
    stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  printOnFailure('Output of a gateway process', () => written.stdout + written.stderr);
  const changes = new EventEmitter();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      changes.emit('change');
    });
  }
  let hasEnded = false;
  const closed = once(child, 'close').then(([code, signal]) => {
    hasEnded = true;
    changes.emit('change');
    return code ?? signal;
  });
  onCleanup(async () => {
    child.kill('SIGKILL');
    await closed;
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function find(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(written.stdout);
      if (found !== null) return found;
      if (hasEnded) throw new Error(`The process ended without ${pattern}: ${JSON.stringify(written)}`);
      await once(changes, 'change');
    }
  }

  return {
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    logLines: () =>
      written.stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
    find,
    addresses: async () => JSON.parse((await find(/^.*"msg":"listening".*$/m))[0]),
    signal: name => child.kill(name),
    end: () => closed,
  };
}
