import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { Child, ChildProcesses } from '../../bench/child-processes.js';
import { blameChild, findFreePort } from '../../bench/child-processes.js';

const START_POLL_MS = 50;

/** The credentials of the emulator, as the gateway's variables. They open nothing. */
export const CREDENTIALS = {
  HUAWEICLOUD_SDK_AK: 'LOADTESTACCESSKEY001',
  HUAWEICLOUD_SDK_SK: 'load-test-secret-key-that-opens-nothing0',
  HUAWEICLOUD_SDK_PROJECT_ID: '48cc2c48765f481480c7db940d6409d1',
};

/** An emulator of DLI in a process of its own. */
export interface EmulatorProcess {
  readonly url: string;
  /** Adds connections, as described for `POST /emulator/connections`, and returns their ids. */
  seed(...seeds: object[]): Promise<string[]>;
  /** The calls of one operation that it has received, or of all, at most the last 50,000. */
  calls(
    operation: string,
  ): Promise<{ sequence: number; operation: string; body: string; appliedConnectionId?: string }[]>;
}

/** Starts an emulator whose connections are created and forgotten at once. */
export async function startEmulator(children: ChildProcesses): Promise<EmulatorProcess> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const child = children.start(join('dist', 'emulator', 'main.js'), {
    EMULATOR_PORT: String(port),
    EMULATOR_AK: CREDENTIALS.HUAWEICLOUD_SDK_AK,
    EMULATOR_SK: CREDENTIALS.HUAWEICLOUD_SDK_SK,
    EMULATOR_PROJECT_ID: CREDENTIALS.HUAWEICLOUD_SDK_PROJECT_ID,
    EMULATOR_CREATION_MS: '0',
    EMULATOR_TOMBSTONE_MS: '0',
    EMULATOR_UNIQUE_NAMES: 'false',
  });
  await blameChild('emulator', child, () => waitUntilHealthy(url, child));
  return {
    url,
    async seed(...seeds) {
      const { connections } = await control<{ connections: { connectionId: string }[] }>(url, 'connections', seeds);
      return connections.map(({ connectionId }) => connectionId);
    },
    async calls(operation) {
      return (await control<{ entries: [] }>(url, `ledger?operation=${operation}`)).entries;
    },
  };
}

async function waitUntilHealthy(url: string, child: Child): Promise<void> {
  for (;;) {
    child.failIfExited();
    try {
      if ((await request(`${url}/emulator/health`)).statusCode === 200) return;
    } catch {
      // It does not listen yet.
    }
    await delay(START_POLL_MS);
  }
}

async function control<T>(url: string, path: string, content?: object): Promise<T> {
  const { statusCode, body } = await request(`${url}/emulator/${path}`, {
    ...(content !== undefined && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(content),
    }),
  });
  if (statusCode >= 300) throw new Error(`The emulator answered ${statusCode} to ${path}: ${await body.text()}`);
  return (await body.json()) as T;
}
