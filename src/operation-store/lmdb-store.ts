import { randomBytes } from 'node:crypto';
import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { open } from 'lmdb';
import { isObject } from '../lib/json.js';
import {
  DATA_FILE,
  isStorageError,
  LmdbFolderProbe,
  MIN_FREE_BYTES,
  nameOf,
  prepareFolder,
  problemOf,
  reasonOf,
} from './lmdb-folder.js';
import { LmdbTables } from './lmdb-tables.js';
import type { FindResult, UnfinishedRecord } from './operation-record.js';
import { mayBeTakenOver } from './operation-record.js';
import type { BeginResult, OpenCreate, OperationStore } from './operation-store.js';
import { StoreConfigError, StoreUnavailableError } from './operation-store.js';
import type { OperationRecord, SendingRecord } from './record-format.js';
import type { StoreHealth } from './store-health.js';

const PROBE_INTERVAL_MS = 1_000;
/** Not for every write, because a check of the file system takes some microseconds. */
const SPACE_CHECK_INTERVAL_MS = 100;

const OPTIONS = {
  // A folder whose name has a dot would be taken for a file.
  noSubdir: false,
  encoding: 'string',
  // Without it a commit writes its pages, calls fdatasync, writes the page that makes them visible (opened with
  // O_DSYNC), and only then resolves its promise (mdb_txn_commit, mdb_env_write_meta). With it, which is the
  // default on Linux, promises resolve before fdatasync.
  overlappingSync: false,
  // The batch of an event-loop turn has a promise that callers cannot reach: on a full disk its rejection ends the
  // process. Transactions share commits without it, too.
  eventTurnBatching: false,
  // An object cache would hide what another process has written.
  cache: false,
  // Address space, not memory or disk. lmdb starts with 128 KiB otherwise, and replaces the map while other threads and
  // processes use it.
  mapSize: 1_024 ** 3,
  // An existing folder may be open to others. The types of lmdb lack this option.
  permissionsMode: 0o600,
} as const;

/**
 * Operation records in a folder of a local disk. Several processes of one machine may share it.
 *
 * Commits are durable, so it never loses records or its secret.
 * A network file system is not supported: LMDB needs shared memory and locks that end with their process.
 */
export class LmdbStore implements OperationStore {
  readonly #tables: LmdbTables;
  readonly #probe: LmdbFolderProbe;
  /** Whether writes are refused until a probe succeeds. */
  #isUnavailable = false;
  #spaceCheckedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #probing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly folder: string,
    private readonly root: RootDatabase<string, string>,
    private readonly health: StoreHealth,
  ) {
    this.#tables = new LmdbTables(root, text => health.recordUnreadable(text));
    this.#probe = new LmdbFolderProbe(folder);
    health.markAvailable();
    this.#probeLater();
  }

  /**
   * Opens the store in this folder, which is created for this user only.
   *
   * @param health notified when the folder cannot be written to, and when it can again
   * @throws {StoreConfigError} naming DATA_DIR and the problem
   */
  static open(folder: string, health: StoreHealth): LmdbStore {
    try {
      prepareFolder(folder);
      return new LmdbStore(folder, open<string, string>({ path: folder, ...OPTIONS }), health);
    } catch (error) {
      throw new StoreConfigError(
        'DATA_DIR',
        `the operation records cannot be kept in this folder: ${reasonOf(error, folder)}`,
      );
    }
  }

  async secret(): Promise<Buffer> {
    const text = await this.#write(() => {
      const stored = this.root.get('secret');
      if (stored !== undefined) return stored;
      const created = randomBytes(32).toString('hex');
      this.root.putSync('secret', created);
      return created;
    });
    return Buffer.from(text, 'hex');
  }

  async find(id: string, nowMs: number): Promise<FindResult> {
    return this.#read(() => this.#tables.find(id, nowMs));
  }

  async begin(record: SendingRecord, nowMs: number): Promise<BeginResult> {
    return this.#write<BeginResult>(() => {
      this.#tables.sweep(nowMs);
      const found = this.#tables.find(record.id, nowMs);
      if (found.kind === 'found') return { kind: 'exists', record: found.record };
      if (found.kind === 'unreadable') return found;
      const holder = this.#tables.findHolder(record.nameId, nowMs);
      if (holder.kind === 'unreadable') return holder;
      if (holder.kind === 'found') return { kind: 'nameHeld', record: holder.record };
      this.#tables.add(record);
      return { kind: 'begun', hasLostRecords: false };
    });
  }

  async replace(record: OperationRecord): Promise<boolean> {
    return this.#write(() => {
      this.#tables.claimSuccess(record);
      const stored = this.#tables.stored(record.id);
      if (stored?.owner !== record.owner) return false;
      this.#tables.replace(stored, record);
      return true;
    });
  }

  async takeOver(
    previous: Pick<OperationRecord, 'id' | 'owner' | 'state'>,
    owner: string,
    ownedUntilMs: number,
  ): Promise<UnfinishedRecord | undefined> {
    return this.#write(() => {
      const stored = this.#tables.stored(previous.id);
      if (stored === undefined || !mayBeTakenOver(stored, previous)) return undefined;
      const taken = { ...stored, owner, ownedUntilMs };
      this.#tables.replace(stored, taken);
      return taken;
    });
  }

  async remove({ id, owner }: Pick<OperationRecord, 'id' | 'owner'>): Promise<boolean> {
    return this.#write(() => {
      const stored = this.#tables.stored(id);
      if (stored?.owner !== owner) return false;
      this.#tables.remove(stored);
      return true;
    });
  }

  async claimConnection(
    connectionId: string,
    record: Pick<OperationRecord, 'id' | 'nameId'>,
    times: { nowMs: number; expiresAtMs: number },
  ): Promise<boolean> {
    return this.#write(() => this.#tables.claimConnection(connectionId, record, times));
  }

  async noteDeletion(id: string, times: { nowMs: number; expiresAtMs: number }): Promise<void> {
    await this.#write(() => {
      this.#tables.sweep(times.nowMs);
      this.#tables.noteDeletion(id, times.expiresAtMs);
    });
  }

  async hasDeletion(id: string, nowMs: number): Promise<boolean> {
    return this.#read(() => this.#tables.hasDeletion(id, nowMs));
  }

  async hasAbandoned(nowMs: number): Promise<boolean> {
    return this.#read(() => this.#tables.hasAbandoned(nowMs));
  }

  async findAbandoned(projectId: string, nowMs: number): Promise<OperationRecord[]> {
    return this.#read(() => this.#tables.findAbandoned(projectId, nowMs));
  }

  async findOpen(nowMs: number): Promise<OpenCreate[]> {
    return this.#read(() => this.#tables.findOpen(nowMs));
  }

  async sizeBytes(): Promise<number> {
    return this.#read(() => statSync(join(this.folder, DATA_FILE)).size);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#probing;
    await Promise.all([this.#probe.close(), this.root.close()]);
  }

  #read<T>(action: () => T): T {
    if (this.#isClosed) throw new StoreUnavailableError();
    try {
      // LMDB keeps its snapshot for the rest of the turn of the event loop; another process may have committed.
      this.root.resetReadTxn();
      return action();
    } catch (error) {
      if (!isStorageError(error)) throw error;
      this.#lose('read', nameOf(error));
      throw new StoreUnavailableError();
    }
  }

  /** Runs the action under the lock of all processes. Resolves when its writes are on the disk. */
  async #write<T>(action: () => T): Promise<T> {
    if (this.#isClosed) throw new StoreUnavailableError();
    // Between two probes the disk may fill up.
    if (!this.#isUnavailable && performance.now() - this.#spaceCheckedAtMs > SPACE_CHECK_INTERVAL_MS) {
      const errorName = this.#findLackOfSpace();
      if (errorName !== undefined) this.#lose('written', errorName);
    }
    if (this.#isUnavailable) throw new StoreUnavailableError({ mayHaveWritten: false });
    return this.#commit(action);
  }

  /** The name of an error if too little space is left. Never waits for the disk. */
  #findLackOfSpace(): string | undefined {
    this.#spaceCheckedAtMs = performance.now();
    try {
      const { bavail, bsize, blocks } = statfsSync(this.folder);
      // Some virtual file systems report no size at all.
      return blocks > 0 && bavail * bsize < MIN_FREE_BYTES ? 'ENOSPC' : undefined;
    } catch (error) {
      return nameOf(error);
    }
  }

  async #commit<T>(action: () => T): Promise<T> {
    try {
      return await this.root.transaction(action);
    } catch (error) {
      // LMDB rejects a second promise with the reason, which would end the process if it were not handled.
      if (isFailedCommit(error)) error.commitError.catch(reason => this.#lose('written', nameOf(reason)));
      else if (isStorageError(error)) this.#lose('written', nameOf(error));
      // While it closes, lmdb throws plain errors.
      else if (!this.#isClosed) throw error;
      throw new StoreUnavailableError();
    }
  }

  #lose(what: 'read' | 'written', errorName: string): void {
    this.#isUnavailable = true;
    this.health.markUnavailable(
      problemOf(errorName),
      `DATA_DIR: the operation records cannot be ${what}: ${errorName}.`,
    );
  }

  #probeLater(): void {
    this.#timer = setTimeout(() => {
      this.#probing = this.#runProbe();
    }, PROBE_INTERVAL_MS).unref();
  }

  async #runProbe(): Promise<void> {
    const errorName = this.#findLackOfSpace() ?? (await this.#probe.run());
    if (errorName !== undefined) this.#lose('written', errorName);
    else if (this.#isUnavailable && (await this.#canCommit())) {
      this.#isUnavailable = false;
      this.health.markAvailable();
    }
    if (!this.#isClosed) this.#probeLater();
  }

  /** Whether a small write becomes durable. */
  async #canCommit(): Promise<boolean> {
    const probe = () => {
      this.root.putSync('probe', '');
      this.root.removeSync('probe');
    };
    return this.#commit(probe).then(
      () => true,
      () => false,
    );
  }
}

/** Whether a commit failed; its reason follows. Otherwise the error is that of the action itself. */
function isFailedCommit(error: unknown): error is { commitError: Promise<never> } {
  return isObject(error) && 'commitError' in error;
}
