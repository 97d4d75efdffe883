import type { EmulatorSettings } from './settings.js';

/** What the records of connections of both kinds have in common. */
interface ConnectionRecord {
  readonly connectionId: string;
  readonly projectId: string;
  readonly name: string;
  /** A deleted connection remains as a tombstone until `tombstoneMs` have passed. */
  readonly deletedAtMs: number | undefined;
}

/** The records of the connections of one kind, including tombstones, of all projects. */
export class ConnectionRecords<T extends ConnectionRecord> {
  readonly #records = new Map<string, T>();
  readonly #idsByName = new Map<string, Set<string>>();

  constructor(private readonly options: Pick<EmulatorSettings, 'tombstoneMs'> & { now: () => number }) {}

  /** Number of records, including expired tombstones. */
  get size(): number {
    return this.#records.size;
  }

  /** Adds a record or replaces the one of the same connection. */
  put(record: T): void {
    this.#records.set(record.connectionId, record);
    const key = nameKey(record);
    const ids = this.#idsByName.get(key) ?? new Set();
    this.#idsByName.set(key, ids.add(record.connectionId));
  }

  /** Finds a connection or its tombstone; undefined if there is none or the tombstone has expired. */
  find(projectId: string, connectionId: string): T | undefined {
    const record = this.#records.get(connectionId);
    return record?.projectId === projectId && !this.#isExpired(record) ? record : undefined;
  }

  /** Whether a connection that is not deleted has this name. */
  isNameTaken(projectId: string, name: string): boolean {
    const ids = this.#idsByName.get(nameKey({ projectId, name })) ?? [];
    return [...ids].some(id => this.#records.get(id)?.deletedAtMs === undefined);
  }

  /** Lists all connections and tombstones in the order in which they were added. */
  all(): T[] {
    return [...this.#records.values()].filter(record => !this.#isExpired(record));
  }

  /** Removes all connections and tombstones. */
  clear(): void {
    this.#records.clear();
    this.#idsByName.clear();
  }

  #isExpired({ deletedAtMs }: T): boolean {
    return deletedAtMs !== undefined && this.options.now() >= deletedAtMs + this.options.tombstoneMs;
  }
}

function nameKey({ projectId, name }: Pick<ConnectionRecord, 'projectId' | 'name'>): string {
  return `${projectId}/${name}`;
}
