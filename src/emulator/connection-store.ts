import { randomUUID } from 'node:crypto';
import type { ConnectionRecord } from './connection-record.js';
import { connectionAt } from './connection-record.js';
import { connectionUrlOf } from './connection-url.js';
import type { EmulatorOptions } from './options.js';
import { findServiceKind } from './service-kind.js';
import type { StoredConnection } from './stored-connection.js';

/** What a create call says about a connection; the service in its canonical spelling. */
export type NewConnection = Pick<
  StoredConnection,
  'projectId' | 'name' | 'service' | 'destination' | 'securityGroupId' | 'networkId' | 'clusterName' | 'tags'
>;

/** The connections of all projects. There are no timers: states follow from the clock when they are looked at. */
export class ConnectionStore {
  readonly #records = new Map<string, ConnectionRecord>();
  readonly #idsByName = new Map<string, Set<string>>();

  constructor(private readonly options: EmulatorOptions) {}

  /** A connection that is about to be created; it exists only once it is {@link ConnectionStore.keep}t. */
  plan(connection: NewConnection): ConnectionRecord {
    const { failNames, creationMs, failureReason, creationSteps, now } = this.options;
    const createdAtMs = now();
    const connectionId = randomUUID();
    return {
      ...connection,
      connectionId,
      createdAtMs,
      deletedAtMs: undefined,
      queues: connection.clusterName === '' ? [] : [connection.clusterName],
      readyAtMs: createdAtMs + creationMs,
      failureReason,
      steps: creationSteps,
      willFail: failNames !== '' && new RegExp(failNames).test(connection.name),
      activeUrl: connectionUrlOf(connectionId, connection.service, connection.destination),
      pinned: {},
    };
  }

  /** Makes a planned connection exist. */
  keep(record: ConnectionRecord): void {
    this.#records.set(record.connectionId, record);
    const key = nameKey(record);
    const ids = this.#idsByName.get(key) ?? new Set();
    this.#idsByName.set(key, ids.add(record.connectionId));
  }

  /** Puts a connection there directly; what is not given is made up. */
  seed(partial: Partial<StoredConnection>, defaultProjectId: string): StoredConnection {
    const {
      state,
      process,
      connectionUrl,
      message,
      deletedAtMs,
      updatedAtMs,
      service = 'RDS',
      ...given
    } = partial;
    const planned = this.plan({
      projectId: defaultProjectId,
      name: given.name ?? `seeded-${this.#records.size + 1}`,
      service: findServiceKind(service)?.canonical ?? service,
      destination: given.destination ?? '192.168.12.148:3306',
      securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
      networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
      clusterName: given.clusterName ?? '',
      tags: [],
    });
    const createdAtMs = given.createdAtMs ?? planned.createdAtMs;
    const record: ConnectionRecord = {
      ...planned,
      ...given,
      createdAtMs,
      // A seeded state is there from the start, so there is nothing left to wait for.
      readyAtMs: state === undefined ? createdAtMs + this.options.creationMs : createdAtMs,
      willFail: state === undefined ? planned.willFail : state === 'FAILED',
      deletedAtMs: deletedAtMs ?? (state === 'DELETED' ? this.options.now() : undefined),
      pinned: {
        ...(state === undefined || state === 'DELETED' ? {} : { state }),
        ...(process === undefined ? (state === 'CREATING' ? { process: 0 } : {}) : { process }),
        ...(connectionUrl === undefined ? {} : { connectionUrl }),
        ...(message === undefined ? {} : { message }),
      },
    };
    this.keep(record);
    return connectionAt(record, this.options.now());
  }

  /** The connection of this id in this project, tombstones included; undefined when it never was or is forgotten. */
  find(projectId: string, connectionId: string): StoredConnection | undefined {
    const record = this.#records.get(connectionId);
    if (record === undefined || record.projectId !== projectId || this.#isForgotten(record)) return undefined;
    return connectionAt(record, this.options.now());
  }

  /** Does a living connection of this name exist in this project? A failed one counts. */
  isNameTaken(projectId: string, name: string): boolean {
    const ids = this.#idsByName.get(nameKey({ projectId, name })) ?? [];
    return [...ids].some(id => this.#records.get(id)?.deletedAtMs === undefined);
  }

  /** Turns a connection into a tombstone. */
  markDeleted(connectionId: string): void {
    const record = this.#records.get(connectionId);
    if (record !== undefined) this.#records.set(connectionId, { ...record, deletedAtMs: this.options.now() });
  }

  /** All connections that exist or have left a tombstone, oldest first. */
  all(): StoredConnection[] {
    const nowMs = this.options.now();
    return [...this.#records.values()]
      .filter(record => !this.#isForgotten(record))
      .map(record => connectionAt(record, nowMs))
      .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.connectionId < b.connectionId ? -1 : 1));
  }

  /** Forgets all connections. */
  clear(): void {
    this.#records.clear();
    this.#idsByName.clear();
  }

  #isForgotten(record: ConnectionRecord): boolean {
    return (
      record.deletedAtMs !== undefined && this.options.now() >= record.deletedAtMs + this.options.tombstoneMs
    );
  }
}

function nameKey(connection: Pick<StoredConnection, 'projectId' | 'name'>): string {
  return `${connection.projectId}/${connection.name}`;
}
