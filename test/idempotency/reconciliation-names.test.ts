import { describe, expect, it } from '@jest/globals';
import {
  EXECUTED_BUT_LOST,
  KEY,
  LOST,
  NAME_TAKEN,
  startIdempotencyGateway,
  UNKNOWN,
} from '../helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const OTHER_CALL = { idempotencyKey: `${KEY}-other` };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const DUPLICATE = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };

describe('a create of an existing name', () => {
  it('is a conflict if another client created the connection', async () => {
    const { create, emulator, applied } = await startIdempotencyGateway();
    emulator.seedConnection(DUPLICATE);
    expect(await create(CALL)).toMatchObject(NAME_TAKEN);
    expect(applied()).toEqual([]);
  });

  it('is a success if its own lost request created the connection, and a conflict with another key', async () => {
    const { create, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(await create(OTHER_CALL)).toMatchObject(NAME_TAKEN);
    expect([posts(), applied().length]).toEqual([2, 1]);
  });

  it('is a success if only a deleted connection has the name', async () => {
    const { create, emulator, applied } = await startIdempotencyGateway();
    emulator.seedConnection({ ...DUPLICATE, state: 'DELETED' });
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
  });

  it('is a conflict if a failed connection of another client has the name', async () => {
    const { create, emulator } = await startIdempotencyGateway();
    emulator.seedConnection({ ...DUPLICATE, state: 'FAILED' });
    expect(await create(CALL)).toMatchObject(NAME_TAKEN);
  });

  it('is a success if its own connection has the name, even if that failed later', async () => {
    const { create, emulator } = await startIdempotencyGateway({ emulator: { creationMs: 0 } });
    emulator.inject(EXECUTED_BUT_LOST);
    const payload = await create({ ...CALL, name: 'fail_orders' });
    const [made] = emulator.connections();
    expect(made?.state).toBe('FAILED');
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: made?.connectionId });
  });

  it('is unknown if two connections have the name, where names are not unique: either may be its own', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    emulator.seedConnection(DUPLICATE);
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(posts()).toBe(1);
  });
});

describe('a connection that another client created with the same fields', () => {
  it.each([-30_000, 30_000])('within %i ms of a lost create is not taken for its connection', async offsetMs => {
    const { create, emulator, posts, settle } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    emulator.seedConnection({ ...DUPLICATE, createdAtMs: Date.now() + offsetMs });
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(1);
  });
});

describe('two creates of the same name', () => {
  it('do not both get the connection that the second of them created', async () => {
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
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(OTHER_CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(2);
  });
});
