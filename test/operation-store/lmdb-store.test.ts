import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from '@jest/globals';
import { open } from 'lmdb';
import { LmdbFolderProbe } from '../../src/operation-store/lmdb-folder.js';
import { LmdbStore } from '../../src/operation-store/lmdb-store.js';
import { RETENTION_MS, toSending, toSucceeded } from '../../src/operation-store/operation-record.js';
import { StoreUnavailableError } from '../../src/operation-store/operation-store.js';
import type { SendingRecord } from '../../src/operation-store/record-format.js';
import { inParallel } from '../helpers/in-parallel.js';
import { proofSize } from '../helpers/proof-size.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import {
  BEGUN,
  describeOperationStore,
  makeRecord,
  PROJECT_ID,
  succeeded,
} from './helpers/operation-store-contract.js';
import type { HealthLine } from './helpers/store-health.js';
import { createStoreHealth } from './helpers/store-health.js';

/** The built store, for other processes; `npm test` builds before it tests. */
const BUILT_STORE = new URL('../../dist/operation-store/lmdb-store.js', import.meta.url).href;

const NOW_MS = Date.now();
const stores: LmdbStore[] = [];
const folders: string[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** The path that a descriptor refers to; empty if it has been closed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function makeFolder(parent = QUICK_FOLDER): string {
  const folder = mkdtempSync(join(parent, 'records-'));
  folders.push(folder);
  return folder;
}

function openStore(folder: string, health = createStoreHealth()): LmdbStore {
  const store = LmdbStore.open(folder, health);
  stores.push(store);
  return store;
}

/** Opens the database directly, to read and write the stored texts. */
function openRecords(folder: string) {
  const root = open({ path: folder, encoding: 'string', overlappingSync: false, noSubdir: false });
  return { root, records: root.openDB<string, string>('records', { encoding: 'string' }) };
}

/** Starts a process that begins these records, `width` of them at a time, and prints each result as it arrives. */
function startBeginProcess(folder: string, records: readonly SendingRecord[], width: number) {
  const source = `
    const { LmdbStore } = await import(${JSON.stringify(BUILT_STORE)});
    const health = { markAvailable() {}, markUnavailable: console.error, recordUnreadable() {} };
    const store = LmdbStore.open(${JSON.stringify(folder)}, health);
    console.log('ready');
    let text = '';
    for await (const chunk of process.stdin) if ((text += chunk).endsWith('\\n')) break;
    const records = JSON.parse(text);
    for (let start = 0; start < records.length; start += ${width})
      await Promise.all(records.slice(start, start + ${width}).map(async record => {
        const { kind } = await store.begin(record, ${NOW_MS});
        process.stdout.write(record.id + ' ' + kind + '\\n');
      }));
    await store.close();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const ready = once(child.stdout, 'data').then(() => child.stdin.write(`${JSON.stringify(records)}\n`));
  return { child, ready };
}

/** The results that a begin process prints. */
async function* results(child: ChildProcess): AsyncGenerator<{ id: string; kind: string }> {
  if (child.stdout === null) return;
  for await (const line of createInterface(child.stdout)) {
    const [id = '', kind] = line.split(' ');
    if (kind !== undefined) yield { id, kind };
  }
}

describeOperationStore('LmdbStore', async () => {
  const folder = makeFolder();
  const health = createStoreHealth();
  return {
    store: openStore(folder, health),
    health,
    openAnother: async () => openStore(folder),
    async putText(id, text) {
      const { root, records } = openRecords(folder);
      await records.put(id, text);
      await root.close();
    },
  };
});

// The probe's file has no name.
(existsSync('/proc/self/fd') ? it : it.skip)('the disk probe keeps no disk block', async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, 'data.mdb'), '');
  const probe = new LmdbFolderProbe(folder);
  expect(await probe.run()).toBeUndefined();
  const paths = readdirSync('/proc/self/fd').map(name => `/proc/self/fd/${name}`);
  const [path = '', ...others] = paths.filter(each => linkOf(each).startsWith(folder));
  expect([others, statSync(path).size]).toEqual([[], 0]);
  await probe.close();
});

describe('LmdbStore', () => {
  it('creates a folder that only its user can access', () => {
    const folder = join(makeFolder(), 'gateway.data', 'records');
    openStore(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('creates a file that only its user can read, even in a folder that others can access', () => {
    const folder = makeFolder();
    openStore(folder);
    expect(statSync(join(folder, 'data.mdb')).mode & 0o777).toBe(0o600);
  });

  it('reports why a folder cannot be used', () => {
    const folder = makeFolder();
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => LmdbStore.open(file, createStoreHealth())).toThrow(
      new Error('DATA_DIR: the operation records cannot be kept in this folder: EEXIST: file already exists'),
    );
    const invalid = join(folder, 'invalid');
    mkdirSync(invalid);
    writeFileSync(join(invalid, 'data.mdb'), 'not a database, but long enough'.repeat(1_000));
    expect(() => LmdbStore.open(invalid, createStoreHealth())).toThrow(
      /^DATA_DIR: the operation records cannot be kept.*LMDB/,
    );
  });

  it('is unavailable after it is closed', async () => {
    const store = openStore(makeFolder());
    const record = makeRecord();
    await store.close();
    await store.close();
    await expect(store.find(record.id, NOW_MS)).rejects.toThrow(StoreUnavailableError);
    await expect(store.begin(record, NOW_MS)).rejects.toThrow(StoreUnavailableError);
    await expect(store.findAbandoned(PROJECT_ID, NOW_MS)).rejects.toThrow(StoreUnavailableError);
  });

  it('passes a bug on, and stays available', async () => {
    const lines: HealthLine[] = [];
    const store = openStore(makeFolder(), createStoreHealth(lines));
    const record = makeRecord();
    await store.begin(record, NOW_MS);
    const cyclic = makeRecord();
    Object.assign(cyclic.wanted, { cyclic });
    await expect(store.find(record.id, Symbol('now') as never)).rejects.toMatchObject({ name: 'TypeError' });
    await expect(store.begin(cyclic, NOW_MS)).rejects.toMatchObject({ name: 'TypeError' });
    await expect(store.find(cyclic.id, NOW_MS)).resolves.toEqual({ kind: 'absent' });
    await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
    expect(lines).toEqual([]);
  });

  it('is unavailable to a write that it closes before', async () => {
    const store = openStore(makeFolder());
    const begun = Promise.allSettled(Array.from({ length: 20 }, () => store.begin(makeRecord(), NOW_MS)));
    await store.close();
    for (const each of await begun)
      if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(StoreUnavailableError);
      else expect(each.value).toEqual(BEGUN);
  });

  it('keeps records and its secret when it is closed and opened again', async () => {
    const folder = makeFolder();
    const record = makeRecord();
    const first = openStore(folder);
    await first.begin(record, NOW_MS);
    const secret = await first.secret();
    await first.close();
    const second = openStore(folder);
    await expect(second.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
    await expect(second.secret()).resolves.toEqual(secret);
  });

  it('removes expired records and claims in batches', async () => {
    const folder = makeFolder();
    const store = openStore(folder);
    const expiring = Array.from({ length: 200 }, () => makeRecord());
    for (const record of expiring) await store.begin(record, NOW_MS);
    for (const record of expiring.slice(0, 50)) await store.replace(succeeded(record));
    const claim = (nowMs: number) => store.claimConnection('a', makeRecord(), { nowMs, expiresAtMs: nowMs + 1 });
    await expect(claim(NOW_MS)).resolves.toBe(true);
    await expect(claim(NOW_MS)).resolves.toBe(false);
    const laterMs = NOW_MS + 10 * 3_600_000;
    const next = Array.from({ length: 64 }, () => makeRecord({ expiresAtMs: laterMs + 1 }));
    for (const record of next) await store.begin(record, laterMs);
    const { root, records } = openRecords(folder);
    expect([...records.getKeys()].toSorted()).toEqual(next.map(({ id }) => id).toSorted());
    await root.close();
    await expect(claim(laterMs)).resolves.toBe(true);
  });

  it('keeps its size once as many records expire as are added', async () => {
    const folder = makeFolder();
    const store = openStore(folder);
    // Of a week, the longest time that anything is kept.
    const kept = proofSize(200, 2_000);
    const intervalMs = RETENTION_MS.UNKNOWN / kept;
    let nowMs = NOW_MS;
    const create = async () => {
      nowMs += intervalMs;
      const record = toSending(makeRecord(), makeRecord().wanted, false, nowMs, nowMs);
      expect(await store.begin(record, nowMs)).toEqual(BEGUN);
      const success = { connectionId: randomUUID(), message: 'created', isReconciled: false };
      expect(await store.replace(toSucceeded(record, success, nowMs))).toBe(true);
    };
    const sizeAfter = async (weeks: number) => {
      await inParallel(Array.from({ length: weeks * kept }), 16, create);
      return store.sizeBytes();
    };
    const early = await sizeAfter(3);
    expect(await sizeAfter(20)).toBeLessThan(1.5 * early);
  });

  it('removes expired deletions, and no others', async () => {
    const folder = makeFolder();
    const store = openStore(folder);
    const note = (id: string, nowMs: number, expiresAtMs: number) => store.noteDeletion(id, { nowMs, expiresAtMs });
    for (let count = 0; count < 100; count++) await note(`old ${count}`, NOW_MS, NOW_MS + 1);
    await note('old 0', NOW_MS, NOW_MS + 1_000);
    for (let count = 0; count < 64; count++) await note(`new ${count}`, NOW_MS + 2, NOW_MS + 1_000);
    const { root } = openRecords(folder);
    const left = [...root.openDB<string, string>('deletions', { encoding: 'string' }).getKeys()];
    const expiries = root.openDB<string, [number, string, string]>('expiries', { encoding: 'string' });
    expect(left.filter(id => id.startsWith('old'))).toEqual(['old 0']);
    expect([left.length, [...expiries.getKeys()].length]).toEqual([65, 65]);
    await root.close();
    await expect(store.hasDeletion('old 0', NOW_MS + 2)).resolves.toBe(true);
  });

  it('opens a folder of an earlier version without deletions', async () => {
    const folder = makeFolder();
    const root = open<string, string>({ path: folder, encoding: 'string', noSubdir: false });
    const record = makeRecord();
    for (const name of ['records', 'holders', 'connections', 'expiries'])
      await root.openDB<string, string>(name, { encoding: 'string' }).put(record.id, JSON.stringify(record));
    await root.openDB<string, string>('expiries', { encoding: 'string' }).remove(record.id);
    await root.close();
    const store = openStore(folder);
    await store.noteDeletion('a', { nowMs: NOW_MS, expiresAtMs: NOW_MS + 1_000 });
    await expect(store.hasDeletion('a', NOW_MS)).resolves.toBe(true);
    await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
  });

  it('immediately reads what another process has written', async () => {
    const folder = makeFolder();
    const store = openStore(folder);
    const records = Array.from({ length: 20 }, () => makeRecord());
    const { child } = startBeginProcess(folder, records, 1);
    let seen = 0;
    for await (const { id, kind } of results(child)) {
      expect(kind).toBe('begun');
      await expect(store.find(id, NOW_MS)).resolves.toMatchObject({ kind: 'found' });
      seen++;
    }
    expect(seen).toBe(20);
  });

  it('lets one of two concurrent processes begin each of 200 ids', async () => {
    const folder = makeFolder();
    const intents = Array.from({ length: 200 }, () => makeRecord());
    const rivals = () => intents.map(({ id, nameId }) => makeRecord({ id, nameId }));
    // This process is the other of the two.
    const store = openStore(folder);
    const { child, ready } = startBeginProcess(folder, rivals(), 20);
    const own = ready.then(() =>
      inParallel(rivals(), 20, async record => ({ id: record.id, kind: (await store.begin(record, NOW_MS)).kind })),
    );
    const begun: string[] = [];
    const count = ({ id, kind }: { id: string; kind: string }) => {
      if (kind === 'begun') begun.push(id);
      else expect(kind).toBe('exists');
    };
    let seen = 0;
    for await (const result of results(child)) {
      seen++;
      count(result);
    }
    for (const result of await own) count(result);
    expect([seen, (await own).length]).toEqual([200, 200]);
    expect(begun.toSorted()).toEqual(intents.map(({ id }) => id).toSorted());
  });

  it.each([1, 2, 3, 4, 5].slice(0, proofSize(2, 5)))(
    'has every record that a killed process reported as begun, run %i',
    async run => {
      // On a real disk, which is slow enough for this process to kill the other one in time.
      const folder = makeFolder(tmpdir());
      const records = Array.from({ length: 2_000 }, () => makeRecord());
      const { child } = startBeginProcess(folder, records, 8);
      const begun: string[] = [];
      for await (const { id } of results(child)) {
        begun.push(id);
        if (begun.length >= run * 7) child.kill('SIGKILL');
      }
      expect(begun.length).toBeLessThan(2_000);
      const store = openStore(folder);
      for (const id of begun) await expect(store.find(id, NOW_MS)).resolves.toMatchObject({ kind: 'found' });
      // The killed process has left no lock behind.
      await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
    },
  );
});
