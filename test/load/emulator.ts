import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { Child, ChildProcesses } from '../bench/child-processes.js';
import { blameChild, findFreePort } from '../bench/child-processes.js';

const START_POLL_MS = 50;

/** The credentials of the emulator, as environment variables of the gateway. They open nothing. */
export const CREDENTIALS = {
  HUAWEICLOUD_SDK_AK: 'LOADTESTACCESSKEY001',
  HUAWEICLOUD_SDK_SK: 'load-test-secret-key-that-opens-nothing0',
  HUAWEICLOUD_SDK_PROJECT_ID: '48cc2c48765f481480c7db940d6409d1',
};

/** An emulator of DLI in its own process. */
export interface EmulatorProcess {
  readonly child: Child;
  readonly url: string;
  /** Scripts faults, as described for `POST /emulator/faults`. */
  script(...faults: object[]): Promise<void>;
  /** Drops the faults that are left. */
  clearFaults(): Promise<void>;
  /** Adds connections, as described for `POST /emulator/connections`, and returns their ids. */
  seed(...seeds: object[]): Promise<string[]>;
  /**
   * The calls of one operation that it has received, or of all operations; at most the last 50,000.
   *
   * @param after returns only calls with a greater sequence number; default: all
   */
  calls(operation: string, after?: number): Promise<LedgerCall[]>;
  /** Forgets the calls that it has received. */
  clearCalls(): Promise<void>;
}

/** A call that the emulator received. */
export interface LedgerCall {
  readonly sequence: number;
  readonly atMs: number;
  readonly operation: string;
  readonly body: string;
  readonly appliedConnectionId?: string;
}

/**
 * Starts an emulator whose connections are created and forgotten at once.
 *
 * @param port the port of an earlier emulator to replace; default: a free port
 */
export async function startEmulator(children: ChildProcesses, port?: number): Promise<EmulatorProcess> {
  port ??= await findFreePort();
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
    child,
    url,
    async script(...faults) {
      await control(url, 'faults', 'POST', faults);
    },
    async clearFaults() {
      await control(url, 'faults', 'DELETE');
    },
    async seed(...seeds) {
      const { connections } = await control<{ connections: { connectionId: string }[] }>(
        url,
        'connections',
        'POST',
        seeds,
      );
      return connections.map(({ connectionId }) => connectionId);
    },
    async calls(operation, after = 0) {
      return (await control<{ entries: LedgerCall[] }>(url, `ledger?operation=${operation}&after=${after}`)).entries;
    },
    async clearCalls() {
      await control(url, 'ledger', 'DELETE');
    },
  };
}

async function waitUntilHealthy(url: string, child: Child): Promise<void> {
  for (;;) {
    child.failIfExited();
    try {
      if ((await request(`${url}/emulator/health`)).statusCode === 200) return;
    } catch {
      // The emulator is not listening yet.
    }
    await delay(START_POLL_MS);
  }
}

async function control<T>(
  url: string,
  path: string,
  method: 'GET' | 'POST' | 'DELETE' = 'GET',
  content?: object,
): Promise<T> {
  const { statusCode, body } = await request(`${url}/emulator/${path}`, {
    method,
    ...(content !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(content),
    }),
  });
  const text = await body.text();
  if (statusCode >= 300) throw new Error(`The emulator answered ${statusCode} to ${path}: ${text}`);
  return (text === '' ? {} : JSON.parse(text)) as T;
}
