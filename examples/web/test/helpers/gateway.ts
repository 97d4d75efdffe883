import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../../dist/main.js', import.meta.url));

/** A gateway process that serves the built page. */
export interface Gateway {
  pageUrl: string;
  /** Sends a request to the control API of its emulator. */
  emulator(method: string, path: string, body?: unknown): Promise<unknown>;
  emulatorUrl: string;
  /** Kills the process, as a crash would. */
  kill(): Promise<void>;
}

/** Starts a gateway with its emulator on free ports. */
export async function startGateway(env: Record<string, string> = {}): Promise<Gateway> {
  const { found, kill } = await start(['--dev'], env, /Emulator +(\S+)\n +Example +(\S+)/);
  const [emulatorUrl = '', pageUrl = ''] = found;
  return {
    pageUrl,
    emulatorUrl,
    kill,
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
  const dataDir = mkdtempSync(join(tmpdir(), 'dli-gateway-'));
  const { found, kill } = await start(
    [],
    {
      DATA_DIR: dataDir,
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
    pageUrl: found[0] ?? '',
    async kill() {
      await kill();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function start(args: string[], env: Record<string, string>, pattern: RegExp) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PORT: '0', ADMIN_PORT: '0', EMULATOR_PORT: '0', MAX_EVENT_LOOP_DELAY_MS: '60000', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
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
  });
  return {
    found: match.slice(1),
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
