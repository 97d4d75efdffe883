import { describe, expect, it } from '@jest/globals';
import { ENHANCED_BODY, ENHANCED_PATH, shareEmulator, startEmulator } from '../helpers/running-emulator.js';

const shared = shareEmulator();

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NO_ID = '00000000-0000-4000-8000-000000000000';
const HOSTS = [
  { ip: '192.168.0.1', name: 'ecs-97f8-0001' },
  { ip: '192.168.0.2', name: 'ecs-97f8-0002' },
];

function clockAt(nowMs: number) {
  const clock = { nowMs, now: () => clock.nowMs };
  return clock;
}

function namesOf(json: unknown): string[] {
  return (json as { connections: { name: string }[] }).connections.map(({ name }) => name);
}

describe('a new enhanced connection', () => {
  it('is ACTIVE at once, in the documented form, and does not show its tags and route table', async () => {
    const { call } = await startEmulator({ now: () => 1_566_888_011_125 });
    const created = await call('POST', ENHANCED_PATH, {
      ...ENHANCED_BODY,
      hosts: HOSTS,
      routetable_id: 'r1',
      tags: [{ key: 'team', value: '' }],
    });
    expect(created.json).toEqual({ is_success: true, message: '', connection_id: expect.stringMatching(UUID) });
    expect(created.status).toBe(201);
    const { connection_id: id } = created.json as { connection_id: string };
    expect(await call('GET', `${ENHANCED_PATH}/${id}`)).toMatchObject({ status: 200 });
    expect((await call('GET', `${ENHANCED_PATH}/${id}`)).json).toEqual({
      is_success: true,
      message: '',
      id,
      name: 'orders',
      available_queue_info: [],
      elastic_resource_pools: [],
      dest_vpc_id: ENHANCED_BODY.dest_vpc_id,
      dest_network_id: ENHANCED_BODY.dest_network_id,
      create_time: 1_566_888_011_125,
      status: 'ACTIVE',
      hosts: HOSTS,
      ipv6_enable: false,
      routes: [],
    });
  });

  it('binds the pools and queues of its create request, and the ledger has both', async () => {
    const { call, emulator } = await startEmulator({ peeringMs: 60_000 });
    const names = { elastic_resource_pools: ['Pool_A'], queues: ['queue_dedicated'] };
    const { json } = await call('POST', ENHANCED_PATH, { ...ENHANCED_BODY, ...names });
    expect(emulator.enhancedConnections()).toMatchObject([
      {
        bindings: [
          { kind: 'pool', name: 'pool_a', status: 'CREATING' },
          { kind: 'queue', name: 'queue_dedicated', status: 'CREATING' },
        ],
      },
    ]);
    expect(emulator.ledger.entries('createEnhancedConnection')).toMatchObject([
      {
        appliedConnectionId: (json as { connection_id: string }).connection_id,
        appliedResources: [
          { kind: 'pool', name: 'pool_a' },
          { kind: 'queue', name: 'queue_dedicated' },
        ],
      },
    ]);
  });

  it.each([
    [true, ['pool_a']],
    [false, undefined],
  ])('with an unknown queue is refused; with partialBinding %s, %j is bound before that', async (partial, bound) => {
    const { call, emulator } = await startEmulator({ partialBinding: partial });
    const names = { elastic_resource_pools: ['pool_a'], queues: ['missing', 'queue_dedicated'] };
    expect(await call('POST', ENHANCED_PATH, { ...ENHANCED_BODY, ...names })).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0002', error_msg: 'There is no queue named missing' },
    });
    expect(emulator.enhancedConnections()[0]?.bindings.map(({ name }) => name)).toEqual(bound);
    const [entry] = emulator.ledger.entries('createEnhancedConnection');
    expect(entry?.appliedResources?.map(({ name }) => name)).toEqual(bound);
    expect(entry?.appliedConnectionId).toBe(emulator.enhancedConnections()[0]?.connectionId);
  });

  it('can have 20,000 hosts of the longest names', async () => {
    const { createEnhanced, call } = shared();
    const hosts = Array.from({ length: 20_000 }, (_, index) => ({
      name: `n${'x'.repeat(122)}${index}`.slice(0, 128),
      ip: '192.168.100.100',
    }));
    const { text } = await call('GET', await createEnhanced({ hosts }));
    // Jest's matchers take seconds for this many.
    expect(text.includes(`"hosts":${JSON.stringify(hosts)}`)).toBe(true);
  });

  it.each<[what: string, fields: Record<string, unknown>]>([
    ['a name with a hyphen', { name: 'a-b' }],
    ['a name of 65 characters', { name: 'x'.repeat(65) }],
    ['no VPC', { dest_vpc_id: undefined }],
    ['no subnet', { dest_network_id: undefined }],
    ['a pool name that is no list', { elastic_resource_pools: 'pool_a' }],
    ['20,001 hosts', { hosts: Array.from({ length: 20_001 }, (_, index) => ({ name: `h${index}`, ip: '10.0.0.1' })) }],
    ['a host name that starts with a digit', { hosts: [{ name: '1a', ip: '10.0.0.1' }] }],
    ['a host name of 129 characters', { hosts: [{ name: 'x'.repeat(129), ip: '10.0.0.1' }] }],
    ['a host with an IPv6 address', { hosts: [{ name: 'a', ip: '::1' }] }],
    ['21 tags', { tags: Array.from({ length: 21 }, (_, index) => ({ key: `k${index}`, value: '' })) }],
    ['a repeated tag', { tags: Array.from({ length: 2 }, () => ({ key: 'k', value: '' })) }],
    ['a tag key of 129 characters', { tags: [{ key: 'k'.repeat(129), value: '' }] }],
    ['a tag value of 256 characters', { tags: [{ key: 'k', value: 'v'.repeat(256) }] }],
    ['an equals sign in a tag', { tags: [{ key: 'k', value: 'a=b' }] }],
  ])('is refused with %s', async (_what, fields) => {
    const { call, emulator } = shared();
    expect(await call('POST', ENHANCED_PATH, { ...ENHANCED_BODY, ...fields })).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0001', error_msg: expect.stringMatching(/^Parameter '/) },
    });
    expect(emulator.enhancedConnections()).toEqual([]);
  });

  it('accepts the largest tags', async () => {
    const { createEnhanced, call } = shared();
    const tags = Array.from({ length: 20 }, (_, index) => ({
      key: `${'k'.repeat(126)}${index + 10}`,
      value: 'v'.repeat(255),
    }));
    const path = await createEnhanced({ tags });
    const { json } = await call(
      'GET',
      `${path.replace('v2.0', 'v3').replace('datasource/enhanced-connections', 'dli_enhanced_datasource')}/tags`,
    );
    expect(json).toEqual({ tags, count: 20 });
  });

  it('is refused for a name in use, unless that connection is deleted or of the classic kind', async () => {
    const { call, create, createEnhanced } = shared();
    await create();
    const path = await createEnhanced();
    expect(await call('POST', ENHANCED_PATH, ENHANCED_BODY)).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0006' },
    });
    await call('DELETE', path);
    expect(await call('POST', ENHANCED_PATH, ENHANCED_BODY)).toMatchObject({ status: 201 });
  });

  it('may share its name if the settings allow it', async () => {
    const { createEnhanced, emulator } = await startEmulator({ uniqueNames: false });
    await createEnhanced();
    await createEnhanced();
    expect(emulator.enhancedConnections()).toHaveLength(2);
  });
});

describe('reading an enhanced connection', () => {
  it('has the documented form with bound pools and queues', async () => {
    const { emulator, call } = shared();
    const { connectionId } = emulator.seedEnhancedConnection({
      connectionId: '4c693ecc-bab8-4113-a838-129cedc9a563',
      name: 'orders',
      createdAtMs: 1_566_888_011_125,
      hosts: HOSTS,
      isIpv6Enabled: true,
      routes: [{ name: 'office', cidr: '10.8.0.0/24', createdAtMs: 7 }],
      bindings: [
        {
          kind: 'queue',
          name: 'resource_mode_1',
          status: 'ACTIVE',
          peerId: 'd2ae6628-fa37-4e04-806d-c59c497492d1',
          updatedAtMs: 1_566_889_577_861,
        },
      ],
    });
    expect((await call('GET', `${ENHANCED_PATH}/${connectionId}`)).json).toEqual({
      is_success: true,
      message: '',
      id: '4c693ecc-bab8-4113-a838-129cedc9a563',
      name: 'orders',
      available_queue_info: [
        {
          status: 'ACTIVE',
          name: 'resource_mode_1',
          peer_id: 'd2ae6628-fa37-4e04-806d-c59c497492d1',
          err_msg: '',
          update_time: 1_566_889_577_861,
        },
      ],
      elastic_resource_pools: [],
      dest_vpc_id: '22094d8f-c310-4621-913d-4c4d655d8495',
      dest_network_id: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
      create_time: 1_566_888_011_125,
      status: 'ACTIVE',
      hosts: HOSTS,
      ipv6_enable: true,
      routes: [{ name: 'office', cidr: '10.8.0.0/24', create_time: 7 }],
    });
  });

  it('has no routes if the settings say so', async () => {
    const { emulator, call } = await startEmulator({ routesShown: false });
    const { connectionId } = emulator.seedEnhancedConnection();
    const { connections } = (await call('GET', ENHANCED_PATH)).json as { connections: object[] };
    for (const json of [(await call('GET', `${ENHANCED_PATH}/${connectionId}`)).json, connections[0]])
      expect(json).not.toHaveProperty('routes');
  });

  it('prints numbers as text if the settings say so', async () => {
    const { emulator, call } = await startEmulator({ numbersAsText: true });
    const { connectionId } = emulator.seedEnhancedConnection({ createdAtMs: 12 });
    expect((await call('GET', `${ENHANCED_PATH}/${connectionId}`)).json).toMatchObject({ create_time: '12' });
    expect((await call('GET', ENHANCED_PATH)).json).toMatchObject({ count: '1', connections: [{ create_time: '12' }] });
  });

  it('is refused for a connection of another project', async () => {
    const { emulator, call } = shared();
    const { connectionId } = emulator.seedEnhancedConnection({ projectId: 'other' });
    expect((await call('GET', `${ENHANCED_PATH}/${connectionId}`)).status).toBe(400);
    expect((await call('GET', ENHANCED_PATH)).json).toMatchObject({ count: 0 });
  });

  it.each([
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/privileges'],
    ['POST', '/associate-queue'],
    ['POST', '/disassociate-queue'],
  ])('%s%s is refused for an unknown id in the configured way', async (method, suffix) => {
    const { call } = await startEmulator({ notFoundError: 'DLI.0023', notFoundMessage: 'no {id}' });
    const body = method === 'POST' ? { queues: ['queue_dedicated'] } : undefined;
    expect(await call(method, `${ENHANCED_PATH}/${NO_ID}${suffix}`, body)).toMatchObject({
      status: 404,
      json: { error_code: 'DLI.0023', error_msg: `no ${NO_ID}` },
    });
  });
});

describe('the privileges of an enhanced connection', () => {
  it.each(['applicant_project_id', 'project_id'] as const)('name the project as %s', async privilegeKey => {
    const { emulator, call } = await startEmulator({ privilegeKey });
    const { connectionId } = emulator.seedEnhancedConnection({ grantedProjectIds: ['p2'] });
    expect((await call('GET', `${ENHANCED_PATH}/${connectionId}/privileges`)).json).toEqual({
      is_success: true,
      message: '',
      connection_id: connectionId,
      privileges: [{ object: `edsconnections.${connectionId}`, [privilegeKey]: 'p2', privileges: ['BIND_QUEUE'] }],
    });
  });
});

describe('deleting an enhanced connection', () => {
  it('leaves a tombstone without bindings, which cannot be deleted, changed or queried for more', async () => {
    const { call, createEnhanced, emulator } = shared();
    const path = await createEnhanced({ queues: ['queue_dedicated'] });
    expect(await call('DELETE', path)).toMatchObject({ status: 200, json: { is_success: true, message: 'Deleted' } });
    expect(await call('GET', path)).toMatchObject({
      status: 200,
      json: { status: 'DELETED', available_queue_info: [], elastic_resource_pools: [] },
    });
    const refusals = [
      await call('DELETE', path),
      await call('GET', `${path}/privileges`),
      await call('POST', `${path}/associate-queue`, { queues: ['queue_dedicated'] }),
    ];
    expect(refusals.map(({ status, json }) => [status, (json as { error_code: string }).error_code])).toEqual(
      Array.from({ length: 3 }, () => [400, 'DLI.0001']),
    );
    expect(emulator.ledger.entries('deleteEnhancedConnection').map(entry => entry.appliedConnectionId)).toEqual([
      path.split('/').at(-1),
      undefined,
    ]);
  });

  it('is refused while a binding is CREATING', async () => {
    const clock = clockAt(1_000);
    const { call, createEnhanced } = await startEmulator({ peeringMs: 500, now: clock.now });
    const path = await createEnhanced({ elastic_resource_pools: ['pool_a', 'pool_overlapping'] });
    expect(await call('DELETE', path)).toMatchObject({ status: 400, json: { error_code: 'DLI.0007' } });
    clock.nowMs += 500;
    expect((await call('DELETE', path)).status).toBe(200);
  });

  it('forgets the connection after the lifetime of its tombstone', async () => {
    const clock = clockAt(1_000);
    const { call, createEnhanced, emulator } = await startEmulator({ tombstoneMs: 500, now: clock.now });
    const path = await createEnhanced();
    await call('DELETE', path);
    clock.nowMs += 500;
    expect((await call('GET', path)).status).toBe(400);
    expect(emulator.enhancedConnections()).toEqual([]);
  });
});

describe('the list of enhanced connections', () => {
  it('has the documented form', async () => {
    const { emulator, call } = shared();
    emulator.seedEnhancedConnection({ name: 'shared', createdAtMs: 2, grantedProjectIds: ['p2'] });
    emulator.seedEnhancedConnection({
      name: 'orders',
      createdAtMs: 1,
      hosts: HOSTS,
      tags: [{ key: 'a', value: 'b' }],
      bindings: [{ kind: 'pool', name: 'pool_a', status: 'FAILED', errorMessage: 'no', updatedAtMs: 3 }],
    });
    expect((await call('GET', ENHANCED_PATH)).json).toEqual({
      is_success: true,
      message: '',
      count: 2,
      connections: [
        {
          id: expect.stringMatching(UUID),
          name: 'orders',
          available_queue_info: [],
          elastic_resource_pools: [
            { peer_id: expect.stringMatching(UUID), status: 'FAILED', name: 'pool_a', err_msg: 'no', update_time: 3 },
          ],
          dest_vpc_id: '22094d8f-c310-4621-913d-4c4d655d8495',
          dest_network_id: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
          create_time: 1,
          status: 'ACTIVE',
          hosts: HOSTS,
          ipv6_enable: false,
          routes: [],
          isPrivis: true,
        },
        expect.objectContaining({ name: 'shared', isPrivis: false }),
      ],
    });
  });

  it.each([
    ['', 100, 'c1'],
    ['?limit=0', 105, 'c1'],
    ['?limit=2&offset=100', 2, 'c101'],
    ['?limit=2&offset=104', 1, 'c105'],
    ['?offset=200', 0, undefined],
  ])('with query "%s" has %i connections and counts just these', async (query, count, first) => {
    const { emulator, call } = shared();
    for (let index = 1; index <= 105; index += 1)
      emulator.seedEnhancedConnection({ name: `c${index}`, createdAtMs: index });
    const { json } = await call('GET', `${ENHANCED_PATH}${query}`);
    expect([json, namesOf(json).length, namesOf(json)[0]]).toEqual([expect.objectContaining({ count }), count, first]);
  });

  it.each([
    ['', ['one', 'two', 'three']],
    ['?status=active', ['one', 'three']],
    ['?status=DELETED', ['two']],
    ['?name=one', ['one']],
    ['?name=on', []],
    ['?name=One', []],
    ['?tags=k=1', ['one', 'three']],
    ['?tags=k%3D1%2Cl%3D2', ['three']],
    ['?status=ACTIVE&name=three&tags=k=1', ['three']],
  ])('with query "%s" has %j', async (query, expected) => {
    const { emulator, call } = shared();
    emulator.seedEnhancedConnection({ name: 'one', createdAtMs: 1, tags: [{ key: 'k', value: '1' }] });
    emulator.seedEnhancedConnection({ name: 'two', createdAtMs: 2, status: 'DELETED' });
    const tags = [
      { key: 'k', value: '1' },
      { key: 'l', value: '2' },
    ];
    emulator.seedEnhancedConnection({ name: 'three', createdAtMs: 3, tags });
    expect(namesOf((await call('GET', `${ENHANCED_PATH}${query}`)).json)).toEqual(expected);
  });

  it.each(['limit=-1', 'limit=x', 'offset=1.5', 'status=CREATING', 'tags=x'])('refuses %s', async query => {
    const { call } = shared();
    expect(await call('GET', `${ENHANCED_PATH}?${query}`)).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0001', error_msg: expect.stringContaining(query.split('=')[0] ?? '') },
    });
  });

  it.each([
    ['oldestFirst', ['b', 'c', 'a']],
    ['newestFirst', ['a', 'c', 'b']],
    ['shuffled', ['a', 'b', 'c']],
  ] as const)('can be ordered %s', async (enhancedListOrder, expected) => {
    const { emulator, call } = await startEmulator({ enhancedListOrder });
    for (const [createdAtMs, name] of ['b', 'c', 'a'].entries())
      emulator.seedEnhancedConnection({ name, createdAtMs, connectionId: `${name}${NO_ID.slice(1)}` });
    expect(namesOf((await call('GET', ENHANCED_PATH)).json)).toEqual(expected);
  });

  it('shows a new connection after the lag, and a get shows it at once', async () => {
    const clock = clockAt(1_000);
    const { call, createEnhanced } = await startEmulator({ listLagMs: 500, now: clock.now });
    const path = await createEnhanced();
    expect((await call('GET', path)).status).toBe(200);
    expect((await call('GET', ENHANCED_PATH)).json).toMatchObject({ count: 0 });
    clock.nowMs += 500;
    expect((await call('GET', ENHANCED_PATH)).json).toMatchObject({ count: 1 });
  });

  it('can ignore or refuse the filter by tags, and show every connection twice', async () => {
    const { emulator, send, call } = await startEmulator({ tagFilter: 'ignored', listTwice: true });
    emulator.seedEnhancedConnection({ name: 'one' });
    expect(namesOf((await call('GET', `${ENHANCED_PATH}?tags=k=v`)).json)).toEqual(['one', 'one']);
    await send('PATCH', '/emulator/settings', { tagFilter: 'refused' });
    expect((await call('GET', `${ENHANCED_PATH}?tags=k=v`)).status).toBe(400);
  });
});
