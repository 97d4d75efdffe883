import { afterEach, describe, expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import { remove, seed } from '../helpers/deletion.js';
import { printOnFailure } from '../helpers/failure-log.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import type { ShownChange } from '../helpers/list-changes.js';
import { nextChange, nextChangeAfterCreate, WATCH_LIST, watchList } from '../helpers/list-changes.js';
import { PATIENT_TIMEOUTS } from '../helpers/patient-timeouts.js';
import { connectionOf, pageOf } from '../helpers/read-connections.js';
import type { SubscriptionEvent, Transport } from '../helpers/subscribers.js';
import {
  closeSubscribers,
  nextOf,
  openSubscriber,
  readAll,
  socketClient,
  subscribe,
  WATCH,
} from '../helpers/subscribers.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

const FAST = { FOLLOW_INTERVAL_MS: '100' };
const SLOW = { FOLLOW_INTERVAL_MS: '60000' };
const TRANSPORTS: Transport[] = ['graphql-ws', 'graphql-sse'];

const listCalls = ({ emulator }: TestGateway) => emulator.ledger.count('listConnections');

/** Changes the state of a connection at DLI, bypassing the gateway. */
function change({ emulator }: TestGateway, name: string, connectionId: string, state: string): void {
  emulator.seedConnection({ connectionId, name, state });
}

describe.each(TRANSPORTS)('a subscription to the list over %s', transport => {
  it('reports what others change, and nothing that existed before', async () => {
    const gateway = await startGateway({ env: FAST });
    const old = seed(gateway.emulator, { name: 'old' });
    const events = await watchList(gateway, { transport });
    const id = seed(gateway.emulator, { name: 'new', state: 'CREATING' });
    expect(await nextChange(events)).toBe('ADDED new CREATING');
    change(gateway, 'new', id, 'ACTIVE');
    expect(await nextChange(events)).toBe('CHANGED new ACTIVE');
    change(gateway, 'new', id, 'DELETED');
    expect(await nextChange(events)).toBe('REMOVED new DELETED');
    gateway.emulator.reset({ keepTokens: true });
    // In its last known state, because DLI no longer lists it.
    expect(await nextOf(events)).toEqual({
      data: { datasourceConnections: { kind: 'REMOVED', connection: { id: old, name: 'old', state: 'ACTIVE' } } },
    });
  });

  it('reports what is changed through the gateway at once, whatever the interval', async () => {
    const clock = createTestClock();
    const gateway = await startGateway({ clock, env: SLOW, emulator: { creationMs: 0 } });
    const events = await watchList(gateway, { transport });
    // Reads of the list are at least a second apart.
    clock.advance(1_000);
    const { connectionId = '' } = await gateway.create({ name: 'ours' });
    expect(await nextChange(events)).toBe('ADDED ours ACTIVE');
    clock.advance(1_000);
    await remove(gateway, connectionId);
    expect(await nextChange(events)).toBe('REMOVED ours DELETED');
  });

  it('reports an outage of DLI once, and then what has changed during it', async () => {
    const gateway = await startGateway({ env: FAST });
    const events = await watchList(gateway, { transport });
    gateway.emulator.inject({ operation: 'listConnections', status: 500, times: 4 });
    seed(gateway.emulator, { name: 'meanwhile' });
    expect(await nextOf(events)).toEqual({
      data: null,
      errors: [
        expect.objectContaining({
          message: 'DLI cannot be used at the moment. Try again later.',
          path: ['datasourceConnections'],
          extensions: expect.objectContaining({ code: 'UPSTREAM_UNAVAILABLE' }),
        }),
      ],
    });
    expect(await nextChange(events)).toBe('ADDED meanwhile ACTIVE');
  });
});

describe('a subscription to the list', () => {
  it('misses nothing that changes between the query of the list and its start', async () => {
    const gateway = await startGateway({ env: FAST });
    const old = seed(gateway.emulator, { name: 'old' });
    expect((await pageOf(gateway)).totalCount).toBe(1);
    seed(gateway.emulator, { name: 'theirs' });
    await gateway.create({ name: 'ours' });
    await remove(gateway, old);
    const events = await watchList(gateway);
    const changes = [await nextChange(events), await nextChange(events), await nextChange(events)];
    expect(changes.sort()).toEqual(['ADDED ours CREATING', 'ADDED theirs ACTIVE', 'REMOVED old DELETED']);
  });

  it('reports what begins and ceases to match its filter', async () => {
    const table: [filter: Record<string, unknown>, changes: string[]][] = [
      [{}, ['ADDED x CREATING', 'CHANGED x ACTIVE', 'CHANGED x FAILED', 'REMOVED x DELETED']],
      [{ states: ['ACTIVE'] }, ['', 'ADDED x ACTIVE', 'REMOVED x FAILED', '']],
      [{ states: ['CREATING', 'DELETED'] }, ['ADDED x CREATING', 'REMOVED x ACTIVE', '', 'ADDED x DELETED']],
      [
        { includeDeleted: true, name: 'X' },
        ['ADDED x CREATING', 'CHANGED x ACTIVE', 'CHANGED x FAILED', 'CHANGED x DELETED'],
      ],
      [{ services: ['DWS'] }, ['', '', '', '']],
      [{ name: 'y' }, ['', '', '', '']],
    ];
    const gateway = await startGateway({ env: FAST });
    const { emulator, graphqlUrl } = gateway;
    const client = socketClient(graphqlUrl);
    const watches = table.map(([filter, expected]) => {
      const events = client.iterate({ query: WATCH_LIST, variables: { filter } }) as AsyncIterator<SubscriptionEvent>;
      const changes: string[] = [];
      return { filter, expected, events, changes };
    });
    printOnFailure('Changes so far', () => JSON.stringify(watches.map(({ filter, changes }) => [filter, changes])));
    // The end of this watch shows that those before it have started.
    for await (const _ of client.iterate({ query: WATCH, variables: { id: 'none' } }));
    await emulator.ledger.waitFor('listConnections', 1);
    const { connectionId: id } = emulator.seedConnection({ name: 'x', state: 'CREATING' });
    for (const [index, state] of ['CREATING', 'ACTIVE', 'FAILED', 'DELETED'].entries()) {
      change(gateway, 'x', id, state);
      // All watches get the changes of one read of the list, and at least one of them is to get one.
      for (const { expected, events, changes } of watches)
        changes.push(expected[index] === '' ? '' : await nextChange(events));
    }
    // Each filter matches one of them, which is the next event unless there was an unexpected one.
    seed(emulator, { name: 'xy' });
    seed(emulator, { name: 'xy', state: 'CREATING' });
    seed(emulator, { name: 'xy', service: 'DWS' });
    for (const { events, changes } of watches) changes.push((await nextChange(events)).slice(0, 'ADDED xy'.length));
    expect(watches.map(({ filter, changes }) => [filter, changes])).toEqual(
      table.map(([filter, changes]) => [filter, [...changes, 'ADDED xy']]),
    );
  });

  it('is refused with the rule that its filter breaks, and nothing is read', async () => {
    const gateway = await startGateway();
    const variables = { filter: { name: 'x'.repeat(65) } };
    const events = subscribe('graphql-ws', gateway.graphqlUrl, { query: WATCH_LIST, variables });
    expect(await readAll(events)).toMatchObject([
      {
        errors: [
          {
            message: 'name may have at most 64 characters.',
            extensions: {
              code: 'BAD_USER_INPUT',
              problems: [{ path: ['filter', 'name'], code: 'TOO_LONG', limit: 64 }],
            },
          },
        ],
      },
    ]);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('is refused without the right to read, and nothing is read', async () => {
    const gateway = await startTokenGateway();
    const token = await gateway.sign({ claims: { scope: 'dli:connection:create dli:connection:delete' } });
    const events = subscribe('graphql-ws', gateway.graphqlUrl, { query: WATCH_LIST }, token);
    expect(await readAll(events)).toMatchObject([{ errors: [{ extensions: { code: 'FORBIDDEN' } }] }]);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('counts as a watch of its tenant', async () => {
    const gateway = await startTokenGateway(SLOW, { limits: { watchesPerTenant: 2 } });
    const [token, other] = await Promise.all(['one', 'other'].map(sub => gateway.sign({ claims: { sub } })));
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const { sendMessage, nextMessage } = await openSubscriber(gateway.graphqlUrl, bearer(token));
    const watch = { query: WATCH, variables: { id: connectionId } };
    sendMessage({ type: 'subscribe', id: 'a', payload: watch });
    expect(await nextMessage()).toMatchObject({ type: 'next', id: 'a' });
    for (const id of ['b', 'c']) sendMessage({ type: 'subscribe', id, payload: { query: WATCH_LIST } });
    expect(await nextMessage()).toMatchObject({ payload: { errors: [{ extensions: { code: 'OVERLOADED' } }] } });

    expect(await nextChangeAfterCreate(gateway, other)).toBe('ADDED orders CREATING');
    // The end of one watch makes room for another.
    for (const id of ['a', 'b', 'c']) sendMessage({ type: 'complete', id });
    let isWatched = false;
    for (let tries = 0; !isWatched && tries < 1_000; tries += 1) {
      sendMessage({ type: 'subscribe', id: `d${tries}`, payload: watch });
      isWatched = JSON.stringify(await nextMessage()).includes(connectionId);
    }
    expect(isWatched).toBe(true);
  });

  it('ends with an error when a subscriber is too far behind', async () => {
    const gateway = await startGateway({ env: FAST });
    const events = await watchList(gateway);
    for (let index = 0; index <= 1_000; index += 1) seed(gateway.emulator);
    expect(await nextOf(events)).toMatchObject({ errors: [{ extensions: { code: 'SUBSCRIPTION_ENDED' } }] });
    expect(await events.next()).toMatchObject({ done: true });
  });

  it('does not end when its gateway stops, so that its client reconnects', async () => {
    const gateway = await startGateway({ env: SLOW });
    const { sendMessage, closed, socket } = await openSubscriber(gateway.graphqlUrl);
    sendMessage({ type: 'subscribe', id: 'a', payload: { query: WATCH_LIST } });
    await gateway.emulator.ledger.waitFor('listConnections', 1);
    const received: string[] = [];
    socket.on('message', data => received.push(String(data)));
    await gateway.close();
    expect([(await closed).code, received]).toEqual([1001, []]);
  });
});

describe('many subscribers of all tenants', () => {
  it('cause one read of the list per interval, which a query shares', async () => {
    const intervalMs = 300;
    const gateway = await startTokenGateway({ FOLLOW_INTERVAL_MS: String(intervalMs), READ_FRESHNESS_MS: '60000' });
    const { emulator, graphqlUrl } = gateway;
    const tokens = await Promise.all(['one', 'two', 'three'].map(sub => gateway.sign({ claims: { sub } })));
    const events = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(index =>
      subscribe('graphql-ws', graphqlUrl, { query: WATCH_LIST }, tokens[index % 3]),
    );
    let haveAll = false;
    const firsts = Promise.all(events.map(nextOf)).then(received => {
      haveAll = true;
      return received;
    });
    // A watch that starts later compares with a later list.
    while (!haveAll || listCalls(gateway) < 8) {
      seed(emulator);
      await emulator.ledger.waitFor('listConnections', listCalls(gateway) + 1);
    }
    expect(await firsts).toHaveLength(12);
    const times = emulator.ledger.entries('listConnections').map(({ atMs }) => atMs);
    const hasty = times.filter((atMs, index) => index > 0 && atMs - (times[index - 1] ?? 0) < intervalMs / 2);
    expect(hasty.length).toBeLessThan(times.length / 4);

    const before = listCalls(gateway);
    const query = '{ datasourceConnections { totalCount } }';
    expect((await gateway.send({ query }, bearer(tokens[0]))).body.errors).toBeUndefined();
    const callers = emulator.ledger.entries('listConnections').slice(before);
    // Polls may have continued meanwhile.
    expect(callers.length).toBeLessThanOrEqual(1);
  });

  it('cause no reads after all have left', async () => {
    const gateway = await startGateway({ env: FAST, emulator: { creationMs: 600_000 } });
    const { connectionId = '' } = await gateway.create({ name: 'watched' });
    const events = await Promise.all(TRANSPORTS.map(transport => watchList(gateway, { transport })));
    seed(gateway.emulator);
    for (const each of events) await nextChange(each);
    for (const each of events) await each.return?.();
    let calls = -1;
    // It can take the gateway some time to detect that a subscriber has left.
    for (let tries = 0; calls !== 0 && tries < 60; tries += 1) {
      const before = listCalls(gateway);
      // This would cause a poll.
      await gateway.create({ name: `more_${tries}` });
      await connectionOf(gateway, connectionId, 'waitSeconds: 1');
      calls = listCalls(gateway) - before;
    }
    expect(calls).toBe(0);
  });
});

describe('a subscriber that reads slowly', () => {
  it('gets the latest change of each connection, not all of them', async () => {
    const gateway = await startGateway({ env: FAST, limits: { clientTimeouts: PATIENT_TIMEOUTS } });
    const { emulator, graphqlUrl } = gateway;
    const count = 50;
    const { socket, sendMessage, nextMessage } = await openSubscriber(graphqlUrl);
    // Events of more than 100 KB fill the socket buffers of the machine.
    const fields = Array.from({ length: 15 }, (_, index) => `q${index}: queues { name }`).join(' ');
    const query = `subscription { datasourceConnections(filter: {includeDeleted: true}) {
      kind connection { name state ${fields} } } }`;
    const queues = ['a', 'b', 'c', 'd'].map(letter => letter.repeat(2_000));
    sendMessage({ type: 'subscribe', id: 'a', payload: { query } });
    await emulator.ledger.waitFor('listConnections', 1);
    socket.pause();
    const ids = Array.from({ length: count }, (_, index) => seed(emulator, { name: `c${index}`, queues }));
    const states = ['CREATING', 'FAILED', 'ABNORMAL', 'ACTIVE', 'DELETED'];
    for (const state of states) {
      await emulator.ledger.waitFor('listConnections', listCalls(gateway) + 2);
      for (const [index, connectionId] of ids.entries())
        emulator.seedConnection({ connectionId, name: `c${index}`, queues, state });
    }
    socket.resume();
    const latest = new Map<string, string>();
    let received = 0;
    while ([...latest.values()].filter(state => state === 'DELETED').length < count) {
      const { payload } = await nextMessage();
      const { connection } = (payload as { data: { datasourceConnections: ShownChange } }).data.datasourceConnections;
      expect(latest.get(connection.name)).not.toBe('DELETED');
      latest.set(connection.name, connection.state);
      received += 1;
    }
    expect(received).toBeLessThan((count * (states.length + 1)) / 2);
  });
});
