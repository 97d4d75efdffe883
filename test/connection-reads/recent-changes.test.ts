import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DELETED, remove, seed } from '../helpers/deletion.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { connectionOf, pageOf } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';

afterEach(closeGateways);

/** Stands still until a test advances it, so that a list stays fresh once it was read. */
const clock = createManualClock();
const shared = shareGateway({}, clock);
const creatingAtOnce = shareGateway({ emulator: { creationMs: 0 } }, clock);
const lagging = shareGateway({ emulator: { listLagMs: 600_000 } }, clock);

async function namesIn(gateway: TestGateway, argumentsText = 'order: NAME'): Promise<string[]> {
  return (await pageOf(gateway, argumentsText)).items.map(({ name }) => name);
}

async function createId(gateway: TestGateway, name: string): Promise<string> {
  const { connectionId } = await gateway.create({ name });
  if (connectionId === undefined) throw new Error(`${name} was not created`);
  return connectionId;
}

const listCalls = ({ emulator }: TestGateway) => emulator.ledger.count('listConnections');
const getCalls = ({ emulator }: TestGateway) => emulator.ledger.count('getConnection');

describe('a list that was read before a change through this gateway', () => {
  it('has a connection that was created since, without another list call', async () => {
    const gateway = shared();
    seed(gateway.emulator, { name: 'a' });
    expect(await namesIn(gateway)).toEqual(['a']);
    const id = await createId(gateway, 'b');
    const page = await pageOf(gateway, 'order: NAME, first: 1');
    expect(page).toMatchObject({ totalCount: 2, items: [{ name: 'a' }] });
    const further = await pageOf(gateway, `order: NAME, first: 1, after: "${page.nextCursor}"`);
    expect(further).toMatchObject({ totalCount: 2, nextCursor: null, items: [{ id, state: 'CREATING' }] });
    expect([listCalls(gateway), getCalls(gateway)]).toEqual([1, 1]);
  });

  it('shows the created connection as a query by its id shows it', async () => {
    const gateway = shared();
    await pageOf(gateway);
    const id = await createId(gateway, 'b');
    expect((await pageOf(gateway)).items).toEqual([await connectionOf(gateway, id)]);
    expect(getCalls(gateway)).toBe(1);
  });

  it('has every created connection in each order and under each filter', async () => {
    const gateway = shared();
    for (const name of ['b', 'd']) seed(gateway.emulator, { name, service: 'DWS', createdAtMs: 1_000 });
    const questions = ['', 'order: OLDEST_FIRST', 'order: NAME', 'order: NAME, filter: {services: [RDS]}'];
    const ask = () => Promise.all(questions.map(async question => namesIn(gateway, question)));
    await ask();
    for (const name of ['c', 'a']) await createId(gateway, name);
    const [newestFirst = [], oldestFirst = [], byName, ofService] = await ask();
    expect([newestFirst.slice(0, 2).sort(), oldestFirst.slice(2).sort()]).toEqual([
      ['a', 'c'],
      ['a', 'c'],
    ]);
    expect([byName, ofService]).toEqual([
      ['a', 'b', 'c', 'd'],
      ['a', 'c'],
    ]);
    expect(listCalls(gateway)).toBe(1);
  });

  it('lacks a connection that was deleted since, without another call to DLI', async () => {
    const gateway = shared();
    const [, id = ''] = ['a', 'b', 'c'].map(name => seed(gateway.emulator, { name }));
    expect(await namesIn(gateway)).toEqual(['a', 'b', 'c']);
    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    const calls = getCalls(gateway);
    expect(await pageOf(gateway, 'order: NAME')).toMatchObject({
      totalCount: 2,
      items: [{ name: 'a' }, { name: 'c' }],
    });
    expect([listCalls(gateway), getCalls(gateway)]).toEqual([1, calls]);
  });

  it.each([
    ['as DELETED while DLI has it', {}, ['a', 'b'], 'DELETED'],
    ['not at all once DLI has removed it', { tombstoneMs: 0, notFoundError: 'DLI.0002' as const }, ['b'], undefined],
  ])('is read again if it shows deleted connections, and shows one %s', async (_what, emulator, names, state) => {
    const gateway = await startGateway({ clock: createManualClock(), emulator });
    const [id = ''] = ['a', 'b'].map(name => seed(gateway.emulator, { name }));
    const question = 'order: NAME, filter: {includeDeleted: true}';
    expect(await namesIn(gateway, question)).toEqual(['a', 'b']);
    await remove(gateway, id);
    expect(await namesIn(gateway)).toEqual(['b']);
    expect(await namesIn(gateway, question)).toEqual(names);
    expect((await connectionOf(gateway, id))?.state).toBe(state);
    expect(listCalls(gateway)).toBe(2);
  });

  it('lacks a connection that was created and deleted since', async () => {
    const gateway = creatingAtOnce();
    expect(await namesIn(gateway)).toEqual([]);
    const id = await createId(gateway, 'a');
    expect(await namesIn(gateway)).toEqual(['a']);
    await remove(gateway, id);
    expect(await namesIn(gateway)).toEqual([]);
    expect(listCalls(gateway)).toBe(1);
  });

  it('lacks a connection that was deleted elsewhere when its create is repeated', async () => {
    const emulator = { creationMs: 0, tombstoneMs: 0, notFoundError: 'DLI.0002' as const };
    const gateway = await startGateway({ clock: createManualClock(), emulator });
    const idempotencyKey = randomUUID();
    const create = () => gateway.create({ name: 'a', idempotencyKey });
    const { connectionId = '' } = await create();
    gateway.emulator.reset();
    expect(await namesIn(gateway)).toEqual([]);
    expect(await create()).toMatchObject({ connectionId });
    expect(await namesIn(gateway)).toEqual([]);
  });

  it('lacks a connection that was deleted since when its create is repeated', async () => {
    const gateway = creatingAtOnce();
    const idempotencyKey = randomUUID();
    const create = () => gateway.create({ name: 'a', idempotencyKey });
    const { connectionId = '' } = await create();
    expect(await namesIn(gateway)).toEqual(['a']);
    await remove(gateway, connectionId);
    expect(await create()).toMatchObject({ connectionId });
    expect(await namesIn(gateway)).toEqual([]);
    expect(listCalls(gateway)).toBe(1);
  });

  it('is read again after a create with an unknown outcome', async () => {
    const gateway = await startGateway({ env: { READ_FRESHNESS_MS: '60000', OPERATION_TIMEOUT_MS: '5000' } });
    expect(await namesIn(gateway)).toEqual([]);
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'close', apply: true });
    gateway.emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    const payload = await gateway.create({ name: 'a' });
    gateway.emulator.clearFaults();
    expect(payload).toMatchObject({ __typename: 'OutcomeUnknownError' });
    expect(await namesIn(gateway)).toEqual(['a']);
  });

  it('is read again after a delete with an unknown outcome', async () => {
    const gateway = await startGateway({ env: { READ_FRESHNESS_MS: '60000', OPERATION_TIMEOUT_MS: '5000' } });
    const id = seed(gateway.emulator, { name: 'a' });
    expect(await namesIn(gateway)).toEqual(['a']);
    gateway.emulator.inject({ operation: 'deleteConnection', behaviour: 'close', apply: true });
    // The delete begins with a get, which is to succeed.
    gateway.emulator.inject({ operation: 'getConnection', status: 500, times: 0, skip: 1 });
    expect(await remove(gateway, id)).toMatchObject({ __typename: 'DeleteOutcomeUnknownError' });
    gateway.emulator.clearFaults();
    expect(await namesIn(gateway)).toEqual([]);
    expect(listCalls(gateway)).toBe(2);
  });

  it('is read again if DLI does not describe the created connection', async () => {
    const gateway = shared();
    expect(await namesIn(gateway)).toEqual([]);
    await createId(gateway, 'a');
    gateway.emulator.inject({ operation: 'getConnection', status: 500, times: 0 });
    expect(await namesIn(gateway)).toEqual(['a']);
    expect(listCalls(gateway)).toBe(2);
  });

  it('is read again, once, if very many connections were created since', async () => {
    const gateway = shared();
    expect(await namesIn(gateway)).toEqual([]);
    const names = Array.from({ length: 11 }, (_, index) => `n${index + 10}`);
    await Promise.all(names.map(name => createId(gateway, name)));
    expect(await namesIn(gateway)).toEqual(names);
    expect([listCalls(gateway), getCalls(gateway)]).toEqual([2, 0]);
  });

  it('shows changes by others as soon as it is older than READ_FRESHNESS_MS, despite changes through this gateway', async () => {
    const gateway = shared();
    const theirs = seed(gateway.emulator, { name: 'theirs', state: 'CREATING' });
    expect(await namesIn(gateway)).toEqual(['theirs']);
    gateway.emulator.seedConnection({ connectionId: theirs, name: 'theirs', state: 'FAILED' });
    seed(gateway.emulator, { name: 'also_theirs' });
    await createId(gateway, 'ours');
    expect(await namesIn(gateway)).toEqual(['ours', 'theirs']);
    clock.advance(1_001);
    const { items } = await pageOf(gateway, 'order: NAME');
    expect(items.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'also_theirs ACTIVE',
      'ours CREATING',
      'theirs FAILED',
    ]);
  });
});

describe('while the list of DLI lags behind', () => {
  it('a created connection stays in the list', async () => {
    const gateway = lagging();
    const id = await createId(gateway, 'a');
    for (let read = 1; read <= 3; read += 1) {
      expect((await pageOf(gateway)).items).toEqual([await connectionOf(gateway, id)]);
      expect([listCalls(gateway), getCalls(gateway)]).toEqual([read, read]);
      clock.advance(1_001);
    }
  });

  it('a created connection appears even if DLI denied it at first', async () => {
    const gateway = lagging();
    await createId(gateway, 'a');
    gateway.emulator.inject({ operation: 'getConnection', status: 404, error: 'DLI.0002', times: 2 });
    expect(await Promise.all([namesIn(gateway), namesIn(gateway)])).toEqual([[], []]);
    clock.advance(1_001);
    expect(await namesIn(gateway)).toEqual([]);
    clock.advance(1_001);
    expect(await namesIn(gateway)).toEqual(['a']);
  });

  it('the list is read once a second, however many created connections it lacks', async () => {
    const gateway = lagging();
    const names = Array.from({ length: 12 }, (_, index) => `c${String(index).padStart(2, '0')}`);
    for (const name of names) await createId(gateway, name);
    expect(await namesIn(gateway)).toEqual(names.slice(-10));
    const others = ['d0', 'd1', 'd2'];
    for (const name of others) {
      await createId(gateway, name);
      expect(await namesIn(gateway)).toContain(name);
    }
    expect(listCalls(gateway)).toBe(1);
  });

  it('a deleted connection does not return', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator, { name: 'a' });
    await remove(gateway, id);
    const connections = [{ connection_id: id, name: 'a', state: 'ACTIVE' }];
    gateway.emulator.inject({ operation: 'listConnections', body: { connections }, times: 0 });
    for (let read = 1; read <= 2; read += 1) {
      expect(await namesIn(gateway)).toEqual([]);
      const { items } = await pageOf(gateway, 'filter: {includeDeleted: true}');
      expect(items).toMatchObject([{ id, state: 'DELETED' }]);
      expect(listCalls(gateway)).toBe(read);
      clock.advance(1_001);
    }
  });

  it('the list of DLI is authoritative after a minute', async () => {
    const gateway = lagging();
    await createId(gateway, 'a');
    expect(await namesIn(gateway)).toEqual(['a']);
    clock.advance(60_001);
    expect(await namesIn(gateway)).toEqual([]);
  });
});
