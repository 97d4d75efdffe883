import { afterEach, describe, expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import { POOL_A, POOL_B, QUEUE_OF_POOL_A, startEnhancedGateway } from '../helpers/enhanced-gateway.js';
import { closeGateways } from '../helpers/gateway.js';
import { nextChange, watchList } from '../helpers/list-changes.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';
import { pageOf } from '../helpers/read-connections.js';
import type { SubscriptionEvent } from '../helpers/subscribers.js';
import { closeSubscribers, nextOf, readAll, socketClient, subscribe } from '../helpers/subscribers.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

const FAST = { FOLLOW_INTERVAL_MS: '100' };
const SUBSCRIPTION = `subscription ($id: ID!, $untilBound: [ConnectionResourceInput!]) {
  datasourceConnection(id: $id, untilBound: $untilBound) {
    id state ... on EnhancedDatasourceConnection { readiness isSettled bindings { name state isOverdue } }
  }
}`;

interface Shown {
  readiness: string;
  isSettled: boolean;
  bindings: { name: string; state: string; isOverdue: boolean }[];
}

type Gateway = Awaited<ReturnType<typeof startEnhancedGateway>>;

function watch({ graphqlUrl }: Gateway, id: string, untilBound?: object[]) {
  return subscribe('graphql-ws', graphqlUrl, { query: SUBSCRIPTION, variables: { id, untilBound } });
}

function shownIn(event: SubscriptionEvent): Shown | null | undefined {
  return (event.data as { datasourceConnection: Shown | null } | undefined)?.datasourceConnection;
}

const seedBound = ({ emulator }: Gateway, status: string, name: string, updatedAtMs?: number) =>
  emulator.seedEnhancedConnection({
    name,
    bindings: [{ kind: 'pool', name: 'pool_a', status, updatedAtMs }],
  }).connectionId;

describe('a subscription to an enhanced connection', () => {
  it('reports what is bound after its start, a queue through its pool', async () => {
    const clock = createManualClock();
    const emulator = { peeringMs: 2_000, now: () => clock.epochMs() };
    const gateway = await startEnhancedGateway({ env: FAST, emulator });
    const { connectionId: id } = gateway.emulator.seedEnhancedConnection({ name: 'orders' });
    const events = watch(gateway, id, [QUEUE_OF_POOL_A]);
    expect(shownIn(await nextOf(events))).toMatchObject({ readiness: 'UNBOUND', isSettled: true });
    await gateway.bind(id, QUEUE_OF_POOL_A);
    expect(shownIn(await nextOf(events))).toMatchObject({ readiness: 'BINDING', bindings: [{ name: 'pool_a' }] });
    clock.advance(2_000);
    expect((await readAll(events)).map(shownIn)).toMatchObject([{ readiness: 'READY', isSettled: true }]);
  });

  it('ends at once if nothing is bound and it waits for no resources', async () => {
    const gateway = await startEnhancedGateway();
    const { connectionId: id } = gateway.emulator.seedEnhancedConnection({ name: 'orders' });
    expect((await readAll(watch(gateway, id))).map(shownIn)).toMatchObject([{ readiness: 'UNBOUND' }]);
  });

  it('reports that a binding is overdue, and stays open', async () => {
    const clock = createTestClock();
    const gateway = await startEnhancedGateway({ env: FAST, clock });
    const id = seedBound(gateway, 'CREATING', 'orders', Date.now());
    const events = watch(gateway, id);
    expect(shownIn(await nextOf(events))).toMatchObject({ bindings: [{ isOverdue: false }] });
    clock.advance(15 * 60_000);
    expect(shownIn(await nextOf(events))).toMatchObject({ bindings: [{ isOverdue: true }] });
    await gateway.emulator.ledger.waitFor('getEnhancedConnection', 4);
    await events.return?.();
  });

  it('costs one call per connection and poll, however many watch it and whatever they wait for', async () => {
    const intervalMs = proofSize(300, 1_000);
    const connections = proofSize(10, 50);
    const env = { FOLLOW_INTERVAL_MS: String(intervalMs), FOLLOW_CALLS_PER_SECOND: '1000' };
    const gateway = await startEnhancedGateway({ env });
    const { ledger } = gateway.emulator;
    const ids = Array.from({ length: connections }, (_, index) => seedBound(gateway, 'CREATING', `c${index}`));
    // The list shows the kind of each id.
    await pageOf(gateway);
    const clients = Array.from({ length: 5 }, () => socketClient(gateway.graphqlUrl));
    const watchers = clients.flatMap(client =>
      ids.flatMap(id =>
        [[POOL_A], [POOL_B]].map(untilBound => client.iterate({ query: SUBSCRIPTION, variables: { id, untilBound } })),
      ),
    );
    expect(watchers).toHaveLength(10 * connections);
    const first = await Promise.all(watchers.map(watcher => watcher.next()));
    expect(first.filter(({ value }) => shownIn(value as SubscriptionEvent)?.readiness !== 'BINDING')).toEqual([]);
    await ledger.waitFor('getEnhancedConnection', 3 * connections);
    expect(ledger.count('getConnection')).toBe(0);
    const polls = ledger.entries('getEnhancedConnection');
    for (const id of ids) {
      const times = polls.filter(({ path }) => path.endsWith(id)).map(({ atMs }) => atMs);
      // An interval starts when the response arrives, and has a jitter of 20 %.
      for (const [index, atMs] of times.slice(1).entries())
        expect(atMs - (times[index] ?? 0)).toBeGreaterThan(intervalMs * 0.8 - 20);
    }
    await Promise.all(clients.map(client => client.dispose()));
  });
});

describe('a cached list', () => {
  it('shows what was bound and unbound through the gateway, without another list call', async () => {
    const gateway = await startEnhancedGateway({ clock: createManualClock() });
    const { connectionId: id } = gateway.emulator.seedEnhancedConnection({ name: 'orders' });
    const readyNames = async () => {
      const page = await pageOf(gateway, 'filter: {readiness: [READY]}');
      return page.items.map(({ name }) => name);
    };
    expect(await readyNames()).toEqual([]);
    const lists = gateway.emulator.ledger.count('listEnhancedConnections');
    expect(await gateway.bind(id, POOL_A)).toMatchObject({ __typename: 'BindDatasourceConnectionSuccess' });
    expect(await readyNames()).toEqual(['orders']);
    expect(await gateway.unbind(id, POOL_A)).toMatchObject({ __typename: 'UnbindDatasourceConnectionSuccess' });
    expect(await readyNames()).toEqual([]);
    expect(gateway.emulator.ledger.count('listEnhancedConnections')).toBe(lists);
  });

  it('has an enhanced connection that was created through the gateway, and lacks one that was deleted', async () => {
    const gateway = await startEnhancedGateway({ clock: createManualClock() });
    expect(await pageOf(gateway)).toMatchObject({ totalCount: 0 });
    const lists = gateway.emulator.ledger.count('listEnhancedConnections');
    const { connectionId: id = '' } = await gateway.createEnhanced();
    expect(await pageOf(gateway, 'filter: {kinds: [ENHANCED]}')).toMatchObject({ items: [{ id }] });
    await gateway.remove(id);
    expect(await pageOf(gateway)).toMatchObject({ totalCount: 0 });
    expect(gateway.emulator.ledger.count('listEnhancedConnections')).toBe(lists);
  });
});

describe('a region without one kind', () => {
  const askForKinds = async (gateway: Gateway, filter: string) => {
    const { body } = await gateway.send({
      query: `{ datasourceConnections${filter} { totalCount unavailableKinds items { kind name } } }`,
    });
    return body.errors?.map(({ extensions }) => extensions.code) ?? body.data?.['datasourceConnections'];
  };

  it.each([
    ['CLASSIC', 'ENHANCED', { classicOffered: false }],
    ['ENHANCED', 'CLASSIC', { enhancedOffered: false }],
  ])('lists the other one: without %s', async (missing, kind, emulator) => {
    const gateway = await startEnhancedGateway({ emulator });
    gateway.emulator.seedConnection({ name: 'CLASSIC' });
    gateway.emulator.seedEnhancedConnection({ name: 'ENHANCED' });
    const items = [{ kind, name: kind }];
    expect(await askForKinds(gateway, '')).toEqual({ totalCount: 1, unavailableKinds: [missing], items });
    expect(await askForKinds(gateway, `(filter: {kinds: [${kind}]})`)).toEqual({
      totalCount: 1,
      unavailableKinds: [],
      items,
    });
    expect(await askForKinds(gateway, `(filter: {kinds: [${missing}]})`)).toEqual([expect.any(String)]);
  });
});

describe('a subscription to the list', () => {
  it('reports nothing as removed while DLI does not offer enhanced connections', async () => {
    const gateway = await startEnhancedGateway({ env: FAST });
    const { emulator } = gateway;
    emulator.seedEnhancedConnection({ name: 'enhanced' });
    const events = await watchList(gateway);
    await emulator.ledger.waitFor('listEnhancedConnections', 1);
    emulator.inject({ operation: 'listEnhancedConnections', error: 'APIGW.0101', times: 0 });
    await emulator.ledger.waitFor('listConnections', emulator.ledger.count('listConnections') + 3);
    emulator.seedConnection({ name: 'classic', state: 'ACTIVE' });
    expect(await nextChange(events)).toBe('ADDED classic ACTIVE');
    emulator.clearFaults();
    emulator.seedEnhancedConnection({ name: 'later' });
    expect(await nextChange(events)).toBe('ADDED later ACTIVE');
  });
});

describe('the hosts of an enhanced connection', () => {
  it('are read in pages, at the cost of a single call', async () => {
    const gateway = await startEnhancedGateway({ clock: createManualClock() });
    const hosts = ['b', 'A', 'ab'].map((name, index) => ({ name, ip: `192.168.0.${index}` }));
    const { connectionId: id } = gateway.emulator.seedEnhancedConnection({ name: 'orders', hosts });
    const hostsOf = async (argumentsText: string) => {
      const { body } = await gateway.send({
        query: `{ datasourceConnection(id: "${id}") { ... on EnhancedDatasourceConnection {
          hostCount hosts${argumentsText} { totalCount nextCursor items { name ip } } } } }`,
      });
      const shown = body.data?.['datasourceConnection'] as { hosts: { nextCursor: string | null } } | undefined;
      return shown ?? JSON.stringify(body.errors);
    };
    const first = await hostsOf('(first: 1, name: "a")');
    expect(first).toMatchObject({ hostCount: 3, hosts: { totalCount: 2, items: [{ name: 'A', ip: '192.168.0.1' }] } });
    const calls = gateway.emulator.ledger.count('getEnhancedConnection');
    const after = typeof first === 'string' ? '' : first.hosts.nextCursor;
    expect(await hostsOf(`(after: "${after}", name: "a")`)).toMatchObject({
      hosts: { totalCount: 2, nextCursor: null, items: [{ name: 'ab', ip: '192.168.0.2' }] },
    });
    expect(await hostsOf('(after: "wrong")')).toContain('BAD_USER_INPUT');
    expect(gateway.emulator.ledger.count('getEnhancedConnection')).toBe(calls);
  });
});
