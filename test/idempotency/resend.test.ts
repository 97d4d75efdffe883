import { describe, expect, it } from '@jest/globals';
import type { EmulatorOptions } from '../../src/emulator/emulator.js';
import type { OnceGateway } from './helpers/once-gateway.js';
import {
  DONE_BUT_LOST,
  IN_PROGRESS,
  KEY,
  LOST,
  NAME_TAKEN,
  startOnce,
  UNKNOWN,
} from './helpers/once-gateway.js';

const CALL = { idempotencyKey: KEY };
const OTHER_CALL = { idempotencyKey: `${KEY}-other` };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const TWIN = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };

/** A gateway that trusts DLI to refuse a second connection of a name, with one create that left no trace. */
async function startWithSettled(emulator: Partial<EmulatorOptions> = {}): Promise<OnceGateway> {
  const gateway = await startOnce({ env: { DLI_NAMES_ARE_UNIQUE: 'true' }, emulator });
  gateway.emulator.inject(LOST);
  expect(await gateway.create(CALL)).toMatchObject(UNKNOWN);
  await gateway.settle();
  return gateway;
}

describe('a repeat of a create that left no trace, where names are unique', () => {
  it('sends it once more, and creates', async () => {
    const { create, posts, applied } = await startWithSettled();
    const payload = await create(CALL);
    expect(payload).toMatchObject({ ...SUCCESS, reconciled: false, connectionId: applied()[0] });
    expect(await create(CALL)).toEqual(payload);
    expect([posts(), applied().length]).toEqual([2, 1]);
  });

  it('finds the late twin that its name meets', async () => {
    const { create, emulator, posts, applied } = await startWithSettled();
    // The first answer to the look before it is sent misses what the name already meets.
    emulator.inject({ operation: 'listConnections', body: { is_success: true, connections: [] } });
    const { connectionId } = emulator.seedConnection(TWIN);
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, reconciled: true, connectionId });
    expect([posts(), applied()]).toEqual([2, []]);
  });

  it('sends nothing while several may be its own, although none was there before', async () => {
    const { create, emulator, posts } = await startWithSettled({ uniqueNames: false });
    for (const twin of [TWIN, TWIN]) emulator.seedConnection(twin);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(1);
  });

  it('is a conflict when its name meets the connection of somebody else', async () => {
    const { create, emulator, posts } = await startWithSettled();
    emulator.seedConnection({ ...TWIN, destination: '192.168.0.99:5432' });
    expect(await create(CALL)).toMatchObject(NAME_TAKEN);
    expect(posts()).toBe(2);
  });

  it('is sent no third time, whatever became of the second', async () => {
    const { create, emulator, posts, settle } = await startWithSettled();
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(2);
  });

  it('finds the connection of a second request whose answer was lost', async () => {
    const { create, emulator, posts, applied } = await startWithSettled();
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, reconciled: true, connectionId: applied()[0] });
    expect(posts()).toBe(2);
  });

  it('stays unknown after a refusal of the second request, and may be sent again', async () => {
    const { create, emulator, posts, applied } = await startWithSettled();
    emulator.inject({ operation: 'createConnection', error: 'DLI.1028' });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId: applied()[0] });
    expect(posts()).toBe(3);
  });

  it('waits while another create of its name is under way', async () => {
    const { create, emulator, posts } = await startWithSettled();
    emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    const other = create(OTHER_CALL);
    await emulator.ledger.waitFor('createConnection', 2);
    expect(await create(CALL)).toMatchObject(IN_PROGRESS);
    expect(posts()).toBe(2);
    // Breaks off the call that hangs.
    await emulator.close();
    await other;
  });
});

describe('a create of which the list shows two, where names are said to be unique', () => {
  it('is given up as unknown and not sent again', async () => {
    const env = { DLI_NAMES_ARE_UNIQUE: 'true' };
    const { create, emulator, posts, settle, passMs } = await startOnce({
      env,
      emulator: { uniqueNames: false },
    });
    emulator.seedConnection(TWIN);
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    passMs(7_000);
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(1);
  });
});
