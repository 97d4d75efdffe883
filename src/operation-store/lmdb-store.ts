import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { getSystemErrorMap, types } from 'node:util';
import type { RootDatabase } from 'lmdb';
import { open } from 'lmdb';
import { isObject } from '../lib/json.js';
import { LmdbTables } from './lmdb-tables.js';
import type { FindResult, OperationRecord, SendingRecord, UndecidedRecord } from './operation-record.js';
import { isDecided } from './operation-record.js';
import type { BeginResult, OpenCreate, OperationStore } from './operation-store.js';
import { StoreConfigError, StoreUnavailableError } from './operation-store.js';

const OPTIONS = {
  // A folder whose name has a dot would be taken for a file.
  noSubdir: false,
  encoding: 'string',
  // Without it a commit writes its pages, calls fdatasync, writes the page that makes them visible (opened with
  // O_DSYNC), and only then its promise resolves (mdb_txn_commit, mdb_env_write_meta). With it, which is the
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
  #isClosed = false;
  #lastReported: string | undefined;

  private constructor(
    private readonly root: RootDatabase<string, string>,
    private readonly folder: string,
    private readonly report: (problem: string) => void,
  ) {
    this.#tables = new LmdbTables(root);
  }

  /**
   * Opens the store in this folder, which is created for this user only.
   *
   * @param report receives each problem once, for operators
   * @throws {StoreConfigError} naming DATA_DIR and the problem
   */
  static open(folder: string, report: (problem: string) => void): LmdbStore {
    try {
      prepareFolder(folder);
      return new LmdbStore(open<string, string>({ path: folder, ...OPTIONS }), folder, report);
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
    const result = await this.#write<BeginResult>(() => {
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
    if (result.kind === 'begun') this.#lastReported = undefined;
    return result;
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
    id: string,
    previousOwner: string,
    owner: string,
    ownedUntilMs: number,
  ): Promise<UndecidedRecord | undefined> {
    return this.#write(() => {
      const stored = this.#tables.stored(id);
      if (stored?.owner !== previousOwner || isDecided(stored)) return undefined;
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
    return (await stat(join(this.folder, DATA_FILE))).size;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.root.close();
  }

  #read<T>(action: () => T): T {
    if (this.#isClosed) throw new StoreUnavailableError();
    try {
      // LMDB keeps its snapshot for the rest of the turn of the event loop; another process may have committed.
      this.root.resetReadTxn();
      return action();
    } catch (error) {
      this.#reportOnce('read', error);
      throw new StoreUnavailableError();
    }
  }

  /** Runs the action under the lock of all processes. Resolves when its writes are on the disk. */
  async #write<T>(action: () => T): Promise<T> {
    if (this.#isClosed) throw new StoreUnavailableError();
    try {
      return await this.root.transaction(action);
    } catch (error) {
      // LMDB rejects a second promise with the reason, which would end the process if it were not handled.
      Promise.resolve(commitErrorOf(error)).catch(reason => this.#reportOnce('written', reason));
      throw new StoreUnavailableError();
    }
  }

  #reportOnce(what: 'read' | 'written', error: unknown): void {
    const problem = `the operation records cannot be ${what}: ${nameOf(error)}`;
    if (this.#lastReported === problem) return;
    this.#lastReported = problem;
    this.report(`DATA_DIR: ${problem}.`);
  }
}

/** The reason of a failed commit; without one, a rejection with the error of the action itself. */
function commitErrorOf(error: unknown): unknown {
  return isObject(error) && 'commitError' in error ? error['commitError'] : Promise.reject(error);
}

/** The name of the error of the system that LMDB reports by its number, such as `ENOSPC`; else that of the error. */
function nameOf(error: unknown): string {
  if (!types.isNativeError(error)) return 'unknown error';
  const number = 'code' in error ? Number(error.code) : Number.NaN;
  return getSystemErrorMap().get(-number)?.[0] ?? `${error.name}${Number.isNaN(number) ? '' : ` ${number}`}`;
}

/** Why a folder cannot be used; the messages of Node's own errors end with its path. */
function reasonOf(error: unknown, folder: string): string {
  if (!types.isNativeError(error)) return 'LMDB does not open it';
  const [name, text] = 'errno' in error ? (getSystemErrorMap().get(Number(error.errno)) ?? []) : [];
  return name === undefined ? error.message.replaceAll(folder, 'it') : `${name}: ${text}`;
}

const DATA_FILE = 'data.mdb';
/** LMDB's lock file, through which its processes coordinate. */
const LOCK_FILE = 'lock.mdb';
/** Magic number of an LMDB file and its offset: MDB_MAGIC after the header of the first page (mdb.c). */
const MAGIC = { value: 0xbeefc0de, offset: 24 };
/** More than LMDB writes when it creates its files. */
const NEEDED_BYTES = 256 * 1_024;

/**
 * Creates the folder if it is absent, for this user only, and checks that LMDB can work in it: lmdb 3.5.6 does not
 * report a failure to open its files, but ends the process with a segmentation fault.
 *
 * @throws {Error} whose message names the problem
 */
function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  tryWriting(join(folder, 'probe.tmp'));
  for (const name of [DATA_FILE, LOCK_FILE]) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (!stats.isFile()) throw new Error(`${name} is not a file`);
    accessSync(path, constants.R_OK | constants.W_OK);
    if (name === DATA_FILE && stats.size > 0 && !isLmdbFile(path))
      throw new Error(`${name} is not a file of LMDB, or it is damaged`);
  }
}

function tryWriting(path: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    if (writeSync(file, Buffer.alloc(NEEDED_BYTES)) < NEEDED_BYTES) throw new Error('there is no space left');
    fsyncSync(file);
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

function isLmdbFile(path: string): boolean {
  const header = Buffer.alloc(MAGIC.offset + 4);
  const file = openSync(path, 'r');
  try {
    return readSync(file, header) === header.length && header.readUInt32LE(MAGIC.offset) === MAGIC.value;
  } finally {
    closeSync(file);
  }
}
