import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { DescribedConnection } from '../../src/dli/responses.js';
import { CLASSIC, startClients, UNKNOWN_ID } from './helpers/dli-clients.js';

const ID = '4c693ecc-bab8-4113-a838-129cedc9a563';
const VPC_ID = '22094d8f-c310-4621-913d-4c4d655d8495';
const NETWORK_ID = '78f2562a-36e4-4b39-95b9-f5aab22e1281';
const PEERING_ID = 'd2ae6628-fa37-4e04-806d-c59c497492d1';

const QUEUE = {
  status: 'ACTIVE',
  name: 'resource_mode_1',
  peer_id: PEERING_ID,
  err_msg: '',
  update_time: 1566889577861,
};
const HOSTS = [
  { ip: '192.168.0.1', name: 'ecs-97f8-0001' },
  { ip: '192.168.0.2', name: 'ecs-97f8-0002' },
];

/** DLI's documented response to a get. */
const DOCUMENTED = {
  is_success: true,
  message: '',
  id: ID,
  name: 'withvpc',
  available_queue_info: [QUEUE],
  dest_vpc_id: VPC_ID,
  dest_network_id: NETWORK_ID,
  create_time: 1566888011125,
  status: 'ACTIVE',
  hosts: HOSTS,
};

const BINDING = {
  kind: 'QUEUE',
  name: 'resource_mode_1',
  state: 'ACTIVE',
  peeringId: PEERING_ID,
  problem: null,
  cause: null,
  updatedAtMs: 1566889577861,
};
const POOL = { kind: 'ELASTIC_RESOURCE_POOL' };

const versionOf = (pairs: [name: string, ip: string][]) =>
  createHash('sha256').update(JSON.stringify(pairs)).digest('hex');
const NO_HOSTS = { count: 0, version: versionOf([]) };

/** How the documented connection is read. */
const READ = {
  kind: 'ENHANCED',
  id: ID,
  name: 'withvpc',
  state: 'ACTIVE',
  createdAtMs: 1566888011125,
  vpcId: VPC_ID,
  networkId: NETWORK_ID,
  isIpv6Enabled: null,
  isShared: null,
  hosts: {
    count: 2,
    version: versionOf([
      ['ecs-97f8-0001', '192.168.0.1'],
      ['ecs-97f8-0002', '192.168.0.2'],
    ]),
  },
  routes: null,
  bindings: [BINDING],
  areBindingsKnown: true,
  tags: null,
};

/** Reads a connection from a get; returns it and the log. */
async function readFromGet(body: unknown) {
  const { connections, context, logged } = await startClients(({ path }) =>
    path.startsWith(CLASSIC) ? UNKNOWN_ID : { body },
  );
  const connection = await connections.getConnection(ID, context());
  return { connection, logged };
}

/** Reads a connection from a list. */
async function readFromList(element: unknown): Promise<DescribedConnection | undefined> {
  const { enhanced, context } = await startClients(() => ({ body: { is_success: true, connections: [element] } }));
  const { connections } = await enhanced.listConnections(context());
  expect(connections).toHaveLength(1);
  return connections[0];
}

const { id: _id, status: _status, ...WITHOUT_ID_AND_STATUS } = DOCUMENTED;

/** What DLI sends beyond the documented example or instead of a part of it, and how it is read. */
const FORMS: readonly [form: string, changes: Record<string, unknown>, read: Record<string, unknown>][] = [
  ['the documented example', {}, {}],
  ['without the envelope', { is_success: undefined, message: undefined }, {}],
  [
    'with a pool',
    {
      available_queue_info: undefined,
      elastic_resource_pools: [{ name: 'Pool_A', status: 'CREATING', peer_id: PEERING_ID, update_time: 5 }],
    },
    { bindings: [{ ...BINDING, ...POOL, name: 'pool_a', state: 'CREATING', updatedAtMs: 5 }] },
  ],
  [
    'with pools and queues',
    { elastic_resource_pools: [{ ...QUEUE, name: 'pool_a' }] },
    { bindings: [{ ...BINDING, ...POOL, name: 'pool_a' }, BINDING] },
  ],
  [
    'without lists',
    { available_queue_info: undefined, elastic_resource_pools: undefined, hosts: undefined },
    { bindings: [], areBindingsKnown: false, hosts: NO_HOSTS },
  ],
  [
    'with null instead of lists',
    { available_queue_info: null, elastic_resource_pools: null, hosts: null, routes: null },
    { bindings: [], areBindingsKnown: false, hosts: NO_HOSTS },
  ],
  [
    'with numbers as text',
    { create_time: '1566888011125', available_queue_info: [{ ...QUEUE, update_time: '1566889577861' }] },
    {},
  ],
  ['with a list of bindings that is none', { elastic_resource_pools: 'pool_a' }, { areBindingsKnown: false }],
  ['with a name that is a number', { name: 4711 }, { name: '4711' }],
  ['without a name', { name: undefined }, { name: null }],
  ['with the id in capital letters', { id: ID.toUpperCase() }, {}],
  ['as a tombstone', { status: 'DELETED', available_queue_info: [] }, { state: 'DELETED', bindings: [] }],
  ['with an unknown state', { status: 'Frozen' }, { state: 'Frozen' }],
  [
    'with an unknown state of a binding',
    { available_queue_info: [{ ...QUEUE, status: 'PAUSED' }] },
    { bindings: [{ ...BINDING, state: 'PAUSED' }] },
  ],
  [
    'with bindings of which only one has a name',
    { available_queue_info: [{ status: 'ACTIVE' }, { ...QUEUE, name: '' }, { ...QUEUE, name: null }, QUEUE, 'q1'] },
    { areBindingsKnown: false },
  ],
  [
    'with a binding that has a name only',
    { available_queue_info: [{ name: 'q1' }] },
    { bindings: [{ ...BINDING, name: 'q1', state: null, peeringId: null, updatedAtMs: null }] },
  ],
  ['with IPv6', { ipv6_enable: true }, { isIpv6Enabled: true }],
  ['with a flag as text', { ipv6_enable: 'False' }, { isIpv6Enabled: false }],
  ['with a flag that is none', { ipv6_enable: 'maybe' }, { isIpv6Enabled: null }],
  ['shared', { isPrivis: false }, { isShared: true }],
  ['not shared', { isPrivis: true }, { isShared: false }],
  [
    'with routes',
    { routes: [{ name: 'r', cidr: '10.8.0.0/24', create_time: 7 }] },
    {
      routes: [{ name: 'r', cidr: '10.8.0.0/24', createdAtMs: 7 }],
    },
  ],
  ['with no routes', { routes: [] }, { routes: [] }],
  [
    'with routes that lack something',
    { routes: [{ name: 'r', cidr: '10.8.0.0/24' }, { name: 'r' }, { cidr: '10.9.0.0/24' }] },
    { routes: [{ name: 'r', cidr: '10.8.0.0/24', createdAtMs: null }] },
  ],
  [
    'with hosts that lack something',
    { hosts: [{ name: 'a', ip: '10.0.0.1' }, { name: 'b' }, 5] },
    { hosts: { count: 1, version: versionOf([['a', '10.0.0.1']]) } },
  ],
  ['with hosts in another order', { hosts: HOSTS.toReversed() }, {}],
  ['with hosts that are no list', { hosts: 'none' }, { hosts: NO_HOSTS }],
  ['with unknown fields', { extra: { a: [1] } }, {}],
];

describe('an enhanced connection', () => {
  it.each(FORMS)('is read from a get: %s', async (_form, changes, read) => {
    const { connection } = await readFromGet({ ...DOCUMENTED, ...changes });
    expect(connection).toEqual({ ...READ, ...read });
  });

  it.each(FORMS)('is read from a list: %s', async (_form, changes, read) => {
    const expected = { ...READ, ...read, id: 'id' in changes ? ID.toUpperCase() : ID };
    expect(await readFromList({ ...DOCUMENTED, ...changes })).toEqual(expected);
  });

  it('is read from a get without an id, if there is a status', async () => {
    const { connection } = await readFromGet({ ...WITHOUT_ID_AND_STATUS, status: 'ACTIVE' });
    expect(connection).toEqual(READ);
  });

  it.each([
    ['has neither an id nor a status', WITHOUT_ID_AND_STATUS],
    ['has the id of another connection', { ...DOCUMENTED, id: NETWORK_ID }],
    ['has an id that is a number', { ...DOCUMENTED, id: 5 }],
    ['has an error code', { ...DOCUMENTED, error_code: 'DLI.0999' }],
    ['reports a failure', { ...DOCUMENTED, is_success: false }],
    ['is a list', [DOCUMENTED]],
    ['is no JSON', '<html>'],
    ['is empty', ''],
  ])('is not read from a response that %s', async (_what, body) => {
    await expect(readFromGet(body)).rejects.toMatchObject({ name: 'DliError', code: 'UNAVAILABLE' });
  });

  it('without an id is listed without one, which is logged', async () => {
    const { enhanced, context, logged } = await startClients(() => ({
      body: { connections: [{ ...DOCUMENTED, id: 'x' }, WITHOUT_ID_AND_STATUS] },
    }));
    const { connections } = await enhanced.listConnections(context());
    expect(connections.map(({ id, name }) => [id, name])).toEqual([
      [null, 'withvpc'],
      [null, 'withvpc'],
    ]);
    expect(logged).toEqual([
      expect.objectContaining({ operation: 'listEnhancedConnections', outcome: 'OK' }),
      expect.objectContaining({ operation: 'listEnhancedConnections', outcome: 'LEFT_OUT', count: 2 }),
    ]);
  });

  it('that has undocumented values is logged with the names of the fields only', async () => {
    const { logged } = await readFromGet({ ...DOCUMENTED, name: 7, available_queue_info: [{ status: 'x' }] });
    expect(logged).toEqual([
      expect.objectContaining({ operation: 'getConnection', outcome: 'notFound', status: 400 }),
      expect.objectContaining({ operation: 'getEnhancedConnection', outcome: 'OK' }),
      expect.objectContaining({
        operation: 'getEnhancedConnection',
        outcome: 'ODD_FIELDS',
        detail: 'available_queue_info[0].name: missing, name: number',
      }),
    ]);
  });
});

describe('the text of a failed binding', () => {
  it.each([
    [
      'Failed to get subnet 78f2562a. Response code 404 {"the subnet could not be found."}',
      'AGENCY_PERMISSION_MISSING',
    ],
    ['Failed to GET SUBNET.', 'AGENCY_PERMISSION_MISSING'],
    ['The permission is missing.', 'AGENCY_PERMISSION_MISSING'],
    ['The user is not authorized.', 'AGENCY_PERMISSION_MISSING'],
    ['No agency.', 'AGENCY_PERMISSION_MISSING'],
    ['The CIDR blocks overlap.', 'CIDR_OVERLAP'],
    ['Network segment conflict.', 'CIDR_OVERLAP'],
    ['The subnet overlaps with that of the peer.', 'CIDR_OVERLAP'],
    ['A conflict with the route.', 'ROUTE_CONFLICT'],
    ['Route exceeds the quota.', 'ROUTE_CONFLICT'],
    ['The quota of the VPC is used up.', 'NETWORK_QUOTA'],
    ['The number exceeds the limit.', 'NETWORK_QUOTA'],
    ['A conflict.', 'OTHER'],
    ['Boom.', 'OTHER'],
    ['', 'OTHER'],
    [undefined, 'OTHER'],
  ])('%j means %s', async (text, cause) => {
    const entry = { ...QUEUE, status: 'failed', err_msg: text };
    const connection = await readFromList({ ...DOCUMENTED, available_queue_info: [entry] });
    expect(connection).toMatchObject({ bindings: [{ state: 'failed', cause }] });
  });

  it('means nothing in another state', async () => {
    const entry = { ...QUEUE, err_msg: 'The CIDR blocks overlap.' };
    const connection = await readFromList({ ...DOCUMENTED, available_queue_info: [entry] });
    expect(connection).toMatchObject({ bindings: [{ cause: null, problem: 'The CIDR blocks overlap.' }] });
  });

  it('is withheld when it may hold an id or an address, and still has a cause', async () => {
    const text = `Failed to get subnet ${NETWORK_ID}.`;
    const entry = { ...QUEUE, status: 'FAILED', err_msg: text };
    const connection = await readFromList({ ...DOCUMENTED, available_queue_info: [entry] });
    expect(connection).toMatchObject({ bindings: [{ cause: 'AGENCY_PERMISSION_MISSING', problem: null }] });
  });
});
