import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import {
  DONE_BUT_LOST,
  IN_PROGRESS,
  KEY,
  LOST,
  startIdempotencyGateway,
  UNKNOWN,
} from './helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const OTHER_CALL = { idempotencyKey: `${KEY}-other` };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
/** What the example create would look like in the emulator. */
const OURS = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };
const ID = '6a2cb1d1-5ecb-4b1e-8a4f-0a5b52d9a1b0';

const DECOYS: readonly [what: string, decoy: () => Record<string, unknown>][] = [
  ['of another service', () => ({ ...OURS, service: 'CSS' })],
  ['of another address', () => ({ ...OURS, destination: '192.168.0.12:5433' })],
  ['of a name in other case', () => ({ ...OURS, name: 'Orders_pg' })],
  ['that is six minutes older', () => ({ ...OURS, createdAtMs: Date.now() - 6 * 60_000 })],
  ['that is deleted', () => ({ ...OURS, state: 'DELETED' })],
];

describe('a connection that looks like ours', () => {
  it.each(DECOYS)('and is one %s is never taken for a create that was not done', async (_what, decoy) => {
    const { create, emulator, posts, settle } = await startIdempotencyGateway();
    emulator.inject(LOST);
    emulator.seedConnection(decoy());
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(1);
  });

  it('and differs does not hide ours among many', async () => {
    const { create, emulator, applied } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    for (const [, decoy] of DECOYS) emulator.seedConnection(decoy());
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
  });

  it('fits in every spelling of its service', async () => {
    const { create, emulator } = await startIdempotencyGateway();
    emulator.inject(LOST);
    const made = emulator.seedConnection({ ...OURS, name: 'tables', service: 'ct', destination: 'zk1:2181' });
    const call = { ...CALL, name: 'tables', service: 'CLOUD_TABLE', url: 'zk1:2181' };
    expect(await create(call)).toMatchObject({ ...RECONCILED, connectionId: made.connectionId });
  });
});

/** The list as DLI would send it with our connection, some of whose fields are changed. */
function listBody(changes: Record<string, unknown>) {
  const { name, service, destination } = OURS;
  const whole = { connection_id: ID, name, service, destination, state: 'ACTIVE', create_time: Date.now() };
  return { is_success: true, message: '', count: 1, connections: [{ ...whole, ...changes }] };
}

const NO_VERDICT: readonly [what: string, answer: () => Partial<Fault>][] = [
  ['without the id', () => ({ body: listBody({ connection_id: undefined }) })],
  ['without the name', () => ({ body: listBody({ name: undefined }) })],
  ['without the service', () => ({ body: listBody({ service: undefined }) })],
  ['without the address', () => ({ body: listBody({ destination: undefined }) })],
  ['without the time', () => ({ body: listBody({ create_time: undefined }) })],
  ['with the time as a text', () => ({ body: listBody({ create_time: '2024-01-01' }) })],
  ['cut short', () => ({ body: { is_success: true, count: 1, connections: [] } })],
  ['that says it failed', () => ({ body: { is_success: false, count: 0, connections: [] } })],
  ['without connections', () => ({ body: { is_success: true, count: 0 } })],
  ['of no JSON', () => ({ body: '<html></html>' })],
  ['of 17 MB', () => ({ behaviour: 'huge', hugeBytes: 17 * 1_024 * 1_024 })],
  ['broken off', () => ({ behaviour: 'resetDuringAnswer' })],
  ['with status 500', () => ({ status: 500 })],
  ['with status 403', () => ({ error: 'APIG.0302' })],
];

describe('a list', () => {
  it('with a connection that is six minutes ahead does not show ours', async () => {
    const { create, emulator, settle } = await startIdempotencyGateway();
    emulator.inject(LOST);
    const body = listBody({ create_time: Date.now() + 6 * 60_000 });
    emulator.inject({ operation: 'listConnections', times: 0, body });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
  });

  it.each(NO_VERDICT)('%s proves nothing: the name stays held, and a good list decides', async (_what, answer) => {
    const { create, createUntil, passMs, looks, emulator, posts, applied } = await startIdempotencyGateway({
      env: { RECONCILE_SETTLE_MS: '1500' },
    });
    emulator.inject(DONE_BUT_LOST);
    emulator.inject({ operation: 'listConnections', times: 0, ...answer() });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    // Empty lists would have settled it by then.
    passMs(2_500);
    await looks(2);
    expect(await create(OTHER_CALL)).toMatchObject(IN_PROGRESS);
    emulator.clearFaults();
    const payload = await createUntil('CreateDatasourceConnectionSuccess', CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });

  it('that never comes leaves the answer in time, and the next one decides', async () => {
    const { create, createUntil, passMs, emulator, posts, applied } = await startIdempotencyGateway({
      env: { OPERATION_TIMEOUT_MS: '2000' },
    });
    emulator.inject(DONE_BUT_LOST);
    emulator.inject({ operation: 'listConnections', behaviour: 'hang' });
    const startMs = performance.now();
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    // The list itself is waited for up to 12 s.
    expect(performance.now() - startMs).toBeLessThan(10_000);
    // The first call holds the record for the time of its operation and 5 s.
    passMs(7_000);
    const payload = await createUntil('CreateDatasourceConnectionSuccess', CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });
});
