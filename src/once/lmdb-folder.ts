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
import { join } from 'node:path';

/** LMDB's name of the file that holds everything. */
const DATA_FILE = 'data.mdb';
/** LMDB's name of the file through which its processes agree. */
const LOCK_FILE = 'lock.mdb';
/** The mark of a file of LMDB's, and where it stands: MDB_MAGIC behind the header of the first page, mdb.c. */
const MAGIC = { value: 0xbeefc0de, offset: 24 };
/** More than LMDB writes when it makes its files. */
const NEEDED_BYTES = 256 * 1_024;

/**
 * Makes the folder, for its user only, when it is absent, and makes sure that LMDB can work in it: lmdb 3.5.6 does
 * not report a failure to open its files, it ends the process with a segmentation fault.
 *
 * @throws {Error} which says what is wrong
 */
export function prepareFolder(folder: string): void {
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
