import { describe, expect, it } from '@jest/globals';
import {
  DONE_BUT_LOST,
  KEY,
  LOST,
  NAME_TAKEN,
  startIdempotencyGateway,
  UNKNOWN,
} from './helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const OTHER_CALL = { idempotencyKey: `${KEY}-other` };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const TWIN = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };

describe('T-A19: a name that exists', () => {
  it('because somebody else made it is a conflict', async () => {
    const { create, emulator, applied } = await startIdempotencyGateway();
    emulator.seedConnection(TWIN);
    expect(await create(CALL)).toMatchObject(NAME_TAKEN);
    expect(applied()).toEqual([]);
  });

  it('because of our own lost create is a success under its key and a conflict under another', async () => {
    const { create, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(await create(OTHER_CALL)).toMatchObject(NAME_TAKEN);
    expect([posts(), applied().length]).toEqual([2, 1]);
  });

  it('only as a deleted connection is free', async () => {
    const { create, emulator, applied } = await startIdempotencyGateway();
    emulator.seedConnection({ ...TWIN, state: 'DELETED' });
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
  });

  it('as a failed connection of somebody else is a conflict', async () => {
    const { create, emulator } = await startIdempotencyGateway();
    emulator.seedConnection({ ...TWIN, state: 'FAILED' });
    expect(await create(CALL)).toMatchObject(NAME_TAKEN);
  });

  it('as our own connection that failed later is a success: it was created', async () => {
    const { create, emulator } = await startIdempotencyGateway({ emulator: { creationMs: 0 } });
    emulator.inject(DONE_BUT_LOST);
    const payload = await create({ ...CALL, name: 'fail_orders' });
    const [made] = emulator.connections();
    expect(made?.state).toBe('FAILED');
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: made?.connectionId });
  });

  it('twice, where names are not unique, is unknown: either may be ours', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    emulator.seedConnection(TWIN);
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(posts()).toBe(1);
  });
});

describe('T-A19: a twin of somebody else, alone in the list,', () => {
  it.each([-30_000, 30_000])('made %i ms from our lost create is not taken for ours', async offsetMs => {
    const { create, emulator, posts, settle } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    emulator.seedConnection({ ...TWIN, createdAtMs: Date.now() + offsetMs });
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(1);
  });
});

describe('two creates of one name', () => {
  it('do not both get the connection that the second of them made', async () => {
    const { create, emulator, posts, applied, settle } = await startIdempotencyGateway();
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(OTHER_CALL)).toMatchObject({ connectionId: applied()[0], reconciled: false });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(2);
  });

  it('do not both get the connection that was found for the second of them', async () => {
    const { create, emulator, posts, applied, settle } = await startIdempotencyGateway();
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    emulator.inject(DONE_BUT_LOST);
    expect(await create(OTHER_CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(2);
  });
});
