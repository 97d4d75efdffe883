import { createHash, randomUUID } from 'node:crypto';
import { ConnectionRecords } from './connection-records.js';
import type { EmulatorOptions } from './options.js';
import type { ConnectionTag } from './tags.js';

/** State of a connection at one point in time. Deleted connections remain as tombstones in state `DELETED`. */
export interface StoredConnection {
  readonly connectionId: string;
  readonly projectId: string;
  readonly name: string;
  /** In canonical spelling. */
  readonly service: string;
  /** The `url` of the create request. */
  readonly destination: string;
  readonly securityGroupId: string;
  readonly networkId: string;
  /** Empty if the create request has none. */
  readonly clusterName: string;
  readonly tags: readonly ConnectionTag[];
  readonly createdAtMs: number;
  readonly deletedAtMs: number | undefined;
  /** Time of the last change of state. */
  readonly updatedAtMs: number;
  /** `CREATING`, `ACTIVE`, `FAILED` or `DELETED`; any text for a seeded connection. */
  readonly state: string;
  /** Progress of the creation, 0 to 1. */
  readonly process: number;
  /** Empty until the connection is active. */
  readonly connectionUrl: string;
  /** Reason of a failed creation; else empty. */
  readonly message: string;
  /** Names of the bound queues. */
  readonly queues: readonly string[];
}

/** The parts of a connection that a create request determines, with the service in canonical spelling. */
type NewConnection = Pick<
  StoredConnection,
  'projectId' | 'name' | 'service' | 'destination' | 'securityGroupId' | 'networkId' | 'clusterName' | 'tags'
>;

type ComputedField = 'state' | 'process' | 'connectionUrl' | 'message' | 'updatedAtMs';
type PinnedField = Exclude<ComputedField, 'updatedAtMs'>;

/** The stored part of a connection, from which its state at any time is computed. */
interface ConnectionRecord extends Omit<StoredConnection, ComputedField> {
  /** End of the creation, successful or not. */
  readonly readyAtMs: number;
  readonly willFail: boolean;
  /** The message if the creation fails. */
  readonly failureReason: string;
  /** Number of steps in which progress is reported; 0 = continuous. */
  readonly steps: number;
  /** The `connectionUrl` of the active connection. */
  readonly activeUrl: string;
  /** Values of a seeded connection that override the computed ones. */
  readonly pinned: { readonly [Field in PinnedField]?: StoredConnection[Field] | undefined };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A service type: its spelling in responses, the prefix of its addresses and its default port. */
interface ServiceKind {
  readonly canonical: string;
  readonly addressPrefix: string;
  readonly port: number;
}

const CLOUD_TABLE: ServiceKind = { canonical: 'CloudTable', addressPrefix: 'ct', port: 2181 };

const KINDS: ReadonlyMap<string, ServiceKind> = new Map([
  ['ct', CLOUD_TABLE],
  ['cloudtable', CLOUD_TABLE],
  // The manuals show no address of an OpenTSDB connection; these prefixes are guesses.
  ['cloudtable.opentsdb', { canonical: 'CloudTable.OPENTSDB', addressPrefix: 'ct', port: 4242 }],
  ['mrs.opentsdb', { canonical: 'MRS.OPENTSDB', addressPrefix: 'hbase', port: 4242 }],
  ['dws', { canonical: 'DWS', addressPrefix: 'dws', port: 8000 }],
  ['rds', { canonical: 'RDS', addressPrefix: 'rds', port: 3306 }],
  ['css', { canonical: 'CSS', addressPrefix: 'css', port: 9200 }],
]);

/** The connections of all projects. There are no timers: states are computed from the clock when they are read. */
export class ConnectionStore {
  readonly #records: ConnectionRecords<ConnectionRecord>;

  constructor(private readonly options: EmulatorOptions) {
    this.#records = new ConnectionRecords(options);
  }

  /** Prepares a new connection, which exists only after {@link ConnectionStore.add}. */
  prepare(connection: NewConnection): ConnectionRecord {
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

  /** Adds a connection or replaces it. */
  add(record: ConnectionRecord): void {
    this.#records.put(record);
  }

  /** Adds a connection with the given fields, and defaults for the others. A given state is final. */
  seed(partial: Partial<StoredConnection>, defaultProjectId: string): StoredConnection {
    const { state, process, connectionUrl, message, deletedAtMs, service = 'RDS', ...given } = partial;
    const prepared = this.prepare({
      projectId: defaultProjectId,
      name: given.name ?? `seeded-${this.#records.size + 1}`,
      service: findServiceKind(service)?.canonical ?? service,
      destination: given.destination ?? '192.168.12.148:3306',
      securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
      networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
      clusterName: given.clusterName ?? '',
      tags: [],
    });
    const createdAtMs = given.createdAtMs ?? prepared.createdAtMs;
    const record: ConnectionRecord = {
      ...prepared,
      ...given,
      createdAtMs,
      // A seeded state is final: there is no creation to wait for.
      readyAtMs: state === undefined ? createdAtMs + this.options.creationMs : createdAtMs,
      willFail: state === undefined ? prepared.willFail : state === 'FAILED',
      deletedAtMs: deletedAtMs ?? (state === 'DELETED' ? this.options.now() : undefined),
      pinned: {
        state: state === 'DELETED' ? undefined : state,
        process: process ?? (state === 'CREATING' ? 0 : undefined),
        connectionUrl,
        message,
      },
    };
    this.add(record);
    return connectionAt(record, this.options.now());
  }

  /** Finds a connection or its tombstone; undefined if there is none or the tombstone has expired. */
  find(projectId: string, connectionId: string): StoredConnection | undefined {
    const record = this.#records.find(projectId, connectionId);
    return record && connectionAt(record, this.options.now());
  }

  /** Whether a connection that is not deleted has this name; a failed one counts. */
  isNameTaken(projectId: string, name: string): boolean {
    return this.#records.isNameTaken(projectId, name);
  }

  /** Replaces a connection by its tombstone. */
  markDeleted(projectId: string, connectionId: string): void {
    const record = this.#records.find(projectId, connectionId);
    if (record !== undefined) this.#records.put({ ...record, deletedAtMs: this.options.now() });
  }

  /** Lists all connections and tombstones, oldest first. */
  all(): StoredConnection[] {
    const nowMs = this.options.now();
    return this.#records
      .all()
      .map(record => connectionAt(record, nowMs))
      .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.connectionId < b.connectionId ? -1 : 1));
  }

  /** Removes all connections and tombstones. */
  clear(): void {
    this.#records.clear();
  }
}

/** Computes the state of a connection at `nowMs`. */
function connectionAt(record: ConnectionRecord, nowMs: number): StoredConnection {
  const { readyAtMs, willFail, failureReason, steps: _steps, activeUrl, pinned, ...kept } = record;
  const frozenAtMs = Math.min(nowMs, kept.deletedAtMs ?? nowMs);
  const state = stateBeforeDeletion(record, frozenAtMs);
  return {
    ...kept,
    process: pinned.process ?? progress(record, frozenAtMs),
    connectionUrl: pinned.connectionUrl ?? (state === 'ACTIVE' ? activeUrl : ''),
    message: pinned.message ?? (state === 'FAILED' ? failureReason : ''),
    updatedAtMs: kept.deletedAtMs ?? (nowMs < readyAtMs ? kept.createdAtMs : readyAtMs),
    state: kept.deletedAtMs === undefined ? state : 'DELETED',
  };
}

function stateBeforeDeletion(record: ConnectionRecord, nowMs: number): string {
  if (record.pinned.state !== undefined) return record.pinned.state;
  if (nowMs < record.readyAtMs) return 'CREATING';
  return record.willFail ? 'FAILED' : 'ACTIVE';
}

// A failing creation stops half-way; the real steps are not documented.
function progress(record: ConnectionRecord, nowMs: number): number {
  const totalMs = record.readyAtMs - record.createdAtMs;
  const part = totalMs <= 0 ? 1 : Math.min((nowMs - record.createdAtMs) / totalMs, 1);
  const reported = record.steps === 0 ? part : Math.floor(part * record.steps) / record.steps;
  return Math.floor((record.willFail ? reported / 2 : reported) * 100) / 100;
}

/** A deterministic address for Spark jobs, such as `to-rds-1174405057-EA1Kgo8H.datasource.com:3306`. */
function connectionUrlOf(connectionId: string, service: string, destination: string): string {
  const kind = findServiceKind(service);
  const hash = createHash('sha256').update(connectionId).digest();
  const suffix = [...hash.subarray(4, 12)].map(byte => ALPHABET[byte % ALPHABET.length]).join('');
  // All samples in the manuals lie between 1174404953 and 1174405119.
  const number = 1_174_404_900 + (hash.readUInt32BE(0) % 1_000);
  const port = /:(\d{1,5})$/.exec(destination.split(',')[0] ?? '')?.[1] ?? kind?.port ?? 3306;
  return `to-${kind?.addressPrefix ?? 'ct'}-${number}-${suffix}.datasource.com:${port}`;
}

/** Finds a service type by any documented spelling, case-insensitively; undefined if there is none. */
export function findServiceKind(service: string): ServiceKind | undefined {
  return KINDS.get(service.toLowerCase());
}
