import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
const REQUEST_ID = '0b67bf0abe6d9a8844030ded87109c9f';
const REJECTED = {
  __typename: 'DliRejectedError',
  code: 'UPSTREAM_REJECTED',
  message: 'DLI refused the request. Nothing was created.',
  dliCode: null,
  requestId: REQUEST_ID,
};

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(closeGateways);

/** Creates against a DLI that answers 201 with `is_success: false`; tells which calls it got too. */
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

describe('is_success: false without an id', () => {
  it.each([[{}], [{ connection_id: '' }], [{ connection_id: null }]])(
    'is a refusal when the list does not hold the name (%j)',
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

  it.each(['CREATING', 'ACTIVE', 'FAILED', 'RUNNING'])(
    'is an unknown outcome when the list holds the name in state %s',
    async state => {
      const connections = [{ name: 'orders_pg', state }];
      gateway.emulator.inject({ operation: 'listConnections', body: { is_success: true, connections } });
      const { payload, calls } = await createUnsuccessfully();
      expect(payload).toMatchObject(UNKNOWN);
      expect(calls.filter(call => call === 'createConnection')).toHaveLength(1);
    },
  );

  it('is a success when the connection was created all the same', async () => {
    const { payload } = await createUnsuccessfully({}, { apply: true });
    expect(payload).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess', reconciled: true });
    expect(gateway.emulator.connections()).toMatchObject([{ name: 'orders_pg' }]);
  });

  it.each<[how: string, list: Partial<Fault>]>([
    ['fails', { status: 500 }],
    ['is refused', { error: 'APIGW.0308' }],
    ['breaks off', { behaviour: 'reset' }],
    ['is cut short', { behaviour: 'truncate', truncateAt: 40 }],
    ['is empty', { status: 200 }],
    ['is HTML', { body: '<html>' }],
    ['is broken JSON', { body: '{"is_success":true,"connections":[' }],
    ['has no connections', { body: { is_success: true, message: '' } }],
    ['is unsuccessful itself', { body: { is_success: false, connections: [] } }],
    ['holds fewer connections than it counts', { body: { is_success: true, connections: [], count: 1 } }],
    ['holds a connection without a name', { body: { connections: [{ state: 'ACTIVE' }] } }],
    ['is longer than 16 MB', { behaviour: 'huge', hugeBytes: 17 * 1024 * 1024 }],
  ])('is an unknown outcome when the list %s', async (_how, list) => {
    gateway.emulator.inject({ operation: 'listConnections', ...list });
    const { payload, calls } = await createUnsuccessfully();
    expect(payload).toMatchObject(UNKNOWN);
    expect(calls.filter(call => call === 'createConnection')).toHaveLength(1);
  });
});

describe('is_success: false with an id', () => {
  it.each([ID, 'connection-1'])(
    'is an unknown outcome when the list does not show it (%s)',
    async connectionId => {
      const { payload, calls } = await createUnsuccessfully({ connection_id: connectionId });
      expect(payload).toMatchObject(UNKNOWN);
      expect(calls.filter(call => call === 'createConnection')).toHaveLength(1);
    },
  );
});
