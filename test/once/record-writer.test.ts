import { expect, it } from '@jest/globals';
import type { OperationRecord } from '../../src/once/operation-record.js';
import { StoreUnavailableError } from '../../src/once/record-store.js';
import { RecordWriter } from '../../src/once/record-writer.js';
import { makeRecord, succeeded } from './record-store-contract.js';

/** A store that answers when the test says so, and a writer on it: no real one fails in a wanted order. */
function startHeldWriter() {
  const sent: { state: OperationRecord['state'] | 'forgotten'; answer(isAvailable: boolean): void }[] = [];
  const hold = (state: OperationRecord['state'] | 'forgotten') =>
    new Promise<boolean>((resolve, reject) => {
      const answer = (isAvailable: boolean) =>
        isAvailable ? resolve(true) : reject(new StoreUnavailableError());
      sent.push({ state, answer });
    });
  const store = {
    replace: ({ state }: OperationRecord) => hold(state),
    remove: () => hold('forgotten'),
  };
  return { writer: new RecordWriter(store, () => 0), sent };
}

function unknown(record: OperationRecord): OperationRecord {
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
  expect(writer.unwritten(record.id)).toBeUndefined();
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
  expect(writer.unwritten(record.id)).toEqual(succeeded(record));
});
