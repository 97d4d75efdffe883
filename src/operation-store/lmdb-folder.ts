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
import type { FileHandle } from 'node:fs/promises';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { getSystemErrorMap, types } from 'node:util';
import type { StoreProblem } from './store-health.js';

/** LMDB's data file. */
export const DATA_FILE = 'data.mdb';
/** LMDB's lock file, through which its processes coordinate. */
const LOCK_FILE = 'lock.mdb';
const PROBE_FILE = 'probe.tmp';
/** Magic number of an LMDB file and its offset: MDB_MAGIC after the header of the first page (mdb.c). */
const MAGIC = { value: 0xbeefc0de, offset: 24 };
/** More than LMDB writes when it creates its files. */
const NEEDED_BYTES = 256 * 1_024;

/** Free space without which nothing is written, in bytes: more than is written between two checks. */
export const MIN_FREE_BYTES = 8 * 1_024 ** 2;

const PROBLEMS: Readonly<Record<string, StoreProblem>> = {
  ENOSPC: 'diskFull',
  EDQUOT: 'diskFull',
  EFBIG: 'diskFull',
  EROFS: 'readOnly',
  EACCES: 'readOnly',
  EPERM: 'readOnly',
  ENOENT: 'folderGone',
  ENOTDIR: 'folderGone',
  ESTALE: 'folderGone',
};

/** Classifies the name of a system error, such as `ENOSPC`. */
export function problemOf(errorName: string): StoreProblem {
  return PROBLEMS[errorName] ?? 'diskError';
}

/** Whether LMDB or a system call failed, as opposed to a bug: only such errors have a number. */
export function isStorageError(error: unknown): error is Error {
  return numberOf(error) !== undefined;
}

/** The name of the system error that LMDB or Node reports by number, such as `ENOSPC`; otherwise the error's own. */
export function nameOf(error: unknown): string {
  if (!types.isNativeError(error)) return 'unknown error';
  const number = numberOf(error);
  if (number === undefined) return error.name;
  return getSystemErrorMap().get(-number)?.[0] ?? `${error.name} ${number}`;
}

function numberOf(error: unknown): number | undefined {
  if (!types.isNativeError(error)) return undefined;
  const number = 'errno' in error ? error.errno : 'code' in error ? error.code : undefined;
  return typeof number === 'number' ? Math.abs(number) : undefined;
}

/** Why a folder cannot be used, without the path that Node's own error messages end with. */
export function reasonOf(error: unknown, folder: string): string {
  if (!types.isNativeError(error)) return 'LMDB does not open it';
  const [name, text] = 'errno' in error ? (getSystemErrorMap().get(Number(error.errno)) ?? []) : [];
  return name === undefined ? error.message.replaceAll(folder, 'it') : `${name}: ${text}`;
}

/**
 * Creates the folder if it is absent, for this user only, and checks that LMDB can work in it: lmdb 3.5.6 does not
 * report a failure to open its files, but ends the process with a segmentation fault.
 *
 * @throws {Error} whose message names the problem
 */
export function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  tryWriting(join(folder, PROBE_FILE));
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

/**
 * Finds out whether LMDB could write, without a write by LMDB: when one fails, lmdb 3.5.6 prints raw text to standard
 * error, from native code and by `console.error`, and neither can be turned off.
 */
export class LmdbFolderProbe {
  readonly #path: string;
  /** Identifies the file that LMDB has open. */
  readonly #inode: number;
  #file: FileHandle | undefined;

  /** @param folder in which LMDB has opened its files */
  constructor(private readonly folder: string) {
    this.#path = join(folder, DATA_FILE);
    this.#inode = statSync(this.#path).ino;
  }

  /** The name of the error that LMDB would encounter, such as `ENOSPC`. Undefined if it can write. */
  async run(): Promise<string | undefined> {
    try {
      const { ino, size } = await stat(this.#path);
      if (ino !== this.#inode) return 'ENOENT';
      this.#file ??= await openProbeFile(join(this.folder, PROBE_FILE));
      // Where LMDB may write next, to notice a file size limit. The file is sparse up to there.
      await this.#file.write(Buffer.alloc(1), 0, 1, size + MIN_FREE_BYTES);
      // Otherwise its block stays allocated.
      await this.#file.truncate(0);
      return undefined;
    } catch (error) {
      return nameOf(error);
    }
  }

  /** Releases its file. */
  async close(): Promise<void> {
    await this.#file?.close();
  }
}

/** Opens a file and removes its name, so that it disappears with the process. */
async function openProbeFile(path: string): Promise<FileHandle> {
  const file = await open(path, 'w', 0o600);
  await rm(path, { force: true });
  return file;
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
