import { FairRateLimiter } from '../../../src/connection-reads/fair-rate-limiter.js';
import type { ConnectionSource } from '../../../src/connection-reads/reader.js';
import { ConnectionReader } from '../../../src/connection-reads/reader.js';
import type { PollLease } from '../../../src/connection-reads/watcher.js';
import { ConnectionWatcher, LOCAL_LEASE } from '../../../src/connection-reads/watcher.js';
import type { ConnectionKind } from '../../../src/dli/connection.js';
import { DliError } from '../../../src/dli/dli-error.js';
import type {
  DescribedBinding,
  DescribedClassicConnection,
  DescribedEnhancedConnection,
} from '../../../src/dli/responses.js';
import type { Clock } from '../../../src/lib/time.js';
import { SYSTEM_CLOCK } from '../../../src/lib/time.js';
import { NO_METRICS } from '../../../src/metrics/metrics.js';
import { onCleanup } from '../../helpers/clean-up.js';

/** The caller of reads. */
export const CALLER = { tenant: 'tenant', trace: { traceId: 'trace', spanId: 'span' } };

type Stored<T> = T & { id: string };

/** The connections of both kinds as DLI would describe them, held in memory. Counts the calls. */
export class StoredConnections implements ConnectionSource {
  /** The kinds that cannot be read. */
  readonly failures = new Map<ConnectionKind, DliError>();
  /** The ids of the gets. */
  readonly gets: string[] = [];
  /** The kinds of the ids that were passed to `remember`. */
  readonly remembered = new Map<string, ConnectionKind>();
  /** Number of list calls. */
  lists = 0;
  readonly #connections = new Map<string, Stored<DescribedClassicConnection | DescribedEnhancedConnection>>();
  #waiting: { count: number; resolve: () => void }[] = [];

  /** Adds or replaces connections. */
  put(...connections: Stored<DescribedClassicConnection | DescribedEnhancedConnection>[]): void {
    for (const connection of connections) this.#connections.set(connection.id, connection);
  }

  /** Removes a connection. */
  remove(id: string): void {
    this.#connections.delete(id);
  }

  /** Makes the reads of a kind fail; REJECTED means that it is not offered. */
  fail(kind: ConnectionKind, code: DliError['code'] = 'UNAVAILABLE'): void {
    this.failures.set(kind, new DliError(code, { isNotOffered: code === 'REJECTED' }));
  }

  /** Waits until this many calls have been made in total. */
  calls(count: number): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ count, resolve });
      this.#wake();
    });
  }

  async getConnection(id: string) {
    this.gets.push(id);
    this.#wake();
    const connection = this.#connections.get(id);
    const failure = connection === undefined ? [...this.failures.values()][0] : this.failures.get(connection.kind);
    if (failure !== undefined) throw failure;
    return describe(connection);
  }

  async listConnections() {
    this.lists += 1;
    this.#wake();
    const failures = new Map(this.failures);
    const [failure] = failures.values();
    if (failure !== undefined && failures.size === 2) throw failure;
    const connections = [...this.#connections.values()].filter(({ kind }) => !failures.has(kind));
    return { connections: describe(connections), skew: undefined, failures };
  }

  remember(id: string, kind: ConnectionKind): void {
    this.remembered.set(id, kind);
  }

  release(): void {}

  #wake(): void {
    const made = this.gets.length + this.lists;
    for (const { resolve } of this.#waiting.filter(({ count }) => count <= made)) resolve();
    this.#waiting = this.#waiting.filter(({ count }) => count > made);
  }
}

// DLI describes a connection anew each time. Objects of tests have other prototypes than those of the gateway.
function describe<T>(connections: T): T {
  return structuredClone(connections);
}

/** A limiter that does not limit. */
export function unlimited(clock: Clock): FairRateLimiter {
  return new FairRateLimiter(clock, { perSecond: 1_000_000, maxConcurrent: 1_000 });
}

/** Creates a reader and a watcher of these connections, which close after the test. */
export function readAndWatch(
  connections: ConnectionSource,
  {
    clock = SYSTEM_CLOCK,
    freshnessMs = 0,
    intervalMs = 20,
    lease = LOCAL_LEASE,
  }: { clock?: Clock; freshnessMs?: number; intervalMs?: number; lease?: PollLease } = {},
) {
  const limiter = unlimited(clock);
  const reader = new ConnectionReader({
    connections,
    limiter,
    clock,
    metrics: NO_METRICS,
    freshnessMs,
    timeoutMs: 30_000,
  });
  const watcher = new ConnectionWatcher({
    reader,
    limiter,
    lease,
    clock,
    metrics: NO_METRICS,
    intervalMs,
    maxWatches: 10_000,
    maxWatchesPerTenant: 10_000,
    onBug: error => {
      throw error;
    },
  });
  onCleanup(async () => {
    reader.close();
    await watcher.close();
  });
  return { reader, watcher };
}

/** The id of the n-th connection. */
export function idOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** A classic connection in state ACTIVE, with changes. */
export function classic(
  number: number,
  changes: Partial<DescribedClassicConnection> = {},
): Stored<DescribedClassicConnection> {
  return {
    kind: 'CLASSIC',
    name: `classic_${number}`,
    state: 'ACTIVE',
    service: 'rds',
    destination: null,
    createdAtMs: number,
    progress: null,
    message: null,
    address: null,
    clusterName: null,
    queues: [],
    tags: null,
    ...changes,
    id: idOf(number),
  };
}

/** An enhanced connection without bindings, with changes. */
export function enhanced(
  number: number,
  changes: Partial<DescribedEnhancedConnection> = {},
): Stored<DescribedEnhancedConnection> {
  return {
    kind: 'ENHANCED',
    name: `enhanced_${number}`,
    state: 'ACTIVE',
    createdAtMs: number,
    vpcId: 'vpc-1',
    networkId: 'network-1',
    isIpv6Enabled: null,
    isShared: null,
    hosts: { count: 0, version: '' },
    areBindingsKnown: true,
    routes: [],
    bindings: [],
    tags: null,
    ...changes,
    id: idOf(number),
  };
}

/** A binding from `name STATE`: of a pool if the name begins with `pool`, otherwise of a queue. */
export function binding(text: string, changes: Partial<DescribedBinding> = {}): DescribedBinding {
  const [name = '', state = null] = text.split(' ');
  return {
    kind: name.startsWith('pool') ? 'ELASTIC_RESOURCE_POOL' : 'QUEUE',
    name,
    state,
    peeringId: null,
    problem: null,
    cause: null,
    updatedAtMs: null,
    ...changes,
  };
}
