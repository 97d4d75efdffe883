import { once } from 'node:events';
import { AccessKeyCheck, TokenStore } from './authentication.js';
import { BindingChanges } from './binding-changes.js';
import type { StoredConnection } from './connections.js';
import { ConnectionStore } from './connections.js';
import { ControlApi, isLoopback } from './control-api.js';
import { DliOperations } from './dli-operations.js';
import type { EnhancedSeed, StoredEnhancedConnection } from './enhanced-connections.js';
import { EnhancedConnectionStore } from './enhanced-connections.js';
import { EnhancedOperations } from './enhanced-operations.js';
import type { Fault } from './faults.js';
import { FaultQueue } from './faults.js';
import { IamOperations } from './iam-operations.js';
import type { Ledger } from './ledger.js';
import { WritableLedger } from './ledger.js';
import type { EmulatorOptions } from './options.js';
import { DEFAULT_PROJECT_ID, DEFAULT_SECRET_KEY, resolveOptions } from './options.js';
import { ResourceOperations } from './resource-operations.js';
import type { ResourcesInput } from './resources.js';
import { ResourceStore } from './resources.js';
import { createDispatcher } from './routes.js';
import { generateHosts } from './seeds.js';
import { baseUrlOf, createHttpServer, RequestHandler, reportBug } from './server.js';

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

/** An emulator of DLI (classic and enhanced datasource connections) and IAM with a control API, on one port. */
export type Emulator = ReturnType<typeof createEmulator>;

/** Creates an emulator that does not listen yet. Emulators share no state. */
export function createEmulator(options: Partial<EmulatorOptions> = {}) {
  const resolved = resolveOptions(options);
  const accessKeys = new AccessKeyCheck(resolved);
  const tokens = new TokenStore(resolved);
  const connections = new ConnectionStore(resolved);
  const faults = new FaultQueue();
  const ledger = new WritableLedger();
  const resources = new ResourceStore();
  const enhancedConnections = new EnhancedConnectionStore(resolved, resources);
  const dispatch = createDispatcher(resolved, {
    classic: new DliOperations(resolved, connections),
    enhanced: new EnhancedOperations(resolved, enhancedConnections, new BindingChanges(resolved, resources)),
    resources: new ResourceOperations(resolved, resources),
    iam: new IamOperations(resolved, tokens),
  });
  const requests = new RequestHandler({ options: resolved, accessKeys, tokens, dispatch, faults, ledger });
  let isOpen = false;
  const server = createHttpServer((message, serverResponse) => {
    const handled = message.url?.startsWith('/emulator/')
      ? control.handle(message, serverResponse, isOpen)
      : requests.handle(message, serverResponse);
    handled.catch((error: unknown) => reportBug(error, serverResponse, resolved.printError));
  });
  const emulator = {
    /** Starts listening and resolves with the base URL. Default: a free port of 127.0.0.1. */
    async listen(port = 0, host = '127.0.0.1'): Promise<string> {
      isOpen = !isLoopback(host);
      server.listen(port, host);
      await once(server, 'listening');
      return baseUrlOf(server, host);
    },
    /** Stops listening and closes all connections, including those of hanging responses. */
    async close(): Promise<void> {
      ledger.rejectWaiters();
      const closed = once(server, 'close');
      server.close().closeAllConnections();
      await closed;
    },
    /** Queues a scripted fault; throws a TypeError if it is invalid. */
    inject: (fault: Fault): void => faults.add(fault),
    /** Removes all queued faults. */
    clearFaults: (): void => faults.clear(),
    /** The received requests and their results. */
    ledger: ledger as Ledger,
    /** Lists all connections and tombstones, oldest first. */
    connections: (): readonly StoredConnection[] => connections.all(),
    /**
     * Adds a connection directly, with generated values for absent fields.
     * A given state other than `DELETED` never changes. Without one, the connection starts in state CREATING.
     */
    seedConnection: (partial: Partial<StoredConnection> = {}): StoredConnection =>
      connections.seed(partial, resolved.projects[0]?.id ?? DEFAULT_PROJECT_ID),
    /** Lists all enhanced connections and tombstones, oldest first. */
    enhancedConnections: (): readonly StoredEnhancedConnection[] => enhancedConnections.all(),
    /**
     * Adds an enhanced connection directly, with generated values for absent fields and `hostCount` generated hosts
     * if it has no `hosts`. A given status, of the connection or of a binding, never changes. A binding without one
     * starts in CREATING.
     */
    seedEnhancedConnection: ({ hostCount = 0, ...seed }: EnhancedSeed & { hostCount?: number } = {}) =>
      enhancedConnections.seed(
        { ...seed, hosts: seed.hosts ?? generateHosts(hostCount) },
        resolved.projects[0]?.id ?? DEFAULT_PROJECT_ID,
      ),
    /** Replaces the elastic resource pools, the queues outside of pools, or both. Throws if a field is invalid. */
    setResources: (changes: ResourcesInput): void => resources.set(changes),
    /**
     * Clears connections, faults, ledger, locks and, unless they are kept, tokens. Restores the default pools and
     * queues.
     */
    reset({ keepTokens = false }: { keepTokens?: boolean } = {}): void {
      for (const state of [connections, enhancedConnections, resources, faults, ledger, accessKeys]) state.clear();
      if (!keepTokens) tokens.clear();
    },
    /** Expires all tokens issued so far. */
    expireTokens: (): void => tokens.expireAll(),
  };
  const control = new ControlApi(emulator, resolved, faults);
  return emulator;
}

/** Returns shell `export` lines that point a gateway at an emulator. */
export function clientHints(baseUrl: string, options: Pick<EmulatorOptions, 'projects' | 'accessKeys'>): string {
  const [project] = options.projects;
  const [key] = options.accessKeys;
  const lines = [
    `DLI_ENDPOINT=${baseUrl}`,
    `HUAWEICLOUD_SDK_IAM_ENDPOINT=${baseUrl}`,
    `HUAWEICLOUD_SDK_AK=${key?.accessKey ?? ''}`,
    // Only the published default key may be printed.
    `HUAWEICLOUD_SDK_SK=${key?.secretKey === DEFAULT_SECRET_KEY ? DEFAULT_SECRET_KEY : '<value of EMULATOR_SK>'}`,
    ...(key?.securityToken === undefined ? [] : ['HUAWEICLOUD_SDK_SECURITY_TOKEN=<value of EMULATOR_SECURITY_TOKEN>']),
    `HUAWEICLOUD_SDK_PROJECT_ID=${project?.id ?? ''}`,
    `DLI_REGION=${project?.name ?? ''}`,
    'CALLER_AUTH=none',
  ];
  return lines.map(line => `  export ${line}\n`).join('');
}
