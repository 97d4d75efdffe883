import { describe, expect, it } from '@jest/globals';
import { enhancedCalls, POOL_A, POOL_B, QUEUE_OF_POOL_A } from '../helpers/enhanced-gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const ACTIVE_POOL_A = { kind: 'pool', name: 'pool_a', status: 'ACTIVE' } as const;
const STUCK = 'pool_b';
const TAGS = [
  { key: 'team', value: 'billing' },
  { key: '_sys_enterprise_project_id', value: '0' },
  { key: 'gw_req', value: 'x' },
];

const shared = shareGateway({
  emulator: { peeringMs: 0, stuckResources: STUCK },
  env: { READ_FRESHNESS_MS: '0', FOLLOW_INTERVAL_MS: '100' },
});

function read(query: string, variables: object = {}) {
  return shared().send({ query, variables });
}

async function namesIn(filter: object): Promise<string[]> {
  const { body } = await read(
    'query ($filter: DatasourceConnectionFilter) { datasourceConnections(filter: $filter, order: NAME) { items { name } } }',
    { filter },
  );
  expect(body.errors).toBeUndefined();
  const page = body.data?.['datasourceConnections'] as { items: { name: string }[] };
  return page.items.map(({ name }) => name);
}

describe('the hosts of a connection', () => {
  const QUERY = `query ($id: ID!, $first: Int! = 100, $after: String, $name: String) {
    datasourceConnection(id: $id) {
      ... on EnhancedDatasourceConnection {
        hostCount
        hosts(first: $first, after: $after, name: $name) { items { name ip } nextCursor totalCount }
      }
    }
  }`;

  async function hostsOf(variables: object) {
    const { body } = await read(QUERY, variables);
    const connection = body.data?.['datasourceConnection'] as {
      hosts: { items: { name: string; ip: string }[]; nextCursor: string | null; totalCount: number };
    };
    return connection.hosts;
  }

  function seed() {
    const names = ['node-c', 'Node-a', 'other', 'node-b'];
    const hosts = names.map((name, index) => ({ name, ip: `192.168.0.${index}` }));
    return shared().emulator.seedEnhancedConnection({ hosts }).connectionId;
  }

  it('are listed by name, page by page', async () => {
    const id = seed();
    const first = await hostsOf({ id, first: 3 });
    const second = await hostsOf({ id, first: 3, after: first.nextCursor });

    expect(first).toMatchObject({
      items: [{ name: 'Node-a', ip: '192.168.0.1' }, { name: 'node-b' }, { name: 'node-c' }],
    });
    expect(second).toEqual({ items: [{ name: 'other', ip: '192.168.0.2' }], nextCursor: null, totalCount: 4 });
  });

  it('are found by a part of their name, ignoring case', async () => {
    const { items, totalCount } = await hostsOf({ id: seed(), name: 'NODE' });

    expect([items.map(({ name }) => name), totalCount]).toEqual([['Node-a', 'node-b', 'node-c'], 3]);
  });

  it.each([
    ['first', { first: 0 }, 'TOO_SMALL'],
    ['first', { first: 1_001 }, 'TOO_LARGE'],
    ['after', { after: 'x' }, 'WRONG_FORMAT'],
    ['name', { name: 'x'.repeat(129) }, 'TOO_LONG'],
  ])('are refused if %s breaks a rule: %j', async (field, variables, code) => {
    const { body } = await read(QUERY, { id: seed(), ...variables });

    expect(body.errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', problems: [{ path: [field], code }] } },
    ]);
  });

  it('cost no call if there are none', async () => {
    const { connectionId: id } = shared().emulator.seedEnhancedConnection();
    const { items, totalCount } = await hostsOf({ id });

    expect([items, totalCount]).toEqual([[], 0]);
  });

  it('are refused in a list of more than 20 connections', async () => {
    const { emulator } = shared();
    for (let index = 0; index < 21; index += 1) emulator.seedEnhancedConnection({ hostCount: 1 });
    const { body } = await read(
      '{ datasourceConnections { items { ... on EnhancedDatasourceConnection { hosts { totalCount } } } } }',
    );

    expect(body.errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_COMPLEX' } }]);
  });
});

describe('the tags of an enhanced connection', () => {
  it('are shown without those of the gateway and of Huawei Cloud', async () => {
    const { connectionId: id } = shared().emulator.seedEnhancedConnection({ tags: TAGS });
    const { body } = await read('query ($id: ID!) { datasourceConnection(id: $id) { tags { key value } } }', { id });

    expect(body.data?.['datasourceConnection']).toEqual({ tags: [{ key: 'team', value: 'billing' }] });
  });

  it('are null, without an error, if they cannot be read', async () => {
    const { emulator } = shared();
    const { connectionId: id } = emulator.seedEnhancedConnection({ tags: TAGS });
    emulator.inject({ operation: 'listEnhancedConnectionTags', status: 403, times: 0 });
    const { body } = await read('query ($id: ID!) { datasourceConnection(id: $id) { id tags { key } } }', { id });

    expect(body).toEqual({ data: { datasourceConnection: { id, tags: null } } });
  });

  it('are read only for the first 20 of a list', async () => {
    const { emulator } = shared();
    for (let index = 0; index < 25; index += 1) emulator.seedEnhancedConnection({ tags: TAGS });
    const { body } = await read('{ datasourceConnections { items { tags { key } } } }');
    const page = body.data?.['datasourceConnections'] as { items: { tags: unknown }[] };

    expect(body.errors).toBeUndefined();
    expect(page.items.filter(({ tags }) => tags !== null)).toHaveLength(20);
  });
});

describe('a list of connections of both kinds', () => {
  it('is filtered by kind, VPC, readiness and what is bound', async () => {
    const { emulator } = shared();
    emulator.seedConnection({ name: 'classic' });
    emulator.seedEnhancedConnection({ name: 'bound', bindings: [ACTIVE_POOL_A] });
    emulator.seedEnhancedConnection({ name: 'unbound', vpcId: 'AAAA-1' });

    expect(await namesIn({})).toEqual(['bound', 'classic', 'unbound']);
    expect(await namesIn({ kinds: ['CLASSIC'] })).toEqual(['classic']);
    expect(await namesIn({ kinds: ['ENHANCED'] })).toEqual(['bound', 'unbound']);
    expect(await namesIn({ vpcId: 'aaaa-1' })).toEqual(['unbound']);
    expect(await namesIn({ readiness: ['READY'] })).toEqual(['bound']);
    expect(await namesIn({ boundTo: { ...POOL_A, name: 'Pool_A' } })).toEqual(['bound']);
    expect(await namesIn({ boundTo: QUEUE_OF_POOL_A })).toEqual(['bound']);
    expect(await namesIn({ boundTo: POOL_B })).toEqual([]);
  });

  it('names a kind that cannot be listed, and shows the other one', async () => {
    const { emulator } = shared();
    emulator.seedConnection({ name: 'classic' });
    emulator.inject({ operation: 'listEnhancedConnections', status: 500, times: 0 });
    const { body } = await read('{ datasourceConnections { items { name kind } unavailableKinds } }');

    expect(body).toEqual({
      data: {
        datasourceConnections: { items: [{ name: 'classic', kind: 'CLASSIC' }], unavailableKinds: ['ENHANCED'] },
      },
    });
  });
});

describe('waiting for bindings', () => {
  it('ends as soon as a queue is bound by its pool', async () => {
    const { emulator } = shared();
    const { connectionId } = emulator.seedEnhancedConnection({ bindings: [ACTIVE_POOL_A] });
    const connection = await enhancedCalls(shared()).read(connectionId, {
      waitSeconds: 25,
      untilBound: [QUEUE_OF_POOL_A],
    });

    expect(connection).toMatchObject({ readiness: 'READY', isSettled: true });
  });

  it('continues while a pool is not bound, and then shows the current state', async () => {
    const { emulator } = shared();
    const { connectionId } = emulator.seedEnhancedConnection({ bindings: [ACTIVE_POOL_A] });
    const connection = await enhancedCalls(shared()).read(connectionId, {
      waitSeconds: 1,
      untilBound: [POOL_A, POOL_B],
    });

    expect(connection).toMatchObject({ readiness: 'READY' });
  });

  it('ends without untilBound when the readiness changes', async () => {
    const { emulator } = shared();
    const calls = enhancedCalls(shared());
    const { connectionId: id } = emulator.seedEnhancedConnection();
    const waiting = calls.read(id, { waitSeconds: 25 });
    await emulator.ledger.waitFor('getEnhancedConnection', 1);
    await calls.bind(id, POOL_A);

    expect(await waiting).toMatchObject({ readiness: 'READY' });
  });

  it('is a subscription that ends when all are bound', async () => {
    const { graphqlUrl, emulator } = shared();
    const { connectionId: id } = emulator.seedEnhancedConnection({ bindings: [ACTIVE_POOL_A] });
    const response = await fetch(graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({
        query: `subscription ($id: ID!, $untilBound: [ConnectionResourceInput!]) {
          datasourceConnection(id: $id, untilBound: $untilBound) { ... on EnhancedDatasourceConnection { readiness } }
        }`,
        variables: { id, untilBound: [QUEUE_OF_POOL_A] },
      }),
    });
    const events = (await response.text()).match(/"readiness":"\w+"/g);

    expect(events).toEqual(['"readiness":"READY"']);
  });
});
