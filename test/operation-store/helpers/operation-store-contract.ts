import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { toSucceeded, toUnknown } from '../../../src/operation-store/operation-record.js';
import type { OperationStore } from '../../../src/operation-store/operation-store.js';
import type { OperationRecord, SendingRecord, UnknownRecord } from '../../../src/operation-store/record-format.js';
import type { StoreHealth } from '../../../src/operation-store/store-health.js';

/** An empty store, with what the suite needs in addition to the store's interface. */
export interface StoreUnderTest {
  store: OperationStore;
  health: StoreHealth;
  /** Opens another store on the same records, as another process would. */
  openAnother(): Promise<OperationStore>;
  /** Stores a text as the record with this id. */
  putText(id: string, text: string): Promise<void>;
}

const NOW_MS = Date.now();
const HOUR_MS = 3_600_000;

/** The project of every record, unless a test says otherwise. */
export const PROJECT_ID = 'ab'.repeat(32);

/** The result of a begin in a store that has lost no records. */
export const BEGUN = { kind: 'begun', hasLostRecords: false };

/** A random hash: 64 hex digits. */
export function randomHash(): string {
  return randomBytes(32).toString('hex');
}

/** A record that a gateway could begin now. */
export function makeRecord(changes: Partial<SendingRecord> = {}): SendingRecord {
  return {
    version: 1,
    id: randomHash(),
    projectId: PROJECT_ID,
    nameId: randomHash(),
    fingerprint: randomHash(),
    state: 'SENDING',
    owner: randomUUID(),
    ownedUntilMs: NOW_MS + 25_000.5,
    sentAtMs: NOW_MS,
    wanted: { name: 'orders "ü" \u2028', service: 'CSS', url: 'css.example.com:9200' },
    expiresAtMs: NOW_MS + HOUR_MS,
    ...changes,
  };
}

/** The same record after its create succeeded. */
export function succeeded(
  record: SendingRecord,
  connectionId = 'c3a2d0e8-6b1e-4c55-9c86-0e6f7f7f1a01',
): OperationRecord {
  return {
    ...record,
    state: 'SUCCEEDED',
    connectionId,
    message: null,
    isReconciled: false,
    expiresAtMs: NOW_MS + 2 * HOUR_MS,
  };
}

function rejected(record: SendingRecord): OperationRecord {
  const rejection = { code: 'REJECTED' as const, upstreamCode: 'DLI.0001', requestId: null };
  return { ...record, state: 'REJECTED', rejection };
}

function unknown(record: SendingRecord, isSettled?: boolean): UnknownRecord {
  const reason = { state: 'UNKNOWN', unknownReason: 'TIMEOUT_AFTER_SEND' } as const;
  return { ...record, ...reason, ...(isSettled !== undefined && { isSettled }) };
}

function countKinds(results: readonly { kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of results) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** The tests that every operation store must pass. */
export function describeOperationStore(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`${name} as an operation store`, () => {
    async function makeEmpty(): Promise<OperationStore> {
      return (await makeStore()).store;
    }

    async function makeWith(record: SendingRecord): Promise<OperationStore> {
      const store = await makeEmpty();
      await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN);
      return store;
    }

    describe('secret', () => {
      it('is generated once, has 32 bytes, and is the same for all users', async () => {
        const { store, openAnother } = await makeStore();
        const another = await openAnother();
        const secrets = await Promise.all([store.secret(), another.secret(), store.secret()]);
        expect(secrets[0]).toHaveLength(32);
        expect(new Set(secrets.map(secret => secret.toString('hex'))).size).toBe(1);
      });

      it('differs between stores', async () => {
        const [one, other] = [await makeEmpty(), await makeEmpty()];
        expect(await one.secret()).not.toEqual(await other.secret());
      });
    });

    describe('begin and find', () => {
      it('return a record to every user of the store as soon as it has been begun', async () => {
        const { store, openAnother } = await makeStore();
        const another = await openAnother();
        const record = makeRecord();
        await expect(another.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'absent' });
        await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN);
        await expect(another.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
      });

      it('find nothing under an id that was never begun', async () => {
        const store = await makeEmpty();
        await expect(store.find(randomHash(), NOW_MS)).resolves.toEqual({ kind: 'absent' });
      });

      it('return the stored record to a second begin of its id', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        const repeat = makeRecord({ id: record.id });
        await expect(store.begin(repeat, NOW_MS)).resolves.toEqual({ kind: 'exists', record });
        // The repeat did not reserve its own name.
        const next = makeRecord({ nameId: repeat.nameId });
        await expect(store.begin(next, NOW_MS)).resolves.toEqual(BEGUN);
      });

      it('let one of 200 parallel attempts with the same id begin', async () => {
        const { store, openAnother } = await makeStore();
        const stores = [store, await openAnother()];
        const { id, nameId } = makeRecord();
        const attempts = Array.from({ length: 100 }, () =>
          stores.map(user => ({ user, record: makeRecord({ id, nameId }) })),
        );
        const results = await Promise.all(attempts.flat().map(({ user, record }) => user.begin(record, NOW_MS)));
        expect(countKinds(results)).toEqual({ begun: 1, exists: 199 });
      });

      it('let one of 50 parallel creates with the same name begin', async () => {
        const store = await makeEmpty();
        const { nameId } = makeRecord();
        const records = Array.from({ length: 50 }, () => makeRecord({ nameId }));
        const results = await Promise.all(records.map(record => store.begin(record, NOW_MS)));
        expect(countKinds(results)).toEqual({ begun: 1, nameHeld: 49 });
        const holder = records[results.findIndex(({ kind }) => kind === 'begun')];
        for (const result of results) if (result.kind === 'nameHeld') expect(result.record).toEqual(holder);
      });
    });

    describe('the name of a record', () => {
      it.each([
        ['SUCCEEDED', succeeded],
        ['REJECTED', rejected],
        ['UNKNOWN and settled', (record: SendingRecord) => unknown(record, true)],
      ])('is free once the record is %s', async (_state, change) => {
        const record = makeRecord();
        const store = await makeWith(record);
        await expect(store.replace(change(record))).resolves.toBe(true);
        const next = makeRecord({ nameId: record.nameId });
        await expect(store.begin(next, NOW_MS)).resolves.toEqual(BEGUN);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({
          kind: 'found',
          record: change(record),
        });
      });

      it.each([[undefined], [false]])('is held while the record is UNKNOWN with isSettled %s', async isSettled => {
        const record = makeRecord();
        const store = await makeWith(record);
        const held = unknown(record, isSettled);
        await store.replace(held);
        const next = makeRecord({ nameId: record.nameId });
        await expect(store.begin(next, NOW_MS)).resolves.toEqual({ kind: 'nameHeld', record: held });
      });

      it('stays with its next holder when the previous record is written or removed later', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        await store.replace(unknown(record, true));
        const next = makeRecord({ nameId: record.nameId });
        await store.begin(next, NOW_MS);
        await store.replace(succeeded(record));
        await store.remove(record);
        const last = makeRecord({ nameId: record.nameId });
        await expect(store.begin(last, NOW_MS)).resolves.toEqual({ kind: 'nameHeld', record: next });
      });
    });

    describe('an expired record', () => {
      it('is absent, and its id and name are free', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        await expect(store.find(record.id, record.expiresAtMs - 1)).resolves.toMatchObject({ kind: 'found' });
        const laterMs = record.expiresAtMs;
        await expect(store.find(record.id, laterMs)).resolves.toEqual({ kind: 'absent' });
        const next = makeRecord({ nameId: record.nameId, expiresAtMs: laterMs + HOUR_MS });
        await expect(store.begin(next, laterMs)).resolves.toEqual(BEGUN);
        await expect(store.findAbandoned(PROJECT_ID, laterMs)).resolves.toEqual([next]);
        const third = makeRecord({ nameId: record.nameId, expiresAtMs: laterMs + HOUR_MS });
        await expect(store.begin(third, laterMs)).resolves.toEqual({ kind: 'nameHeld', record: next });
        const repeat = makeRecord({ id: record.id, expiresAtMs: laterMs + HOUR_MS });
        await expect(store.begin(repeat, laterMs)).resolves.toEqual(BEGUN);
        await expect(store.find(record.id, laterMs)).resolves.toEqual({ kind: 'found', record: repeat });
      });

      it('expires at the time in its last version', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        const done = succeeded(record);
        await store.replace(done);
        await expect(store.find(record.id, record.expiresAtMs)).resolves.toEqual({
          kind: 'found',
          record: done,
        });
        await expect(store.find(record.id, done.expiresAtMs)).resolves.toEqual({ kind: 'absent' });
      });

      it('is no longer open', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        await expect(store.findAbandoned(PROJECT_ID, record.expiresAtMs)).resolves.toEqual([]);
      });
    });

    describe('replace and remove', () => {
      it('do nothing for another owner', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        await expect(store.replace({ ...succeeded(record), owner: randomUUID() })).resolves.toBe(false);
        await expect(store.remove({ ...record, owner: randomUUID() })).resolves.toBe(false);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
      });

      it('do nothing without a record', async () => {
        const store = await makeEmpty();
        const record = makeRecord();
        await expect(store.replace(record)).resolves.toBe(false);
        await expect(store.remove(record)).resolves.toBe(false);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'absent' });
      });

      it('remove a record and free its id and name', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        await expect(store.remove(record)).resolves.toBe(true);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'absent' });
        await expect(store.findAbandoned(PROJECT_ID, record.ownedUntilMs)).resolves.toEqual([]);
        await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN);
      });
    });

    describe('takeOver', () => {
      it('passes a record to one of 100 parallel attempts', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        const ownedUntilMs = NOW_MS + 60_000;
        const owners = Array.from({ length: 100 }, () => randomUUID());
        const wins = await Promise.all(owners.map(owner => store.takeOver(record, owner, ownedUntilMs)));
        const winners = wins.map(taken => taken !== undefined);
        expect(winners.filter(Boolean)).toHaveLength(1);
        const owner = owners[winners.indexOf(true)] ?? '';
        const taken = { ...record, owner, ownedUntilMs };
        expect(wins).toContainEqual(taken);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record: taken });
        await expect(store.replace(succeeded(record))).resolves.toBe(false);
        await expect(store.replace(succeeded(taken))).resolves.toBe(true);
      });

      it('does nothing without a record', async () => {
        const store = await makeEmpty();
        await expect(store.takeOver(makeRecord(), 'b', NOW_MS)).resolves.toBeUndefined();
      });

      it.each([
        ['SUCCEEDED', succeeded],
        ['REJECTED', rejected],
      ])('does not change a record whose owner has made it %s in the meantime', async (_state, decide) => {
        const record = makeRecord();
        const store = await makeWith(record);
        await store.replace(decide(record));
        await expect(store.takeOver(record, 'late', NOW_MS)).resolves.toBeUndefined();
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({
          kind: 'found',
          record: decide(record),
        });
      });

      it('returns the current version of the record', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        const written = { ...unknown(record), lastSentAtMs: NOW_MS };
        await store.replace(written);
        const taken = { ...written, owner: 'another', ownedUntilMs: NOW_MS + 60_000 };
        await expect(store.takeOver(record, 'another', NOW_MS + 60_000)).resolves.toEqual(taken);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record: taken });
      });
    });

    describe('takeOver of a succeeded record', () => {
      const wanted = { kind: 'ENHANCED', name: 'orders', vpcId: 'vpc', networkId: 'network' } as const;

      it('passes a record whose connection is yet to be bound to one of 100 parallel attempts', async () => {
        const record = makeRecord({ wanted });
        const store = await makeWith(record);
        const success = succeeded(record);
        await store.replace(success);
        const owners = Array.from({ length: 100 }, () => randomUUID());
        const wins = await Promise.all(owners.map(owner => store.takeOver(success, owner, NOW_MS + 60_000)));
        const winners = wins.filter(taken => taken !== undefined);
        expect(winners).toEqual([{ ...success, owner: expect.any(String), ownedUntilMs: NOW_MS + 60_000 }]);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record: winners[0] });
        await expect(store.findAbandoned(PROJECT_ID, NOW_MS + 60_000)).resolves.toEqual([]);
      });

      it.each([
        ['is classic', makeRecord(), {}],
        ['has been bound', makeRecord({ wanted }), { notBound: [] }],
      ])('does nothing if it %s', async (_what, record, changes) => {
        const store = await makeWith(record);
        const success = { ...succeeded(record), ...changes } as OperationRecord;
        await store.replace(success);
        await expect(store.takeOver(success, 'another', NOW_MS + 60_000)).resolves.toBeUndefined();
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record: success });
      });
    });

    describe('claimConnection', () => {
      const times = { nowMs: NOW_MS, expiresAtMs: NOW_MS + HOUR_MS };

      it('gives a connection to a single record, and may be repeated', async () => {
        const store = await makeEmpty();
        const connectionId = randomUUID();
        const records = Array.from({ length: 20 }, () => makeRecord());
        const claim = (record: OperationRecord) => store.claimConnection(connectionId, record, times);
        const first = await Promise.all(records.map(claim));
        expect(first.filter(Boolean)).toHaveLength(1);
        await expect(Promise.all(records.map(claim))).resolves.toEqual(first);
      });

      it('gives a connection to the record that holds the name, not to an earlier one', async () => {
        const settled = makeRecord();
        const store = await makeWith(settled);
        await store.replace(unknown(settled, true));
        const holder = makeRecord({ nameId: settled.nameId });
        await store.begin(holder, NOW_MS);
        const connectionId = randomUUID();
        await expect(store.claimConnection(connectionId, settled, times)).resolves.toBe(false);
        await expect(store.claimConnection(connectionId, holder, times)).resolves.toBe(true);
      });

      it('gives a connection to an earlier record once the later one is decided or has expired', async () => {
        const settled = makeRecord();
        const store = await makeWith(settled);
        await store.replace(unknown(settled, true));
        const holder = makeRecord({ nameId: settled.nameId });
        await store.begin(holder, NOW_MS);
        const later = { nowMs: holder.expiresAtMs, expiresAtMs: holder.expiresAtMs + HOUR_MS };
        await expect(store.claimConnection(randomUUID(), settled, later)).resolves.toBe(true);
        await store.replace(rejected(holder));
        await expect(store.claimConnection(randomUUID(), settled, times)).resolves.toBe(true);
      });

      it('leaves a connection with the record that claimed it, even if another one holds the name now', async () => {
        const first = makeRecord();
        const store = await makeWith(first);
        const connectionId = randomUUID();
        await store.claimConnection(connectionId, first, times);
        await store.replace(succeeded(first));
        const next = makeRecord({ nameId: first.nameId });
        await store.begin(next, NOW_MS);
        await expect(store.claimConnection(connectionId, first, times)).resolves.toBe(true);
        await expect(store.claimConnection(connectionId, next, times)).resolves.toBe(false);
      });

      it('is implied by a success, even if the record has a new owner by then', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        const connectionId = randomUUID();
        await store.replace({ ...succeeded(record, connectionId), owner: 'an earlier owner' });
        await expect(store.claimConnection(connectionId, makeRecord(), times)).resolves.toBe(false);
        await expect(store.claimConnection(connectionId, record, times)).resolves.toBe(true);
      });

      it('is not implied by a success if another record has claimed the connection', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        const connectionId = randomUUID();
        const first = makeRecord();
        await store.claimConnection(connectionId, first, times);
        await expect(store.replace(succeeded(record, connectionId))).resolves.toBe(true);
        await expect(store.claimConnection(connectionId, first, times)).resolves.toBe(true);
        await expect(store.claimConnection(connectionId, record, times)).resolves.toBe(false);
      });

      it('gives a connection to no other record while the record that holds the name is unreadable', async () => {
        const { store, putText } = await makeStore();
        const holder = makeRecord();
        await store.begin(holder, NOW_MS);
        await putText(holder.id, '{"version":2}');
        const other = makeRecord({ nameId: holder.nameId });
        await expect(store.claimConnection(randomUUID(), other, times)).resolves.toBe(false);
        await expect(store.claimConnection(randomUUID(), holder, times)).resolves.toBe(true);
      });
    });

    describe('noteDeletion and hasDeletion', () => {
      const times = { nowMs: NOW_MS, expiresAtMs: NOW_MS + HOUR_MS };

      it('keep a deletion for every user of the store until it expires', async () => {
        const { store, openAnother } = await makeStore();
        const another = await openAnother();
        const id = randomHash();
        await expect(another.hasDeletion(id, NOW_MS)).resolves.toBe(false);
        await store.noteDeletion(id, times);
        await expect(another.hasDeletion(id, NOW_MS)).resolves.toBe(true);
        await expect(another.hasDeletion(id, times.expiresAtMs - 1)).resolves.toBe(true);
        await expect(another.hasDeletion(id, times.expiresAtMs)).resolves.toBe(false);
        await expect(another.hasDeletion(randomHash(), NOW_MS)).resolves.toBe(false);
      });

      it('use the last expiry of several, even concurrent, deletions', async () => {
        const store = await makeEmpty();
        const id = randomHash();
        await Promise.all(Array.from({ length: 20 }, () => store.noteDeletion(id, times)));
        const laterMs = times.expiresAtMs + HOUR_MS;
        await store.noteDeletion(id, { nowMs: NOW_MS, expiresAtMs: laterMs });
        await expect(store.hasDeletion(id, laterMs - 1)).resolves.toBe(true);
        await expect(store.hasDeletion(id, laterMs)).resolves.toBe(false);
      });

      it('do not affect records', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        await store.noteDeletion(record.id, times);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
        await store.remove(record);
        await expect(store.hasDeletion(record.id, NOW_MS)).resolves.toBe(true);
        await expect(store.findAbandoned(PROJECT_ID, record.ownedUntilMs)).resolves.toEqual([]);
      });
    });

    describe('findAbandoned', () => {
      it('returns the undecided records whose ownership has expired', async () => {
        const store = await makeEmpty();
        const ownedUntilMs = NOW_MS + 1_000;
        const records = Array.from({ length: 5 }, () => makeRecord({ ownedUntilMs }));
        const owned = makeRecord({ ownedUntilMs: ownedUntilMs + 1 });
        for (const record of [...records, owned]) await store.begin(record, NOW_MS);
        const [sending, lost, settled, done, refused] = records.map((record, index) =>
          [record, unknown(record), unknown(record, true), succeeded(record), rejected(record)].at(index),
        );
        for (const record of [lost, settled, done, refused]) if (record !== undefined) await store.replace(record);
        const sorted = (found: (OperationRecord | undefined)[]) =>
          found.toSorted((a, b) => (a?.id ?? '').localeCompare(b?.id ?? ''));
        await expect(store.findAbandoned(PROJECT_ID, ownedUntilMs - 1)).resolves.toEqual([]);
        await expect(store.hasAbandoned(ownedUntilMs - 1)).resolves.toBe(false);
        await expect(store.hasAbandoned(ownedUntilMs)).resolves.toBe(true);
        expect(sorted(await store.findAbandoned(PROJECT_ID, ownedUntilMs))).toEqual(sorted([sending, lost]));
        expect(await store.findAbandoned(PROJECT_ID, ownedUntilMs + 1)).toContainEqual(owned);
      });

      it('returns the records of the project, no matter how many older ones of other projects are open', async () => {
        const { store, openAnother } = await makeStore();
        const others = Array.from({ length: 2_010 }, () => makeRecord({ projectId: randomHash() }));
        for (let start = 0; start < others.length; start += 100)
          await Promise.all(others.slice(start, start + 100).map(record => store.begin(record, NOW_MS)));
        const records = Array.from({ length: 2 }, (_, index) => makeRecord({ ownedUntilMs: NOW_MS + 26_000 + index }));
        for (const record of records) await store.begin(record, NOW_MS);
        const abandoned = await (await openAnother()).findAbandoned(PROJECT_ID, NOW_MS + 27_000);
        expect(new Set(abandoned)).toEqual(new Set(records));
      });

      it('skips a record that was taken over until the new ownership has expired', async () => {
        const record = makeRecord();
        const store = await makeWith(record);
        const ownedUntilMs = record.ownedUntilMs + 30_000;
        await store.takeOver(record, 'another', ownedUntilMs);
        await expect(store.findAbandoned(PROJECT_ID, ownedUntilMs - 1)).resolves.toEqual([]);
        await expect(store.findAbandoned(PROJECT_ID, ownedUntilMs)).resolves.toMatchObject([
          { id: record.id, owner: 'another' },
        ]);
      });
    });

    describe('findOpen', () => {
      it('returns the open records of all projects, owned or not', async () => {
        const store = await makeEmpty();
        const records = Array.from({ length: 5 }, (_, index) =>
          makeRecord({ projectId: randomHash(), sentAtMs: NOW_MS - index }),
        );
        for (const record of records) await store.begin(record, NOW_MS);
        const [, lost, settled, done, refused] = records.map((record, index) =>
          [record, unknown(record), unknown(record, true), succeeded(record), rejected(record)].at(index),
        );
        for (const record of [lost, settled, done, refused]) if (record !== undefined) await store.replace(record);
        const open = (await store.findOpen(NOW_MS)).map(({ state, sentAtMs }) => ({ state, sentAtMs }));
        expect(open.toSorted((a, b) => b.sentAtMs - a.sentAtMs)).toEqual([
          { state: 'SENDING', sentAtMs: NOW_MS },
          { state: 'UNKNOWN', sentAtMs: NOW_MS - 1 },
        ]);
        expect(await store.findOpen(NOW_MS + 30 * 24 * HOUR_MS)).toEqual([]);
      });

      it('returns at most 1,000', async () => {
        const { store, openAnother } = await makeStore();
        const records = Array.from({ length: 1_010 }, () => makeRecord());
        for (let start = 0; start < records.length; start += 100)
          await Promise.all(records.slice(start, start + 100).map(record => store.begin(record, NOW_MS)));
        expect(await (await openAnother()).findOpen(NOW_MS)).toHaveLength(1_000);
      });
    });

    describe('a record of a newer gateway', () => {
      it.each([1, 2])(
        'is read, taken over and replaced with the fields that only the newer gateway knows: version %i',
        async version => {
          const { store, putText } = await makeStore();
          const record = makeRecord();
          await store.begin(record, NOW_MS);
          const stored = { ...record, version, fence: 7, wanted: { ...record.wanted, zone: { id: 'z1' } } };
          await putText(record.id, JSON.stringify(stored));
          await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record: stored });
          await expect(store.begin(makeRecord({ nameId: record.nameId }), NOW_MS)).resolves.toEqual({
            kind: 'nameHeld',
            record: stored,
          });
          const [abandoned] = await store.findAbandoned(PROJECT_ID, record.ownedUntilMs);
          expect(abandoned).toEqual(stored);
          const taken = await store.takeOver(record, 'another', NOW_MS + 60_000);
          expect(taken).toEqual({ ...stored, owner: 'another', ownedUntilMs: NOW_MS + 60_000 });
          if (taken?.state !== 'SENDING') throw new Error('not taken over');
          const success = { connectionId: 'c', message: null, isReconciled: true };
          await store.replace(toSucceeded(toUnknown(taken, { unknownReason: 'GATEWAY_RESTART' }), success, NOW_MS));
          await expect(store.find(record.id, NOW_MS)).resolves.toMatchObject({
            kind: 'found',
            record: { state: 'SUCCEEDED', version, fence: 7, wanted: stored.wanted },
          });
          await expect(store.remove({ id: record.id, owner: 'another' })).resolves.toBe(true);
        },
      );
    });

    describe('a text that this version cannot read as a record', () => {
      const record = makeRecord();
      const { connectionId: _missing, ...unanswered } = succeeded(record);
      it.each([
        ['an empty text', ''],
        ['invalid JSON', '{"version":1,'],
        ['JSON that is not an object', '[1]'],
        ['the version after next', JSON.stringify({ ...record, version: 3 })],
        ['no version', JSON.stringify({ ...record, version: undefined })],
        ['an unknown state', JSON.stringify({ ...record, state: 'DONE' })],
        ['a field of the wrong type', JSON.stringify({ ...record, expiresAtMs: 'never' })],
        ['a missing field', JSON.stringify({ ...record, owner: undefined })],
        ['a success without its connection', JSON.stringify(unanswered)],
      ])('is unreadable and is kept: %s', async (_case, text) => {
        const { store, putText, health } = await makeStore();
        await store.begin(record, NOW_MS);
        await putText(record.id, text);
        expect(health.unreadable).toBe(0);
        await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'unreadable' });
        expect(health.unreadable).toBe(1);
        await expect(store.begin(makeRecord({ id: record.id }), NOW_MS)).resolves.toEqual({
          kind: 'unreadable',
        });
        await expect(store.findAbandoned(PROJECT_ID, record.ownedUntilMs)).resolves.toEqual([]);
        expect(health.unreadable).toBe(1);
        await expect(store.takeOver(record, 'another', NOW_MS)).resolves.toBeUndefined();
        await expect(store.begin(makeRecord({ nameId: record.nameId }), NOW_MS)).resolves.toEqual({
          kind: 'unreadable',
        });
      });
    });
  });
}
