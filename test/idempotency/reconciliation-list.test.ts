import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import {
  EXECUTED_BUT_LOST,
  freshCall,
  IN_PROGRESS,
  KEY,
  LOST,
  shareIdempotencyGateway,
  startIdempotencyGateway,
  UNKNOWN,
} from '../helpers/idempotency-gateway.js';
import { inParallel } from '../helpers/in-parallel.js';

const CALL = { idempotencyKey: KEY };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
/** The connection of the example create in the emulator. */
const OURS = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };
const ID = '6a2cb1d1-5ecb-4b1e-8a4f-0a5b52d9a1b0';

/** Connections that differ from ours in one respect. */
const SIMILAR: readonly [what: string, changes: (name: string, nowMs: number) => Record<string, unknown>][] = [
  ['with another service', () => ({ service: 'CSS' })],
  ['with another address', () => ({ destination: '192.168.0.12:5433' })],
  ['with its name in another case', name => ({ name: name.toUpperCase() })],
  ['that was created six minutes earlier', (_name, nowMs) => ({ createdAtMs: nowMs - 6 * 60_000 })],
  ['that is deleted', () => ({ state: 'DELETED' })],
];

describe('a similar connection in the list', () => {
  const shared = shareIdempotencyGateway();

  it.each(SIMILAR)('%s is not taken for a create that was not executed', async (_what, changes) => {
    const { create, emulator, posts, settle, nowMs } = shared();
    const call = freshCall();
    emulator.inject(LOST);
    emulator.seedConnection({ ...OURS, name: call.name, ...changes(call.name, nowMs()) });
    expect(await create(call)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(call)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(1);
  });

  it('does not hide the connection that matches', async () => {
    const { create, emulator, applied } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    for (const [, changes] of SIMILAR) emulator.seedConnection({ ...OURS, ...changes(OURS.name, Date.now()) });
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
  });

  it('matches with any spelling of its service', async () => {
    const { create, emulator } = await startIdempotencyGateway();
    emulator.inject(LOST);
    const made = emulator.seedConnection({ ...OURS, name: 'tables', service: 'ct', destination: 'zk1:2181' });
    const call = { ...CALL, name: 'tables', service: 'CLOUD_TABLE', url: 'zk1:2181' };
    expect(await create(call)).toMatchObject({ ...RECONCILED, connectionId: made.connectionId });
  });
});

/** A list with the connection of a create made now, with changes to its fields. */
function listBody(name: string, nowMs: number, changes: Record<string, unknown>) {
  const { service, destination } = OURS;
  const complete = { connection_id: ID, name, service, destination, state: 'ACTIVE', create_time: nowMs };
  return { is_success: true, message: '', count: 1, connections: [{ ...complete, ...changes }] };
}

const UNUSABLE_LISTS: readonly [what: string, answer: (name: string, nowMs: number) => Partial<Fault>][] = [
  ['without the id', (...now) => ({ body: listBody(...now, { connection_id: undefined }) })],
  ['without the name', (...now) => ({ body: listBody(...now, { name: undefined }) })],
  ['without the service', (...now) => ({ body: listBody(...now, { service: undefined }) })],
  ['without the address', (...now) => ({ body: listBody(...now, { destination: undefined }) })],
  ['without the time', (...now) => ({ body: listBody(...now, { create_time: undefined }) })],
  ['with the time as a string', (...now) => ({ body: listBody(...now, { create_time: '2024-01-01' }) })],
  ['with fewer connections than its count', () => ({ body: { is_success: true, count: 1, connections: [] } })],
  ['with is_success: false', () => ({ body: { is_success: false, count: 0, connections: [] } })],
  ['without connections', () => ({ body: { is_success: true, count: 0 } })],
  ['that is not JSON', () => ({ body: '<html></html>' })],
  ['of 17 MB', () => ({ behaviour: 'huge', hugeBytes: 17 * 1_024 * 1_024 })],
  ['interrupted by a reset', () => ({ behaviour: 'resetDuringAnswer' })],
  ['with status 500', () => ({ status: 500 })],
  ['with status 403', () => ({ error: 'APIG.0302' })],
];

/** To start all of them at once would take seconds of CPU time in a row. */
const GATEWAYS_AT_A_TIME = 4;

/** Sends a create that is executed but lost, while DLI answers every read of the list like this, and repeats it. */
async function createWithLists(answer: (typeof UNUSABLE_LISTS)[number][1]) {
  // The gateway gives up after 150 s, enough for a slow machine to read all lists several times.
  const env = { RECONCILE_SETTLE_MS: '20000', OPERATION_TIMEOUT_MS: '60000' };
  const { create, createUntilDecided, advance, waitForListReads, emulator, posts, applied, nowMs } =
    await startIdempotencyGateway({ env });
  emulator.inject(EXECUTED_BUT_LOST);
  emulator.inject({ operation: 'listConnections', times: 0, ...answer(OURS.name, nowMs()) });
  const first = await create(CALL);
  // One read in the background, and one of the repeat.
  advance(27_500);
  await waitForListReads(1);
  advance(27_500);
  const repeat = await createUntilDecided(CALL);
  const other = await create({ idempotencyKey: `${KEY}-other` });
  emulator.clearFaults();
  return { first, repeat, other, last: await createUntilDecided(CALL), posts, applied };
}

describe('a list', () => {
  it('with a matching connection created six minutes in the future does not decide a create', async () => {
    const { create, emulator, settle } = await startIdempotencyGateway();
    emulator.inject(LOST);
    const body = listBody(OURS.name, Date.now(), { create_time: Date.now() + 6 * 60_000 });
    emulator.inject({ operation: 'listConnections', times: 0, body });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
  });

  it('that cannot be used decides nothing: the name stays reserved until a complete list is read', async () => {
    const rows = await inParallel(UNUSABLE_LISTS, GATEWAYS_AT_A_TIME, async ([what, answer]) => ({
      what,
      ...(await createWithLists(answer)),
    }));
    for (const { what, first, repeat, other, last, posts, applied } of rows) {
      const unknown = expect.objectContaining(UNKNOWN);
      expect([what, first]).toEqual([what, unknown]);
      expect([what, repeat]).toEqual([what, unknown]);
      // Empty lists would have settled it by now.
      expect([what, other]).toEqual([what, expect.objectContaining(IN_PROGRESS)]);
      const reconciled = expect.objectContaining({ ...RECONCILED, connectionId: applied()[0] });
      expect([what, last]).toEqual([what, reconciled]);
      expect([what, posts()]).toEqual([what, 1]);
    }
  });

  it('that hangs does not delay the answer, and the next list decides', async () => {
    const { create, createUntil, advance, emulator, posts, applied } = await startIdempotencyGateway({
      env: { OPERATION_TIMEOUT_MS: '2000' },
    });
    emulator.inject(EXECUTED_BUT_LOST);
    emulator.inject({ operation: 'listConnections', behaviour: 'hang' });
    const startMs = performance.now();
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    // The timeout of the list is 12 s.
    expect(performance.now() - startMs).toBeLessThan(10_000);
    // The first call owns the record for its operation timeout plus 5 s.
    advance(7_000);
    const payload = await createUntil('CreateDatasourceConnectionSuccess', CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });
});
