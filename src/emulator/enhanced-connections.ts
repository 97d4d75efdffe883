import { randomUUID } from 'node:crypto';
import type { BindingRecord, StoredBinding } from './bindings.js';
import { bindingAt, createBinding } from './bindings.js';
import { ConnectionRecords } from './connection-records.js';
import type { EmulatorOptions } from './options.js';
import type { ResourceReference, ResourceStore } from './resources.js';
import type { ConnectionTag } from './tags.js';

/** A host name and the IPv4 address to which it resolves. */
export interface StoredHost {
  readonly name: string;
  readonly ip: string;
}

/** A route into the network of the data source. */
interface StoredRoute {
  readonly name: string;
  readonly cidr: string;
  /** If undefined, responses have no time for it. */
  readonly createdAtMs?: number | undefined;
}

/** State of an enhanced connection at one point in time. Deleted ones remain as tombstones in status `DELETED`. */
export interface StoredEnhancedConnection {
  readonly connectionId: string;
  readonly projectId: string;
  readonly name: string;
  readonly vpcId: string;
  readonly networkId: string;
  /** Empty if the create request has none. */
  readonly routeTableId: string;
  readonly hosts: readonly StoredHost[];
  readonly tags: readonly ConnectionTag[];
  readonly routes: readonly StoredRoute[];
  readonly isIpv6Enabled: boolean;
  /** Ids of the projects with which the connection is shared; `isPrivis` is false if there is one. */
  readonly grantedProjectIds: readonly string[];
  readonly createdAtMs: number;
  readonly deletedAtMs: number | undefined;
  /** `ACTIVE` or `DELETED`; any text for a seeded connection. */
  readonly status: string;
  /** Empty for a tombstone. */
  readonly bindings: readonly StoredBinding[];
}

/** The parts of an enhanced connection that a create request determines, except for its bindings. */
type NewEnhancedConnection = Pick<
  StoredEnhancedConnection,
  'projectId' | 'name' | 'vpcId' | 'networkId' | 'routeTableId' | 'hosts' | 'tags'
>;

/** The stored part of an enhanced connection, from which its state at any time is computed. */
export interface EnhancedRecord extends Omit<StoredEnhancedConnection, 'bindings'> {
  readonly bindings: readonly BindingRecord[];
}

/** A seeded binding. Without a status it starts in CREATING. */
type BindingSeed = ResourceReference & {
  readonly [Field in Exclude<keyof StoredBinding, 'kind' | 'name'>]?: StoredBinding[Field] | undefined;
};

/** Values of a seeded connection; absent ones are generated. */
export type EnhancedSeed = {
  readonly [Field in Exclude<keyof StoredEnhancedConnection, 'bindings'>]?: StoredEnhancedConnection[Field] | undefined;
} & {
  readonly bindings?: readonly BindingSeed[] | undefined;
};

/** The enhanced connections of all projects. There are no timers: states are computed from the clock when read. */
export class EnhancedConnectionStore {
  readonly #records: ConnectionRecords<EnhancedRecord>;

  constructor(
    private readonly options: EmulatorOptions,
    private readonly resources: ResourceStore,
  ) {
    this.#records = new ConnectionRecords(options);
  }

  /** Prepares a new connection, which exists only after {@link EnhancedConnectionStore.put}. */
  prepare(connection: NewEnhancedConnection): EnhancedRecord {
    return {
      ...connection,
      connectionId: randomUUID(),
      routes: [],
      isIpv6Enabled: false,
      grantedProjectIds: [],
      createdAtMs: this.options.now(),
      deletedAtMs: undefined,
      status: 'ACTIVE',
      bindings: [],
    };
  }

  /** Adds a connection or replaces it. */
  put(record: EnhancedRecord): void {
    this.#records.put(record);
  }

  /** Adds a connection with the given fields, and defaults for the others. Given states of bindings are final. */
  seed({ bindings = [], ...given }: EnhancedSeed, defaultProjectId: string): StoredEnhancedConnection {
    const prepared = this.prepare({
      projectId: defaultProjectId,
      name: `seeded_${this.#records.size + 1}`,
      vpcId: '22094d8f-c310-4621-913d-4c4d655d8495',
      networkId: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
      routeTableId: '',
      hosts: [],
      tags: [],
    });
    const { networkId = prepared.networkId } = given;
    const isDeleted = given.status === 'DELETED' || given.deletedAtMs !== undefined;
    const record: EnhancedRecord = {
      ...prepared,
      ...definedFields(given),
      ...(isDeleted && { status: 'DELETED', deletedAtMs: given.deletedAtMs ?? this.options.now() }),
      bindings: isDeleted ? [] : bindings.map(binding => this.#seededBinding(binding, networkId)),
    };
    this.put(record);
    return connectionAt(record, this.options.now());
  }

  /** Finds the record of a connection that is not deleted. */
  findLive(projectId: string, connectionId: string): EnhancedRecord | undefined {
    const record = this.#records.find(projectId, connectionId);
    return record?.deletedAtMs === undefined ? record : undefined;
  }

  /** Finds a connection or its tombstone; undefined if there is none or the tombstone has expired. */
  find(projectId: string, connectionId: string): StoredEnhancedConnection | undefined {
    const record = this.#records.find(projectId, connectionId);
    return record && connectionAt(record, this.options.now());
  }

  /** Whether a connection that is not deleted has this name. */
  isNameTaken(projectId: string, name: string): boolean {
    return this.#records.isNameTaken(projectId, name);
  }

  /** Replaces a connection by its tombstone, which has no bindings. */
  markDeleted(record: EnhancedRecord): void {
    this.put({ ...record, deletedAtMs: this.options.now(), status: 'DELETED', bindings: [] });
  }

  /** Lists all connections and tombstones, oldest first. */
  all(): StoredEnhancedConnection[] {
    const nowMs = this.options.now();
    return this.#records
      .all()
      .sort((a, b) => a.createdAtMs - b.createdAtMs)
      .map(record => connectionAt(record, nowMs));
  }

  /** Removes all connections and tombstones. */
  clear(): void {
    this.#records.clear();
  }

  // A seeded status is final: there is no peering to wait for.
  #seededBinding({ kind, name, peerId, ...given }: BindingSeed, networkId: string): BindingRecord {
    const cidr = this.resources.find({ kind, name })?.cidr;
    const resource = { kind, name: name.toLowerCase(), cidr, isAvailable: true };
    const record = createBinding(resource, { networkId, bindings: [] }, this.options);
    const pinned = definedFields(given);
    const withPeer = { ...record, peerId: peerId ?? record.peerId, pinned };
    if (given.status === undefined) return withPeer;
    const failureReason = given.status === 'FAILED' ? (given.errorMessage ?? record.failureReason) : '';
    return { ...withPeer, readyAtMs: record.boundAtMs, failureReason };
  }
}

function connectionAt(record: EnhancedRecord, nowMs: number): StoredEnhancedConnection {
  return { ...record, bindings: record.bindings.map(binding => bindingAt(binding, nowMs)) };
}

/** An object without its undefined fields, so that it can be spread over defaults. */
function definedFields<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
