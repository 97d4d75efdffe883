import { expect, it } from '@jest/globals';
import { WriteBehind } from '../../src/idempotency/write-behind.js';
import { StoreUnavailableError } from '../../src/operation-store/operation-store.js';
import type { OperationRecord, SendingRecord } from '../../src/operation-store/record-format.js';
import { makeRecord, succeeded } from '../operation-store/helpers/operation-store-contract.js';

/** One more than the queue holds of each kind. */
const TOO_MANY = 10_001;

/** A queue on a store that responds on command; a real store cannot be made to fail in a given order. */
function startHeldWriter() {
  const sent: { state: OperationRecord['state'] | 'removed'; answer(isAvailable: boolean, error?: Error): void }[] = [];

  const hold = (state: OperationRecord['state'] | 'removed') =>
    new Promise<boolean>((resolve, reject) => {
      const answer = (isAvailable: boolean, error: Error = new StoreUnavailableError()) =>
        isAvailable ? resolve(true) : reject(error);
      sent.push({ state, answer });
    });
  const store = {
    replace: ({ state }: OperationRecord) => hold(state),
    remove: () => hold('removed'),
  };
  const dropped: (number | undefined)[] = [];
  const bugs: object[] = [];
  const log = {
    warn: ({ count }: { count?: number }) => void dropped.push(count),
    error: (record: object) => void bugs.push(record),
  };
  return { writer: new WriteBehind(store, { monotonicMs: () => 0 }, log), sent, dropped, bugs };
}

function unknown(record: SendingRecord): OperationRecord {
  return { ...record, state: 'UNKNOWN', unknownReason: 'CONNECTION_LOST' };
}

it('the write-behind queue does not retry an older write of a record once a newer one is stored', async () => {
  const { writer, sent } = startHeldWriter();
  const record = makeRecord();
  const first = writer.write(unknown(record));
  sent[0]?.answer(false);
  await first;
  const repeated = writer.close();
  const second = writer.write(succeeded(record));
  sent[2]?.answer(true);
  await second;
  sent[1]?.answer(false);
  await repeated;
  expect(writer.pending(record.id)).toBeUndefined();
  await writer.close();
  expect(sent.map(({ state }) => state)).toEqual(['UNKNOWN', 'UNKNOWN', 'SUCCEEDED']);
});

it('the write-behind queue does not send an older write of a record after a newer one', async () => {
  const { writer, sent } = startHeldWriter();
  const record = makeRecord();
  const first = writer.write(unknown(record));
  sent[0]?.answer(false);
  await first;
  const second = writer.write(succeeded(record));
  await writer.close();
  expect(sent.map(({ state }) => state)).toEqual(['UNKNOWN', 'SUCCEEDED']);
  sent[1]?.answer(false);
  await second;
  expect(writer.pending(record.id)).toEqual(succeeded(record));
});

it('the write-behind queue keeps a result, no matter how many removals are queued', async () => {
  const { writer, sent } = startHeldWriter();
  const removed = Array.from({ length: TOO_MANY }, (_, index) => writer.remove({ id: `id ${index}`, owner: 'owner' }));
  for (const { answer } of sent) answer(false);
  await Promise.all(removed);
  const record = makeRecord();
  const written = writer.write(succeeded(record));
  sent.at(-1)?.answer(false);
  await written;
  expect(writer.pending(record.id)).toEqual(succeeded(record));
});

it('the write-behind queue logs how many writes it had to drop', async () => {
  const { writer, sent, dropped } = startHeldWriter();
  const success = succeeded(makeRecord());
  const written = Array.from({ length: TOO_MANY }, (_, index) => writer.write({ ...success, id: `id ${index}` }));
  for (const { answer } of sent) answer(false);
  await Promise.all(written);
  const closed = writer.close();
  for (const { answer } of sent) answer(true);
  await closed;
  expect(dropped).toEqual([1]);
});

it('the write-behind queue logs a bug in a repeated write, drops that write, and repeats the others', async () => {
  const { writer, sent, dropped, bugs } = startHeldWriter();
  const records = [succeeded(makeRecord()), succeeded(makeRecord())] as const;
  const written = records.map(record => writer.write(record));
  for (const { answer } of sent) answer(false);
  await Promise.all(written);
  const closed = writer.close();
  sent[2]?.answer(false, new RangeError('a bug'));
  sent[3]?.answer(true);
  await closed;
  expect(bugs).toMatchObject([{ operation: 'store', outcome: 'INTERNAL', errorName: 'RangeError' }]);
  expect(dropped).toEqual([]);
  expect(records.map(({ id }) => writer.pending(id))).toEqual([undefined, undefined]);
});
