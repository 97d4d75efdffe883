import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
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

/** The connection of the example create in the emulator. */
const OURS = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };
const MINUTE_MS = 60_000;

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(closeGateways);

/** Creates against a DLI that sends 201 with `is_success: false`; returns the payload and the calls received. */
async function createUnsuccessfully(body: Record<string, unknown> = {}, answer: Partial<Fault> = {}) {
  const { emulator, create } = gateway;
  emulator.inject({
    operation: 'createConnection',
    times: 0,
    headers: { 'X-Request-Id': REQUEST_ID },
    body: { is_success: false, message: 'boom', ...body },
    ...answer,
  });
  return { payload: await create(), calls: emulator.ledger.entries().map(entry => entry.operation) };
}

/** The connection of the example create as DLI lists it, with changes. */
function listed(connectionId: string | undefined, changes: Record<string, unknown>): Record<string, unknown> {
  const complete = { connection_id: connectionId, ...OURS, state: 'ACTIVE', create_time: Date.now() + 500 };
  return { ...complete, ...changes };
}

describe('is_success: false without an id', () => {
  it.each([[{}], [{ connection_id: '' }], [{ connection_id: null }]])(
    'is a refusal when the list does not contain the name (%j)',
    async body => {
      const { payload, calls } = await createUnsuccessfully(body);
      expect(payload).toEqual(REJECTED);
      expect(calls).toEqual(['createConnection', 'listConnections']);
    },
  );

  it('is a refusal when only other names and deleted connections are listed', async () => {
    gateway.emulator.seedConnection({ name: 'ORDERS_PG', state: 'ACTIVE' });
    gateway.emulator.seedConnection({ name: 'orders_pg2', state: 'CREATING' });
    gateway.emulator.seedConnection({ name: 'orders_pg', state: 'DELETED' });
    const { payload } = await createUnsuccessfully();
    expect(payload).toEqual(REJECTED);
  });

  it.each([
    ['with another service', () => ({ service: 'CSS' })],
    ['with another address', () => ({ destination: '192.168.0.12:5433' })],
    ['created two minutes earlier', () => ({ createdAtMs: Date.now() - 2 * MINUTE_MS })],
    ['created two minutes later', () => ({ createdAtMs: Date.now() + 2 * MINUTE_MS })],
    ['created a week earlier', () => ({ createdAtMs: Date.now() - 7 * 24 * 60 * MINUTE_MS })],
  ])('is a refusal when the only connection of the name is one %s', async (_which, changes) => {
    gateway.emulator.seedConnection({ ...OURS, state: 'ACTIVE', ...changes() });
    const { payload, calls } = await createUnsuccessfully();
    expect(payload).toEqual(REJECTED);
    expect(calls).toEqual(['createConnection', 'listConnections']);
  });

  it.each(['CREATING', 'ACTIVE', 'FAILED', 'RUNNING'])(
    'is a success when the list contains a matching connection in state %s',
    async state => {
      const connections = [listed(ID, { state })];
      const list = {
        operation: 'listConnections',
        times: 0,
        body: { is_success: true, connections },
      } as const;
      gateway.emulator.inject(list);
      const { payload, calls } = await createUnsuccessfully();
      expect(payload).toEqual({ ...RECONCILED, connectionId: ID, message: '' });
      expect(calls).toEqual(['createConnection', 'listConnections']);
    },
  );

  it.each([
    ['only its state', () => [{ name: OURS.name, state: 'ACTIVE' }]],
    ['no id', () => [listed(undefined, {})]],
    ['no service', () => [listed(ID, { service: undefined })]],
    ['no address', () => [listed(ID, { destination: undefined })]],
    ['no creation time', () => [listed(ID, { create_time: undefined })]],
    ['two connections match', () => [listed(ID, {}), listed(OTHER_ID, {})]],
  ])('is an unknown outcome when the list contains the name, but %s', async (_what, connections) => {
    const body = { is_success: true, connections: connections() };
    gateway.emulator.inject({ operation: 'listConnections', times: 0, body });
    const { payload } = await createUnsuccessfully();
    expect(payload).toMatchObject(UNKNOWN);
    expect(callsExceptListReads(gateway.emulator)).toEqual(['createConnection']);
  });

  it('is a success when the connection was created nevertheless', async () => {
    const { payload } = await createUnsuccessfully({}, { apply: true });
    const [made, ...others] = gateway.emulator.connections();
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
    ['is longer than 16 MB', { behaviour: 'huge', hugeBytes: 17 * 1024 * 1024 }],
  ])('is an unknown outcome when the list %s', async (_how, list) => {
    gateway.emulator.inject({ operation: 'listConnections', times: 0, ...list });
    const { payload } = await createUnsuccessfully();
    expect(payload).toMatchObject(UNKNOWN);
    expect(callsExceptListReads(gateway.emulator)).toEqual(['createConnection']);
  });
});

describe('is_success: false with an id', () => {
  it.each([ID, 'connection-1'])('is an unknown outcome when the list does not show it (%s)', async connectionId => {
    const { payload } = await createUnsuccessfully({ connection_id: connectionId });
    expect(payload).toMatchObject(UNKNOWN);
    expect(callsExceptListReads(gateway.emulator)).toEqual(['createConnection']);
  });
});
