import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built programs of the gateway and the emulator; `npm run build` of the repository builds them. */
const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url));

// The emulator's published credentials.
const GATEWAY_ENVIRONMENT = {
  CALLER_AUTH: 'none',
  DLI_REGION: 'cn-north-4',
  HUAWEICLOUD_SDK_AK: 'EMULATORACCESSKEY001',
  HUAWEICLOUD_SDK_SK: 'EmulatorSecretKeyNotRealNotRealNotReal00',
  HUAWEICLOUD_SDK_PROJECT_ID: '48cc2c48765f481480c7db940d6409d1',
  FOLLOW_INTERVAL_MS: '100',
  READ_FRESHNESS_MS: '0',
  RECONCILE_SETTLE_MS: '1000',
  // A slow machine must not make the gateway shed load.
  MAX_EVENT_LOOP_DELAY_MS: '60000',
};

/** A valid input without a name. */
export const INPUT = {
  service: 'RDS',
  securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
  networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
  url: '192.168.0.12:5432',
} as const;

/** A valid input of an enhanced connection without a name. */
export const ENHANCED_INPUT = {
  vpcId: '22094d8f-c310-4621-913d-4c4d655d8495',
  networkId: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
} as const;

/** A pool of the emulator. */
export const POOL = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_a' } as const;

/** One request that the emulator received. */
interface LedgerEntry {
  appliedConnectionId?: string;
  [key: string]: unknown;
}

/** A gateway and an emulator of DLI in processes of their own, until the tests of the file have ended. */
export interface Stack {
  /** The GraphQL endpoint. */
  url: string;
  emulatorUrl: string;
  /** Makes the emulator misbehave; see docs/emulator.md. */
  fault(fault: object): Promise<void>;
  settings(changes: object): Promise<void>;
  /** Adds connections to the emulator, active unless they say otherwise, and returns their ids. */
  seed(...connections: object[]): Promise<string[]>;
  /** The same with enhanced connections. */
  seedEnhanced(...connections: object[]): Promise<string[]>;
  /** The requests of one operation that the emulator received. */
  ledger(operation: string): Promise<LedgerEntry[]>;
  /** Kills the gateway, and starts it again at the same address and with the same records. */
  restart(): Promise<void>;
}

/** Starts an emulator and a gateway, with additional variables. */
export async function startStack(environment: Record<string, string> = {}): Promise<Stack> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dli-gateway-client-'));
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));
  const emulator = await start('emulator/main.js', { EMULATOR_PORT: '0' }, /emulator on (http:\/\/[\w.:]+\d)/);
  const startGateway = () =>
    start(
      'main.js',
      {
        ...GATEWAY_ENVIRONMENT,
        DLI_ENDPOINT: emulator.found,
        HUAWEICLOUD_SDK_IAM_ENDPOINT: emulator.found,
        DATA_DIR: dataDir,
        PORT: '0',
        ADMIN_PORT: '0',
        ...environment,
      },
      /"graphqlUrl":"([^"]+)"/,
    );
  let gateway = await startGateway();
  // Nobody else can take the port of a gateway that is being restarted.
  const url = await startRelay(() => gateway.found);
  const control = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${emulator.found}/emulator/${path}`, {
      method,
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  const add = async (path: string, seeds: object[]) => {
    const { connections } = (await control('POST', path, seeds)) as { connections: { connectionId: string }[] };
    return connections.map(({ connectionId }) => connectionId);
  };
  return {
    url,
    emulatorUrl: emulator.found,
    fault: fault => control('POST', 'faults', fault) as Promise<void>,
    settings: changes => control('PATCH', 'settings', changes) as Promise<void>,
    seed: (...connections) =>
      add(
        'connections',
        connections.map(connection => ({ state: 'ACTIVE', ...connection })),
      ),
    seedEnhanced: (...connections) => add('enhanced-connections', connections),
    async ledger(operation) {
      return ((await control('GET', `ledger?operation=${operation}`)) as { entries: LedgerEntry[] }).entries;
    },
    async restart() {
      await gateway.kill();
      gateway = await startGateway();
    },
  };
}

/** Forwards connections to the server that has this URL at the moment; returns the URL of its own. */
async function startRelay(target: () => string): Promise<string> {
  const relay = createServer(caller => {
    const server = connect(Number(new URL(target()).port), '127.0.0.1');
    for (const [one, other] of [
      [caller, server],
      [server, caller],
    ] as const) {
      one.unref();
      one.on('error', () => one.destroy()).once('close', () => other.destroy());
    }
    caller.pipe(server).pipe(caller);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  relay.unref();
  const url = new URL(target());
  url.port = String((relay.address() as AddressInfo).port);
  return url.href;
}

/** Starts a program, and waits until it prints what it is found by. */
async function start(program: string, environment: Record<string, string>, pattern: RegExp) {
  const child = spawn(process.execPath, [join(DIST, program)], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  process.once('exit', () => child.kill('SIGKILL'));
  let output = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    output += text;
  });
  for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    output += text;
    const [, found] = pattern.exec(output) ?? [];
    if (found === undefined) continue;
    // The process of the tests ends when they have ended.
    for (const part of [child, child.stdout.resume() as Socket, child.stderr as Socket]) part.unref();
    return {
      found,
      async kill() {
        child.ref();
        child.kill('SIGKILL');
        await closed;
      },
    };
  }
  throw new Error(`${program} ended: ${output}`);
}
