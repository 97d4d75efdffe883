import { afterEach, describe, expect, it } from '@jest/globals';
import { startTokenGateway } from '../auth/helpers/token-gateway.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import type { SubscriptionEvent, Transport } from '../http/helpers/subscribers.js';
import {
  closeSubscribers,
  nextOf,
  openSocket,
  readAll,
  socketClient,
  subscribe,
} from '../http/helpers/subscribers.js';
import { connectionOf } from './helpers/read-connections.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

const FAST = { FOLLOW_INTERVAL_MS: '100' };
const TRANSPORTS: Transport[] = ['graphql-ws', 'graphql-sse'];
const FOLLOW = `subscription ($id: ID!) { datasourceConnection(id: $id) {
  id state ... on ClassicDatasourceConnection { progress failureReason connectionAddress }
} }`;

interface Shown {
  state: string;
  progress: number;
  failureReason: string | null;
}

function follow(
  { graphqlUrl }: TestGateway,
  transport: Transport,
  id: string,
): AsyncIterableIterator<SubscriptionEvent> {
  return subscribe(transport, graphqlUrl, { query: FOLLOW, variables: { id } });
}

/** The connections that are looked at although nobody watches, seen while one that somebody waits for is. */
async function looksOfOthers(gateway: TestGateway): Promise<string[]> {
  const { emulator } = gateway;
  const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
  // What was under way when the last one left comes to its end.
  await connectionOf(gateway, connectionId, 'waitSeconds: 1');
  const before = emulator.ledger.count('getConnection');
  await connectionOf(gateway, connectionId, 'waitSeconds: 3');
  const looks = emulator.ledger.entries('getConnection').slice(before);
  expect(looks.length).toBeGreaterThan(1);
  return looks.map(({ path }) => path).filter(path => !path.endsWith(connectionId));
}

function shownIn(told: SubscriptionEvent): Shown | null | undefined {
  return (told.data as { datasourceConnection: Shown | null } | undefined)?.datasourceConnection;
}

describe.each(TRANSPORTS)('a connection that is followed by %s', transport => {
  it.each([
    ['orders', { state: 'ACTIVE', progress: 1, failureReason: null, connectionAddress: expect.any(String) }],
    ['fail_orders', { state: 'FAILED', failureReason: "Can't get ready router.", connectionAddress: null }],
  ])('is shown at every change until DLI is done with it: %s', async (name, end) => {
    const gateway = await startGateway({ env: FAST, emulator: { creationMs: 3_000 } });
    const { connectionId = '' } = await gateway.create({ name });
    const events = (await readAll(follow(gateway, transport, connectionId))).map(shownIn);
    expect(events.at(0)).toMatchObject({ state: 'CREATING' });
    expect(events.at(-1)).toMatchObject(end);
    expect(events.length).toBeGreaterThan(3);
    expect(events.slice(0, -1).every(event => event?.state === 'CREATING')).toBe(true);
    // Nothing is shown twice.
    expect(new Set(events.map(event => JSON.stringify(event))).size).toBe(events.length);
  });

  it.each(['ACTIVE', 'FAILED', 'DELETED'])('and is %s already is shown once', async state => {
    const gateway = await startGateway();
    const { connectionId } = gateway.emulator.seedConnection({ state });
    const events = await readAll(follow(gateway, transport, connectionId));
    expect(events.map(shownIn)).toMatchObject([{ state }]);
  });

  it.each(['68233202-63bf-4f27-a99b-fa5f5a2dbae1', 'no-id'])(
    'and does not exist is null, once: %s',
    async id => {
      const gateway = await startGateway();
      const events = await readAll(follow(gateway, transport, id));
      expect(events).toEqual([{ data: { datasourceConnection: null } }]);
    },
  );

  it('is followed on while DLI is broken, which is told once', async () => {
    const gateway = await startGateway({ env: FAST });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const events = follow(gateway, transport, connectionId);
    expect(shownIn(await nextOf(events))).toMatchObject({ state: 'CREATING' });
    gateway.emulator.inject({ operation: 'getConnection', status: 500, times: 6 });
    expect(await nextOf(events)).toEqual({
      data: { datasourceConnection: null },
      errors: [
        expect.objectContaining({
          message: 'DLI cannot be used at the moment. Try again later.',
          extensions: expect.objectContaining({ code: 'UPSTREAM_UNAVAILABLE' }),
        }),
      ],
    });
    expect(shownIn(await nextOf(events))).toMatchObject({ state: 'CREATING' });
    expect(
      gateway.emulator.ledger.entries('getConnection').filter(({ status }) => status === 500),
    ).toHaveLength(6);
  });

  it('that is deleted is shown as DELETED, and done with', async () => {
    const gateway = await startGateway({ env: FAST });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'RUNNING' });
    const events = follow(gateway, transport, connectionId);
    expect(shownIn(await nextOf(events))).toMatchObject({ state: 'UNKNOWN' });
    await gateway.send({
      query: `mutation { deleteDatasourceConnection(input: {id: "${connectionId}"}) { __typename } }`,
    });
    expect((await readAll(events)).map(shownIn)).toMatchObject([{ state: 'DELETED' }]);
  });
});

describe('a connection that is changed while it is looked at', () => {
  it('is looked at again at once, so that nobody waits for the next turn with what was before', async () => {
    const gateway = await startGateway({ env: { FOLLOW_INTERVAL_MS: '20000' } });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'RUNNING' });
    // While it is not known whether the credentials work, one call goes alone.
    await connectionOf(gateway, connectionId);
    gateway.emulator.ledger.clear();
    // What this look sees is decided before the delay.
    gateway.emulator.inject({ operation: 'getConnection', delayMs: 500 });
    const events = follow(gateway, 'graphql-ws', connectionId);
    const first = nextOf(events);
    await gateway.emulator.ledger.waitFor('getConnection', 1);
    const startedMs = performance.now();
    await gateway.send({
      query: `mutation { deleteDatasourceConnection(input: {id: "${connectionId}"}) { __typename } }`,
    });
    // Not even the look that was under way is shown: it is older than the change.
    expect(shownIn(await first)).toMatchObject({ state: 'DELETED' });
    expect(await readAll(events)).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});

describe('whoever leaves', () => {
  it('takes no turn from those who come after', async () => {
    const gateway = await startGateway({ env: { FOLLOW_CALLS_PER_SECOND: '5' } });
    const client = socketClient(gateway.graphqlUrl);
    const seed = () => gateway.emulator.seedConnection({ state: 'CREATING' }).connectionId;
    for (let index = 0; index < 200; index += 1) {
      const watcher = client.iterate({ query: FOLLOW, variables: { id: seed() } });
      const event = watcher.next();
      await watcher.return?.();
      await event.catch(() => undefined);
    }
    const startedMs = performance.now();
    const last = client.iterate({ query: FOLLOW, variables: { id: seed() } });
    expect(shownIn((await last.next()).value as SubscriptionEvent)).toMatchObject({ state: 'CREATING' });
    expect(performance.now() - startedMs).toBeLessThan(15_000);
  });

  it('while a query waits is not waited for', async () => {
    const gateway = await startGateway({ env: FAST });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const leaving = new AbortController();
    const query = `{ datasourceConnection(id: "${connectionId}", waitSeconds: 25) { id } }`;
    const answer = fetch(gateway.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      signal: leaving.signal,
    });
    await gateway.emulator.ledger.waitFor('getConnection', 2);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    expect(await looksOfOthers(gateway)).toEqual([]);
  });
});

describe('an id in capital letters', () => {
  it('is the same connection, followed, read and deleted', async () => {
    const gateway = await startGateway({ env: { READ_FRESHNESS_MS: '60000' } });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'ACTIVE' });
    const inCapitals = connectionId.toUpperCase();
    expect(await connectionOf(gateway, inCapitals)).toMatchObject({ id: connectionId, state: 'ACTIVE' });
    expect(await connectionOf(gateway, connectionId)).toMatchObject({ id: connectionId });
    expect(gateway.emulator.ledger.count('getConnection')).toBe(1);
    await gateway.send({
      query: `mutation { deleteDatasourceConnection(input: {id: "${connectionId}"}) { __typename } }`,
    });
    expect(await connectionOf(gateway, inCapitals)).toMatchObject({ state: 'DELETED' });
  });
});

describe('many subscriptions under one id of a socket', () => {
  it('are all ended with the socket', async () => {
    const gateway = await startGateway({ env: FAST });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const { socket, say, hear, closed } = await openSocket(gateway.graphqlUrl);
    say({ type: 'connection_init' });
    expect(await hear()).toMatchObject({ type: 'connection_ack' });
    const payload = { query: FOLLOW, variables: { id: connectionId } };
    for (let index = 0; index < 50; index += 1) {
      say({ type: 'subscribe', id: 'x', payload });
      say({ type: 'complete', id: 'x' });
    }
    say({ type: 'subscribe', id: 'x', payload });
    say({ type: 'subscribe', id: 'y', payload });
    // The library may tell the ends of those before under the id of the one after.
    let heard = await hear();
    while (heard.id !== 'y') heard = await hear();
    expect(heard).toMatchObject({ type: 'next' });
    socket.close();
    await closed;
    expect(await looksOfOthers(gateway)).toEqual([]);
  });
});

describe('five hundred watchers of fifty connections', () => {
  it('cost one look at each connection in an interval, and none when all have left', async () => {
    const intervalMs = 1_000;
    const env = { FOLLOW_INTERVAL_MS: String(intervalMs), FOLLOW_CALLS_PER_SECOND: '1000' };
    const gateway = await startGateway({ env });
    const { ledger } = gateway.emulator;
    const ids = Array.from(
      { length: 50 },
      (_, index) => gateway.emulator.seedConnection({ name: `c${index}`, state: 'CREATING' }).connectionId,
    );
    const clients = Array.from({ length: 5 }, () => socketClient(gateway.graphqlUrl));
    const watchers = clients.flatMap(client =>
      ids.flatMap(id => [0, 1].map(() => client.iterate({ query: FOLLOW, variables: { id } }))),
    );
    expect(watchers).toHaveLength(500);
    const first = await Promise.all(watchers.map(watcher => watcher.next()));
    expect(first.filter(({ value }) => shownIn(value as SubscriptionEvent)?.state !== 'CREATING')).toEqual(
      [],
    );
    await ledger.waitFor('getConnection', 150);

    const looks = ledger.entries('getConnection');
    for (const { atMs } of looks) {
      // An interval is a fifth shorter or longer by chance.
      const within = looks.filter(look => look.atMs >= atMs && look.atMs < atMs + intervalMs * 0.8 - 100);
      expect(within.length).toBeLessThanOrEqual(50);
    }

    for (const watcher of watchers) void watcher.return?.();
    await Promise.all(clients.map(client => client.dispose()));
    expect(await looksOfOthers(gateway)).toEqual([]);
  });
});

describe('more connections than FOLLOW_CALLS_PER_SECOND lets the gateway look at', () => {
  it('do not make it ask more often', async () => {
    const gateway = await startGateway({ env: { ...FAST, FOLLOW_CALLS_PER_SECOND: '10' } });
    const client = socketClient(gateway.graphqlUrl);
    const watchers = Array.from({ length: 50 }, (_, index) => {
      const { connectionId: id } = gateway.emulator.seedConnection({ name: `c${index}`, state: 'CREATING' });
      return client.iterate({ query: FOLLOW, variables: { id } });
    });
    await Promise.all(watchers.map(watcher => watcher.next()));
    const times = gateway.emulator.ledger.entries('getConnection').map(({ atMs }) => atMs);
    expect(times.length).toBeGreaterThanOrEqual(50);
    // Ten at once after a rest, and then ten a second.
    expect((times[49] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(3_500);
  });

  it('give every tenant its turn, however many of them are of one', async () => {
    const gateway = await startTokenGateway({ ...FAST, FOLLOW_CALLS_PER_SECOND: '5' });
    const { emulator, graphqlUrl } = gateway;
    const tokenOf = (tenant: string) => gateway.sign({ claims: { sub: tenant } });
    const seed = () => emulator.seedConnection({ state: 'CREATING' }).connectionId;
    const client = socketClient(graphqlUrl, { authorization: `Bearer ${await tokenOf('many')}` });
    for (let index = 0; index < 200; index += 1)
      client
        .iterate({ query: FOLLOW, variables: { id: seed() } })
        .next()
        .catch(() => undefined);
    await emulator.ledger.waitFor('getConnection', 10);

    const token = await tokenOf('one');
    const before = emulator.ledger.count('getConnection');
    const id = seed();
    const told = await nextOf(
      subscribe('graphql-sse', graphqlUrl, { query: FOLLOW, variables: { id } }, token),
    );
    expect(shownIn(told)).toMatchObject({ state: 'CREATING' });
    const looks = emulator.ledger.entries('getConnection').slice(before);
    // Forty seconds of calls were waiting.
    expect(looks.findIndex(({ path }) => path.endsWith(id))).toBeLessThan(20);
  });

  it('do not make it ask more often when DLI fails', async () => {
    const gateway = await startGateway({ env: { ...FAST, FOLLOW_CALLS_PER_SECOND: '10' } });
    gateway.emulator.inject({ operation: 'getConnection', status: 500, times: 0 });
    const client = socketClient(gateway.graphqlUrl);
    const watchers = Array.from({ length: 40 }, () => {
      const { connectionId: id } = gateway.emulator.seedConnection({ state: 'CREATING' });
      return client.iterate({ query: FOLLOW, variables: { id } });
    });
    await Promise.all(watchers.map(watcher => watcher.next()));
    const times = gateway.emulator.ledger.entries('getConnection').map(({ atMs }) => atMs);
    for (const [index, atMs] of times.entries()) {
      const later = times[index + 30];
      if (later !== undefined) expect(later - atMs).toBeGreaterThan(1_000);
    }
  });
});

describe('a DLI that wants to be left alone', () => {
  it.each([429, 503])('with %s is not asked before its time, whoever comes', async status => {
    const gateway = await startGateway({ env: FAST });
    const { connectionId: id } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const headers = { 'retry-after': '3' };
    gateway.emulator.inject({ operation: 'getConnection', status, headers, times: 1 });
    const client = socketClient(gateway.graphqlUrl);
    const first = client.iterate({ query: FOLLOW, variables: { id } });
    expect(await nextOf(first as AsyncIterator<SubscriptionEvent>)).toMatchObject({ errors: [{}] });
    const second = client.iterate({ query: FOLLOW, variables: { id } });
    for (const watcher of [first, second])
      while (shownIn(await nextOf(watcher as AsyncIterator<SubscriptionEvent>))?.state !== 'CREATING');
    const [refused, asked] = gateway.emulator.ledger.entries('getConnection').map(({ atMs }) => atMs);
    expect((asked ?? 0) - (refused ?? 0)).toBeGreaterThan(2_900);
  });
});
