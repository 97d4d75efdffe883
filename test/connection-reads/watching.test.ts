import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';
import { connectionOf } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { startEarly } from '../helpers/start-early.js';
import type { SubscriptionEvent, Transport } from '../helpers/subscribers.js';
import { closeSubscribers, nextOf, openSubscriber, readAll, socketClient, subscribe } from '../helpers/subscribers.js';
import { startTokenGateway } from '../helpers/token-gateway.js';
import { expectCallsWithin } from './helpers/call-rate.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

/** For watches that end by themselves, so that they cannot affect a later test. */
const shared = shareGateway();
const FAST = { FOLLOW_INTERVAL_MS: '100' };
const TRANSPORTS: Transport[] = ['graphql-ws', 'graphql-sse'];
const SUBSCRIPTION = `subscription ($id: ID!) { datasourceConnection(id: $id) {
  id state ... on ClassicDatasourceConnection { progress failureReason connectionAddress }
} }`;

interface Shown {
  state: string;
  progress: number;
  failureReason: string | null;
}

function watch(
  { graphqlUrl }: TestGateway,
  transport: Transport,
  id: string,
): AsyncIterableIterator<SubscriptionEvent> {
  return subscribe(transport, graphqlUrl, { query: SUBSCRIPTION, variables: { id } });
}

/** Starts a gateway whose connections are created so slowly that every poll finds progress and the next is due soon. */
function startWithSlowCreations(env: Record<string, string>): Promise<TestGateway> {
  return startGateway({ env, emulator: { creationMs: 600_000 } });
}

async function createOne({ create }: TestGateway, name: string): Promise<string> {
  return (await create({ name })).connectionId ?? '';
}

/** Paths of polls of connections without subscribers, observed while another connection is polled. */
async function pollsWithoutSubscribers(gateway: TestGateway): Promise<string[]> {
  const { ledger } = gateway.emulator;
  const id = await createOne(gateway, 'watched');
  let others: string[] = [];
  // It can take the gateway some time to detect that a subscriber has left.
  for (let tries = 0; tries < 60; tries += 1) {
    const before = ledger.count('getConnection');
    await connectionOf(gateway, id, 'waitSeconds: 1');
    const paths = ledger
      .entries('getConnection')
      .slice(before)
      .map(({ path }) => path);
    others = paths.filter(path => !path.endsWith(id));
    // During three polls of this connection, any other watched one would have been polled.
    if (others.length === 0 && paths.length >= 3) return [];
  }
  return others;
}

function shownIn(event: SubscriptionEvent): Shown | null | undefined {
  return (event.data as { datasourceConnection: Shown | null } | undefined)?.datasourceConnection;
}

// The following waits take seconds, so both start before the tests.

const outage = startEarly(async () => {
  const gateway = await startGateway({ env: FAST });
  const { emulator } = gateway;
  const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
  const subscriptions = TRANSPORTS.map(transport => watch(gateway, transport, connectionId));
  const next = () => Promise.all(subscriptions.map(nextOf));
  const before = await next();
  // With a Retry-After, a poll tries once, and the next one follows as soon as possible after a failure.
  emulator.inject({ operation: 'getConnection', status: 500, headers: { 'retry-after': '1' }, times: 2 });
  return async () => {
    const during = await next();
    const after = await next();
    const failures = emulator.ledger.entries('getConnection').filter(({ status }) => status === 500).length;
    return { before, during, after, failures };
  };
});

const retriesAfter = startEarly(async () => {
  const gateway = await startGateway({ env: FAST });
  const { emulator } = gateway;
  const client = socketClient(gateway.graphqlUrl);
  const subscribeTo = (id: string) =>
    client.iterate({ query: SUBSCRIPTION, variables: { id } }) as AsyncIterator<SubscriptionEvent>;
  const refused: { status: number; id: string; first: AsyncIterator<SubscriptionEvent> }[] = [];
  for (const status of [429, 503]) {
    const { connectionId: id } = emulator.seedConnection({ state: 'CREATING' });
    emulator.inject({ operation: 'getConnection', status, headers: { 'retry-after': '1' } });
    const first = subscribeTo(id);
    expect(await nextOf(first)).toMatchObject({ errors: [{}] });
    refused.push({ status, id, first });
  }
  const delayOf = async ({ status, id, first }: (typeof refused)[number]) => {
    for (const watcher of [first, subscribeTo(id)]) while (shownIn(await nextOf(watcher))?.state !== 'CREATING');
    const polls = emulator.ledger.entries('getConnection').filter(({ path }) => path.endsWith(id));
    const [failed, asked] = polls.map(({ atMs }) => atMs);
    return { status: [status, polls[0]?.status], isDelayed: (asked ?? 0) - (failed ?? 0) > 980 };
  };
  return () => Promise.all(refused.map(delayOf));
});

describe.each(TRANSPORTS)('a subscription to a connection over %s', transport => {
  it.each([
    ['orders', { state: 'ACTIVE', progress: 1, failureReason: null, connectionAddress: expect.any(String) }],
    ['fail_orders', { state: 'FAILED', failureReason: "Can't get ready router.", connectionAddress: null }],
  ])('reports every change until the creation has ended: %s', async (name, end) => {
    const clock = createManualClock();
    const emulator = { creationMs: 4_000, now: () => clock.epochMs() };
    const gateway = await startGateway({ env: FAST, emulator });
    const events: ReturnType<typeof shownIn>[] = [];
    for await (const event of watch(gateway, transport, await createOne(gateway, name))) {
      events.push(shownIn(event));
      clock.advance(1_000);
    }
    expect(events.at(0)).toMatchObject({ state: 'CREATING' });
    expect(events.at(-1)).toMatchObject(end);
    expect(events).toHaveLength(5);
    expect(events.slice(0, -1).every(event => event?.state === 'CREATING')).toBe(true);
    // No event repeats.
    expect(new Set(events.map(event => JSON.stringify(event))).size).toBe(events.length);
  });

  it.each(['ACTIVE', 'FAILED', 'DELETED'])('reports a connection in state %s once and ends', async state => {
    const gateway = shared();
    const { connectionId } = gateway.emulator.seedConnection({ state });
    const events = await readAll(watch(gateway, transport, connectionId));
    expect(events.map(shownIn)).toMatchObject([{ state }]);
  });

  it.each(['68233202-63bf-4f27-a99b-fa5f5a2dbae1', 'no-id'])(
    'reports a missing connection as null once and ends: %s',
    async id => {
      const gateway = shared();
      const events = await readAll(watch(gateway, transport, id));
      expect(events).toEqual([{ data: { datasourceConnection: null } }]);
    },
  );

  it('reports a deleted connection as DELETED and ends', async () => {
    const gateway = await startGateway({ env: FAST });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'RUNNING' });
    const events = watch(gateway, transport, connectionId);
    expect(shownIn(await nextOf(events))).toMatchObject({ state: 'UNKNOWN' });
    await gateway.send({
      query: `mutation { deleteDatasourceConnection(input: {id: "${connectionId}"}) { __typename } }`,
    });
    expect((await readAll(events)).map(shownIn)).toMatchObject([{ state: 'DELETED' }]);
  });
});

describe('a change during a poll', () => {
  it('triggers another poll immediately, and the stale result is discarded', async () => {
    const { url, emulator, release, holdNext } = await startHeldUpstream();
    release();
    const gateway = await startGateway({ env: { FOLLOW_INTERVAL_MS: '60000', DLI_ENDPOINT: url } });
    const { connectionId } = emulator.seedConnection({ state: 'RUNNING' });
    // Proves the credentials, so that later calls need not wait for a probe.
    await connectionOf(gateway, connectionId);
    emulator.ledger.clear();
    const releasePoll = holdNext();
    const events = watch(gateway, 'graphql-ws', connectionId);
    const first = nextOf(events);
    await emulator.ledger.waitFor('getConnection', 1);
    await gateway.send({
      query: `mutation { deleteDatasourceConnection(input: {id: "${connectionId}"}) { __typename } }`,
    });
    releasePoll();
    // The result of the running poll is discarded, because it is older than the change.
    expect(shownIn(await first)).toMatchObject({ state: 'DELETED' });
    expect(await readAll(events)).toEqual([]);
  });
});

describe('subscribers that leave', () => {
  it('do not use up the rate limit of later subscribers', async () => {
    const clock = createManualClock();
    const gateway = await startGateway({ env: { FOLLOW_CALLS_PER_SECOND: '5' }, clock });
    const client = socketClient(gateway.graphqlUrl);
    const seed = () => gateway.emulator.seedConnection({ state: 'CREATING' }).connectionId;
    for (let index = 0; index < proofSize(20, 200); index += 1) {
      const watcher = client.iterate({ query: SUBSCRIPTION, variables: { id: seed() } });
      const event = watcher.next();
      await watcher.return?.();
      await event.catch(() => undefined);
    }
    // This permits a single call; the clock then stands still, so no other one follows.
    clock.advance(200);
    const last = client.iterate({ query: SUBSCRIPTION, variables: { id: seed() } });
    expect(shownIn((await last.next()).value as SubscriptionEvent)).toMatchObject({ state: 'CREATING' });
  });

  it('end the polls of a waiting query when they disconnect', async () => {
    const gateway = await startWithSlowCreations(FAST);
    const connectionId = await createOne(gateway, 'left');
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
    expect(await pollsWithoutSubscribers(gateway)).toEqual([]);
  });
});

describe('an id in capital letters', () => {
  it('refers to the same connection when it is read and deleted', async () => {
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

describe('many subscriptions with the same id on one socket', () => {
  it('all end with the socket', async () => {
    const gateway = await startWithSlowCreations(FAST);
    const connectionId = await createOne(gateway, 'left');
    const { socket, sendMessage, nextMessage, closed } = await openSubscriber(gateway.graphqlUrl);
    const payload = { query: SUBSCRIPTION, variables: { id: connectionId } };
    for (let index = 0; index < 50; index += 1) {
      sendMessage({ type: 'subscribe', id: 'x', payload });
      sendMessage({ type: 'complete', id: 'x' });
    }
    sendMessage({ type: 'subscribe', id: 'x', payload });
    sendMessage({ type: 'subscribe', id: 'y', payload });
    // graphql-ws may report the ends of earlier subscriptions under the id of the last one.
    let message = await nextMessage();
    while (message.id !== 'y') message = await nextMessage();
    expect(message).toMatchObject({ type: 'next' });
    socket.close();
    await closed;
    expect(await pollsWithoutSubscribers(gateway)).toEqual([]);
  });
});

describe('ten subscribers per connection', () => {
  it('cause one poll per connection and interval, and none after all have left', async () => {
    const intervalMs = proofSize(300, 1_000);
    const connections = proofSize(5, 50);
    const env = { FOLLOW_INTERVAL_MS: String(intervalMs), FOLLOW_CALLS_PER_SECOND: '1000' };
    const gateway = await startWithSlowCreations(env);
    const { ledger } = gateway.emulator;
    const ids: string[] = [];
    for (let index = 0; index < connections; index += 1) ids.push(await createOne(gateway, `c${index}`));
    const clients = Array.from({ length: 5 }, () => socketClient(gateway.graphqlUrl));
    const watchers = clients.flatMap(client =>
      ids.flatMap(id => [0, 1].map(() => client.iterate({ query: SUBSCRIPTION, variables: { id } }))),
    );
    expect(watchers).toHaveLength(10 * connections);
    const first = await Promise.all(watchers.map(watcher => watcher.next()));
    expect(first.filter(({ value }) => shownIn(value as SubscriptionEvent)?.state !== 'CREATING')).toEqual([]);
    await ledger.waitFor('getConnection', 3 * connections);

    const polls = ledger.entries('getConnection');
    for (const id of ids) {
      const times = polls.filter(({ path }) => path.endsWith(id)).map(({ atMs }) => atMs);
      // An interval starts when the response arrives, and has a jitter of 20 %.
      for (const [index, atMs] of times.slice(1).entries())
        expect(atMs - (times[index] ?? 0)).toBeGreaterThan(intervalMs * 0.8 - 20);
    }

    for (const watcher of watchers) void watcher.return?.();
    await Promise.all(clients.map(client => client.dispose()));
    expect(await pollsWithoutSubscribers(gateway)).toEqual([]);
  });
});

/** Subscribes to `count` connections, and waits for the first event of each. */
async function firstEventsOf({ graphqlUrl, emulator }: TestGateway, count: number): Promise<void> {
  const client = socketClient(graphqlUrl);
  const watchers = Array.from({ length: count }, () => {
    const { connectionId: id } = emulator.seedConnection({ state: 'CREATING' });
    return client.iterate({ query: SUBSCRIPTION, variables: { id } });
  });
  await Promise.all(watchers.map(watcher => watcher.next()));
}

describe('more watched connections than FOLLOW_CALLS_PER_SECOND allows to poll', () => {
  it('do not exceed the limit', async () => {
    const gateway = await startGateway({ env: { ...FAST, FOLLOW_CALLS_PER_SECOND: '10' } });
    const startedMs = Date.now();
    await firstEventsOf(gateway, proofSize(18, 50));
    expect(gateway.emulator.ledger.count('getConnection')).toBeGreaterThanOrEqual(proofSize(18, 50));
    expectCallsWithin(gateway.emulator, 10, startedMs);
  });

  it('are polled round-robin by tenant, however many one tenant watches', async () => {
    const gateway = await startTokenGateway({ ...FAST, FOLLOW_CALLS_PER_SECOND: '5' });
    const { emulator, graphqlUrl } = gateway;
    const tokenOf = (tenant: string) => gateway.sign({ claims: { sub: tenant } });
    const seed = () => emulator.seedConnection({ state: 'CREATING' }).connectionId;
    const client = socketClient(graphqlUrl, { authorization: `Bearer ${await tokenOf('many')}` });
    for (let index = 0; index < 120; index += 1)
      client
        .iterate({ query: SUBSCRIPTION, variables: { id: seed() } })
        .next()
        .catch(() => undefined);
    await emulator.ledger.waitFor('getConnection', 6);

    const token = await tokenOf('one');
    const before = emulator.ledger.count('getConnection');
    const id = seed();
    const event = await nextOf(subscribe('graphql-sse', graphqlUrl, { query: SUBSCRIPTION, variables: { id } }, token));
    expect(shownIn(event)).toMatchObject({ state: 'CREATING' });
    const polls = emulator.ledger.entries('getConnection').slice(before);
    // The queue holds calls for more than twenty seconds.
    expect(polls.findIndex(({ path }) => path.endsWith(id))).toBeLessThan(60);
  });

  it('do not exceed the limit while DLI fails', async () => {
    const gateway = await startGateway({ env: { ...FAST, FOLLOW_CALLS_PER_SECOND: '10' } });
    gateway.emulator.inject({ operation: 'getConnection', status: 500, times: 0 });
    const startedMs = Date.now();
    await firstEventsOf(gateway, proofSize(18, 40));
    expectCallsWithin(gateway.emulator, 10, startedMs);
  });
});

describe('an outage of DLI', () => {
  it('is reported once over every transport, and the subscriptions stay open', async () => {
    const { before, during, after, failures } = await outage();
    for (const event of [...before, ...after]) expect(shownIn(event)).toMatchObject({ state: 'CREATING' });
    for (const event of during)
      expect(event).toEqual({
        data: { datasourceConnection: null },
        errors: [
          expect.objectContaining({
            message: 'DLI cannot be used at the moment. Try again later.',
            extensions: expect.objectContaining({ code: 'UPSTREAM_UNAVAILABLE' }),
          }),
        ],
      });
    expect(failures).toBe(2);
  });
});

describe('a Retry-After of DLI', () => {
  it('with status 429 or 503 delays the next poll, even for new subscribers', async () => {
    expect(await retriesAfter()).toEqual([429, 503].map(status => ({ status: [status, status], isDelayed: true })));
  });
});
