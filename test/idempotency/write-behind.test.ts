import { expect, it } from '@jest/globals';
import { WriteBehind } from '../../src/idempotency/write-behind.js';
import type { OperationRecord, SendingRecord } from '../../src/operation-store/operation-record.js';
import { StoreUnavailableError } from '../../src/operation-store/operation-store.js';
import { makeRecord, succeeded } from '../operation-store/helpers/operation-store-contract.js';

/** More than a writer keeps of one kind. */
const TOO_MANY = 10_001;

/** A store that answers when the test says so, and a writer on it: no real one fails in a wanted order. */
function startHeldWriter() {
  const sent: { state: OperationRecord['state'] | 'forgotten'; answer(isAvailable: boolean): void }[] = [];
  const hold = (state: OperationRecord['state'] | 'forgotten') =>
    new Promise<boolean>((resolve, reject) => {
      const answer = (isAvailable: boolean) => (isAvailable ? resolve(true) : reject(new StoreUnavailableError()));
      sent.push({ state, answer });
    });
  const store = {
    replace: ({ state }: OperationRecord) => hold(state),
    remove: () => hold('forgotten'),
  };
  const dropped: (number | undefined)[] = [];
  const log = { info: () => {}, warn: ({ count }: { count?: number }) => dropped.push(count) };
  return { writer: new WriteBehind(store, { monotonicMs: () => 0 }, log), sent, dropped };
}

function unknown(record: SendingRecord): OperationRecord {
  return { ...record, state: 'UNKNOWN', unknownReason: 'CONNECTION_LOST' };
}

it('repeats no older write of a record once the newer one is stored', async () => {
  const { writer, sent } = startHeldWriter();
  const record = makeRecord();
  const first = writer.write(unknown(record), record.owner);
  sent[0]?.answer(false);
  await first;
  const repeated = writer.close();
  const second = writer.write(succeeded(record), record.owner);
  sent[2]?.answer(true);
  await second;
  sent[1]?.answer(false);
  await repeated;
  expect(writer.pending(record.id)).toBeUndefined();
  await writer.close();
  expect(sent.map(({ state }) => state)).toEqual(['UNKNOWN', 'UNKNOWN', 'SUCCEEDED']);
});

it('sends no older write of a record after the newer one', async () => {
  const { writer, sent } = startHeldWriter();
  const record = makeRecord();
  const first = writer.write(unknown(record), record.owner);
  sent[0]?.answer(false);
  await first;
  const second = writer.write(succeeded(record), record.owner);
  await writer.close();
  expect(sent.map(({ state }) => state)).toEqual(['UNKNOWN', 'SUCCEEDED']);
  sent[1]?.answer(false);
  await second;
  expect(writer.pending(record.id)).toEqual(succeeded(record));
});

it('keeps a result however many records wait to be forgotten', async () => {
  const { writer, sent } = startHeldWriter();
  const forgotten = Array.from({ length: TOO_MANY }, (_, index) => writer.remove(`id ${index}`, 'owner'));
  for (const { answer } of sent) answer(false);
  await Promise.all(forgotten);
  const record = makeRecord();
  const written = writer.write(succeeded(record), record.owner);
  sent.at(-1)?.answer(false);
  await written;
  expect(writer.pending(record.id)).toEqual(succeeded(record));
});

it('logs how many writes it had to drop', async () => {
  const { writer, sent, dropped } = startHeldWriter();
  const records = Array.from({ length: TOO_MANY }, () => makeRecord());
  const written = records.map(record => writer.write(succeeded(record), record.owner));
  for (const { answer } of sent) answer(false);
  await Promise.all(written);
  const closed = writer.close();
  for (const { answer } of sent) answer(true);
  await closed;
  expect(dropped).toEqual([1]);
});
