import { describe, expect, it } from '@jest/globals';
import { KEY, NAME_TAKEN, startIdempotencyGateway, UNKNOWN } from '../helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const DUPLICATE = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };
/** DLI refuses a create although it has created the connection. */
const REFUSED_BUT_EXECUTED = { operation: 'createConnection', error: 'APIG.0613', apply: true } as const;
const UNSUCCESSFUL = { operation: 'createConnection', body: { is_success: false, message: 'no' } } as const;

describe('a retry that DLI refuses because of the name', () => {
  it('is a success if the first request created the connection', async () => {
    const { create, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject(REFUSED_BUT_EXECUTED);
    const payload = await create(CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(await create(CALL)).toEqual(payload);
    expect([posts(), applied().length]).toEqual([2, 1]);
  });

  it('is a conflict if another client created the connection before', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway();
    emulator.seedConnection({ ...DUPLICATE, createdAtMs: Date.now() - 60_000 });
    emulator.inject({ operation: 'createConnection', error: 'APIG.0613' });
    const payload = await create(CALL);
    expect(payload).toMatchObject(NAME_TAKEN);
    expect(await create(CALL)).toEqual(payload);
    expect(posts()).toBe(2);
  });

  it('is a conflict if the connection has another address', async () => {
    const { create, emulator } = await startIdempotencyGateway();
    emulator.seedConnection({ ...DUPLICATE, destination: '192.168.0.99:5432' });
    emulator.inject({ operation: 'createConnection', error: 'APIG.0613' });
    expect(await create(CALL)).toMatchObject(NAME_TAKEN);
  });

  it('is unknown while the list cannot be read, and then a success', async () => {
    const { create, createUntil, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject(REFUSED_BUT_EXECUTED);
    emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    emulator.clearFaults();
    expect(await createUntil(RECONCILED.__typename, CALL)).toMatchObject({ connectionId: applied()[0] });
    expect(posts()).toBe(2);
  });
});

describe('a 2xx response with is_success: false and no id', () => {
  it('is a refusal when the list does not show the connection, and is replayed to every repeat', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway();
    emulator.inject(UNSUCCESSFUL);
    const payload = await create(CALL);
    expect(payload).toMatchObject({ __typename: 'DliRejectedError', dliCode: null });
    expect(await create(CALL)).toEqual(payload);
    expect([posts(), emulator.ledger.count('listConnections')]).toEqual([1, 1]);
  });

  it('is a success when the list shows the connection', async () => {
    const { create, emulator, applied } = await startIdempotencyGateway();
    emulator.inject({ ...UNSUCCESSFUL, apply: true });
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
  });

  it('is unknown when the list cannot be read', async () => {
    const { create, emulator } = await startIdempotencyGateway();
    emulator.inject({ ...UNSUCCESSFUL, apply: true });
    emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'UNREADABLE_RESPONSE' });
  });
});
