import type { IncomingMessage, ServerResponse } from 'node:http';
import { AccessKeyCheck, TokenStore } from './authentication.js';
import type { StoredConnection } from './connections.js';
import { ConnectionStore } from './connections.js';
import { ControlApi, isLoopback } from './control-api.js';
import { DliOperations } from './dli-operations.js';
import type { Fault } from './faults.js';
import { FaultQueue } from './faults.js';
import { IamOperations } from './iam-operations.js';
import type { Ledger } from './ledger.js';
import { WritableLedger } from './ledger.js';
import type { EmulatorOptions } from './options.js';
import { DEFAULT_PROJECT_ID, DEFAULT_SECRET_KEY, resolveOptions } from './options.js';
import { Dispatcher } from './routes.js';
import { createHttpServer, RequestHandler } from './server.js';

export type { Fault } from './faults.js';
export type { EmulatorOptions } from './options.js';
export {
  DEFAULT_ACCESS_KEY,
  DEFAULT_DOMAIN_NAME,
  DEFAULT_PASSWORD,
  DEFAULT_PROJECT_ID,
  DEFAULT_PROJECT_NAME,
  DEFAULT_SECRET_KEY,
  DEFAULT_USER_NAME,
} from './options.js';

/** An emulated DLI (classic datasource connections) and IAM, with a control API, all on one port. */
export interface Emulator {
  /** Starts to listen, by default on a free port of 127.0.0.1. Resolves with the base URL, like `http://127.0.0.1:4010`. */
  listen(port?: number, host?: string): Promise<string>;
  /** Stops listening and breaks all connections, those of hanging answers included. */
  close(): Promise<void>;
  /**
   * Queues a scripted fault.
   * @throws {TypeError} when the fault is not well formed.
   */
  inject(fault: Fault): void;
  /** Drops all queued faults. */
  clearFaults(): void;
  /** What arrived and what came of it. */
  readonly ledger: Ledger;
  /** All connections, oldest first, tombstones included. */
  connections(): readonly StoredConnection[];
  /**
   * Puts a connection there directly and returns it; what is not given is made up.
   * A given state other than `DELETED` stays as it is for ever; without one the connection starts like a created one.
   */
  seedConnection(partial?: Partial<StoredConnection>): StoredConnection;
  /** Forgets connections, faults, ledger, tokens and locks. */
  reset(): void;
  /** Ends the life of all tokens given out so far. */
  expireTokens(): void;
}

/** Makes an emulator that does not listen yet. Each one is a world of its own. */
export function createEmulator(options: Partial<EmulatorOptions> = {}): Emulator {
  const resolved = resolveOptions(options);
  const accessKeys = new AccessKeyCheck(resolved);
  const tokens = new TokenStore(resolved);
  const connections = new ConnectionStore(resolved);
  const faults = new FaultQueue();
  const ledger = new WritableLedger();
  const dispatcher = new Dispatcher(
    resolved,
    new DliOperations(resolved, connections),
    new IamOperations(resolved, tokens),
  );
  const requests = new RequestHandler({ options: resolved, accessKeys, tokens, dispatcher, faults, ledger });
  let isOpen = false;
  const server = createHttpServer((message, serverResponse) => {
    handle(message, serverResponse).catch(() => serverResponse.req.socket.destroy());
  });

  async function handle(message: IncomingMessage, serverResponse: ServerResponse): Promise<void> {
    if (message.url?.startsWith('/emulator/')) await control.handle(message, serverResponse, isOpen);
    else await requests.handle(message, serverResponse);
  }

  const emulator: Emulator = {
    async listen(port = 0, host = '127.0.0.1') {
      isOpen = !isLoopback(host);
      return server.listen(port, host);
    },
    async close() {
      ledger.rejectWaiters();
      await server.close();
    },
    inject: fault => faults.add(fault),
    clearFaults: () => faults.clear(),
    ledger,
    connections: () => connections.all(),
    seedConnection: (partial = {}) =>
      connections.seed(partial, resolved.projects[0]?.id ?? DEFAULT_PROJECT_ID),
    reset() {
      connections.clear();
      faults.clear();
      ledger.clear();
      tokens.clear();
      accessKeys.clear();
    },
    expireTokens: () => tokens.expireAll(),
  };
  const control = new ControlApi({ options: resolved, faults, emulator });
  return emulator;
}

/** The environment variables that point a client at an emulator, one per line, ready to be pasted into a shell. */
export function clientHints(
  baseUrl: string,
  options: Pick<EmulatorOptions, 'projects' | 'accessKeys'>,
): string {
  const [project] = options.projects;
  const [key] = options.accessKeys;
  const lines = [
    `DLI_ENDPOINT=${baseUrl}`,
    `HUAWEICLOUD_SDK_IAM_ENDPOINT=${baseUrl}`,
    `HUAWEICLOUD_SDK_AK=${key?.accessKey ?? ''}`,
    // Only the published, worthless default may be shown.
    `HUAWEICLOUD_SDK_SK=${key?.secretKey === DEFAULT_SECRET_KEY ? DEFAULT_SECRET_KEY : '<value of EMULATOR_SK>'}`,
    ...(key?.securityToken === undefined
      ? []
      : ['HUAWEICLOUD_SDK_SECURITY_TOKEN=<value of EMULATOR_SECURITY_TOKEN>']),
    `HUAWEICLOUD_SDK_PROJECT_ID=${project?.id ?? ''}`,
    `DLI_REGION=${project?.name ?? ''}`,
    'CALLER_AUTH=none',
  ];
  return lines.map(line => `  export ${line}\n`).join('');
}
