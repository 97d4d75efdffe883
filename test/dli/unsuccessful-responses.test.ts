import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import type { IdempotencyGateway } from '../helpers/idempotency-gateway.js';
import { shareIdempotencyGateway } from '../helpers/idempotency-gateway.js';
import { freshName } from '../helpers/shared-gateway.js';
import { callsExceptListReads } from '../helpers/upstream-calls.js';

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const OTHER_ID = '6a2cb1d1-5ecb-4b1e-8a4f-0a5b52d9a1b0';
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
const REQUEST_ID = '0b67bf0abe6d9a8844030ded87109c9f';
const REJECTED = {
  __typename: 'DliRejectedError',
  code: 'UPSTREAM_REJECTED',
  message: "DLI refused the request. Nothing was created. DLI's reason: boom",
  dliCode: null,
  requestId: REQUEST_ID,
};

/** The connection of a create in the emulator, apart from its name. */
const OURS = { service: 'RDS', destination: '192.168.0.12:5432' };
const MINUTE_MS = 60_000;

const shared = shareIdempotencyGateway();
/** For creates with an unknown outcome, after which the list is read in the background. */
const sharedByUnknown = shareIdempotencyGateway();

/** Creates against a DLI that sends 201 with `is_success: false`; returns the payload and the calls received. */
async function createUnsuccessfully(
  { emulator, create }: IdempotencyGateway,
  name: string,
  body: Record<string, unknown> = {},
  answer: Partial<Fault> = {},
) {
  emulator.inject({
    operation: 'createConnection',
    times: 0,
    headers: { 'X-Request-Id': REQUEST_ID },
    body: { is_success: false, message: 'boom', ...body },
    ...answer,
  });
  return { payload: await create({ name }), calls: emulator.ledger.entries().map(entry => entry.operation) };
}

/** Asserts that a create has an unknown outcome, and that nothing else was sent. */
async function expectUnknown(name: string, body: Record<string, unknown> = {}): Promise<void> {
  const gateway = sharedByUnknown();
  const { payload } = await createUnsuccessfully(gateway, name, body);
  expect(payload).toMatchObject(UNKNOWN);
  expect(callsExceptListReads(gateway.emulator)).toEqual(['createConnection']);
}

/** A connection created now, as DLI lists it, with changes. */
function listed(name: string, nowMs: number, connectionId: string | undefined, changes: Record<string, unknown> = {}) {
  const complete = { connection_id: connectionId, name, ...OURS, state: 'ACTIVE', create_time: nowMs + 500 };
  return { ...complete, ...changes };
}

describe('is_success: false without an id', () => {
  it.each([[{}], [{ connection_id: '' }], [{ connection_id: null }]])(
    'is a refusal when the list does not contain the name (%j)',
    async body => {
      const { payload, calls } = await createUnsuccessfully(shared(), freshName(), body);
      expect(payload).toEqual(REJECTED);
      expect(calls).toEqual(['createConnection', 'listConnections']);
    },
  );

  it('is a refusal when only other names and deleted connections are listed', async () => {
    const { emulator } = shared();
    const name = freshName();
    emulator.seedConnection({ name: name.toUpperCase(), state: 'ACTIVE' });
    emulator.seedConnection({ name: `${name}2`, state: 'CREATING' });
    emulator.seedConnection({ name, state: 'DELETED' });
    const { payload } = await createUnsuccessfully(shared(), name);
    expect(payload).toEqual(REJECTED);
  });

  it.each<[which: string, changes: (nowMs: number) => object]>([
    ['with another service', () => ({ service: 'CSS' })],
    ['with another address', () => ({ destination: '192.168.0.12:5433' })],
    ['created two minutes earlier', nowMs => ({ createdAtMs: nowMs - 2 * MINUTE_MS })],
    ['created two minutes later', nowMs => ({ createdAtMs: nowMs + 2 * MINUTE_MS })],
    ['created a week earlier', nowMs => ({ createdAtMs: nowMs - 7 * 24 * 60 * MINUTE_MS })],
  ])('is a refusal when the only connection of that name is one %s', async (_which, changes) => {
    const { emulator, nowMs } = shared();
    const name = freshName();
    emulator.seedConnection({ ...OURS, name, state: 'ACTIVE', ...changes(nowMs()) });
    const { payload, calls } = await createUnsuccessfully(shared(), name);
    expect(payload).toEqual(REJECTED);
    expect(calls).toEqual(['createConnection', 'listConnections']);
  });

  it.each(['CREATING', 'ACTIVE', 'FAILED', 'RUNNING'])(
    'is a success when the list contains a matching connection in state %s',
    async state => {
      const { emulator, nowMs } = shared();
      const name = freshName();
      // Each create has a connection of its own, which no other create can claim.
      const id = randomUUID();
      const body = { is_success: true, connections: [listed(name, nowMs(), id, { state })] };
      emulator.inject({ operation: 'listConnections', times: 0, body });
      const { payload, calls } = await createUnsuccessfully(shared(), name);
      expect(payload).toEqual({ ...RECONCILED, connectionId: id, message: '' });
      expect(calls).toEqual(['createConnection', 'listConnections']);
    },
  );

  it.each<[what: string, connections: (name: string, nowMs: number) => object[]]>([
    ['only its state', name => [{ name, state: 'ACTIVE' }]],
    ['no id', (...now) => [listed(...now, undefined)]],
    ['no service', (...now) => [listed(...now, ID, { service: undefined })]],
    ['no address', (...now) => [listed(...now, ID, { destination: undefined })]],
    ['no creation time', (...now) => [listed(...now, ID, { create_time: undefined })]],
    ['two connections match', (...now) => [listed(...now, ID), listed(...now, OTHER_ID)]],
  ])('is an unknown outcome when the list contains the name, but %s', async (_what, connections) => {
    const { emulator, nowMs } = sharedByUnknown();
    const name = freshName();
    const body = { is_success: true, connections: connections(name, nowMs()) };
    emulator.inject({ operation: 'listConnections', times: 0, body });
    await expectUnknown(name);
  });

  it('is a success when the connection was created nevertheless', async () => {
    const { payload } = await createUnsuccessfully(shared(), freshName(), {}, { apply: true });
    const [made, ...others] = shared().emulator.connections();
    expect(payload).toEqual({ ...RECONCILED, connectionId: made?.connectionId, message: '' });
    expect(others).toEqual([]);
  });

  it.each<[how: string, list: Partial<Fault>]>([
    ['fails', { status: 500 }],
    ['is refused', { error: 'APIGW.0308' }],
    ['is interrupted', { behaviour: 'reset' }],
    ['is truncated', { behaviour: 'truncate', truncateAt: 40 }],
    ['is empty', { status: 200 }],
    ['is HTML', { body: '<html>' }],
    ['is broken JSON', { body: '{"is_success":true,"connections":[' }],
    ['has no connections', { body: { is_success: true, message: '' } }],
    ['has is_success: false too', { body: { is_success: false, connections: [] } }],
    ['contains fewer connections than its count', { body: { is_success: true, connections: [], count: 1 } }],
    ['contains a connection without a name', { body: { connections: [{ state: 'ACTIVE' }] } }],
    // Only the first time, because it is slow.
    ['is longer than 16 MB', { behaviour: 'huge', hugeBytes: 17 * 1024 * 1024, times: 1 }],
  ])('is an unknown outcome when the list %s', async (_how, list) => {
    const { emulator } = sharedByUnknown();
    emulator.inject({ operation: 'listConnections', times: 0, ...list });
    emulator.inject({ operation: 'listConnections', times: 0, status: 500 });
    await expectUnknown(freshName());
  });
});

describe('is_success: false with an id', () => {
  it.each([ID, 'connection-1'])('is an unknown outcome when the list does not show it (%s)', async connectionId => {
    await expectUnknown(freshName(), { connection_id: connectionId });
  });
});
