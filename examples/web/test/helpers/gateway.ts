import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../../dist/main.js', import.meta.url));

/** Limit of every wait in the tests, so long that a busy machine keeps it. */
export const TIMEOUT_MS = 120_000;

/** A gateway process that serves the built page. */
export interface Gateway {
  pageUrl: string;
  /** Sends a request to the control API of its emulator. */
  emulator(method: string, path: string, body?: unknown): Promise<unknown>;
  emulatorUrl: string;
  /** Returns what the process has written since the last call. */
  takeOutput(): string;
  /** Kills the process, as a crash would. */
  kill(): Promise<void>;
}

/** Starts a gateway with its emulator on free ports. */
export async function startGateway(env: Record<string, string> = {}): Promise<Gateway> {
  const { found, ...child } = await start(['--dev'], env, /Emulator +(\S+)\n +Example +(\S+)/);
  const [emulatorUrl = '', pageUrl = ''] = found;
  return {
    ...child,
    pageUrl,
    emulatorUrl,
    async emulator(method, path, body) {
      const response = await fetch(`${emulatorUrl}/emulator/${path}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
      return response.status === 204 ? undefined : response.json();
    },
  };
}

/** Starts a gateway as in production, but for the variables, that uses the emulator of another one. */
export async function startStandalone({ emulatorUrl }: Gateway, env: Record<string, string>) {
  const { found, ...child } = await start(
    [],
    {
      DLI_REGION: 'cn-north-4',
      DLI_ENDPOINT: emulatorUrl,
      HUAWEICLOUD_SDK_IAM_ENDPOINT: emulatorUrl,
      HUAWEICLOUD_SDK_AK: 'EMULATORACCESSKEY001',
      HUAWEICLOUD_SDK_SK: 'EmulatorSecretKeyNotRealNotRealNotReal00',
      ...env,
    },
    /"graphqlUrl":"([^"]*)graphql"/,
  );
  return {
    ...child,
    pageUrl: found[0] ?? '',
  };
}

async function start(args: string[], env: Record<string, string>, pattern: RegExp) {
  const folder = mkdtempSync(join(tmpdir(), 'dli-gateway-'));
  const child = spawn(process.execPath, [MAIN, ...args], {
    // A killed process leaves its temporary files to this one.
    env: {
      TMPDIR: folder,
      DATA_DIR: join(folder, 'data'),
      PORT: '0',
      ADMIN_PORT: '0',
      EMULATOR_PORT: '0',
      MAX_EVENT_LOOP_DELAY_MS: '60000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close').finally(() => rmSync(folder, { recursive: true, force: true }));
  const limit = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  let output = '';
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    const read = (text: string) => {
      output += text;
      const found = pattern.exec(output);
      if (found !== null) resolve(found);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    closed.then(() => reject(new Error(`The gateway has ended: ${output}`)), reject);
  }).finally(() => clearTimeout(limit));
  return {
    found: match.slice(1),
    takeOutput() {
      const taken = output;
      output = '';
      return taken;
    },
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
