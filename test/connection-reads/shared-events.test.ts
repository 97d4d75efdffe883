import { once } from 'node:events';
import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { ConnectionChange } from '../../src/connection-reads/recent-changes.js';
import { openRedisPollLease } from '../../src/connection-reads/redis-poll-lease.js';
import type { PollLease, PollResult } from '../../src/connection-reads/watcher.js';
import { ConfidentialTexts } from '../../src/dli/sanitize.js';
import { RedisClients } from '../../src/lib/redis-client.js';
import { parseRedisUrl } from '../../src/lib/redis-url.js';
import { SYSTEM_CLOCK } from '../../src/lib/time.js';
import { onCleanup } from '../helpers/clean-up.js';
import { openClient } from '../helpers/redis-access.js';
import type { RedisServer } from '../helpers/redis-server.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import {
  binding,
  CALLER,
  classic,
  enhanced,
  idOf,
  readAndWatch,
  StoredConnections,
} from './helpers/stored-connections.js';

const SECRET = 'sentinel-secret';
const CHANNELS = 'dli-gateway:{follow}:*';
/** An id that no test uses. */
const PROBE = idOf(0);
/** Longer than a test takes. */
const LONG_MS = 600_000;

const toEvent = (connection: ReturnType<typeof enhanced>): PollResult => ({
  kind: 'connection',
  connection: { ...connection, bindings: connection.bindings.map(each => ({ ...each, isOverdue: true })) },
});

/** An event with every field of an enhanced connection. */
const FULL_EVENT = toEvent(
  enhanced(1, {
    isIpv6Enabled: true,
    isShared: false,
    hosts: { count: 20_000, version: 'f'.repeat(64) },
    routes: [{ name: 'route', cidr: '10.8.0.0/24', createdAtMs: null }],
    tags: [{ key: 'team', value: 'data' }],
    bindings: [
      binding('pool_1 CREATING', { peeringId: 'peering', updatedAtMs: 5 }),
      binding('queue_1 FAILED', { problem: 'The quota is used up.', cause: 'NETWORK_QUOTA' }),
    ],
  }),
);

describeWithProgram('redis-server', 'gateways on one Redis', program => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedisServer(program);
  });
  beforeEach(async () => {
    await openClient(redis.url).flushall();
  });

  /** Opens the lease of a gateway, which closes after the test; all gateways share one project. */
  async function openLease(url: string, client: ReturnType<typeof openClient>): Promise<PollLease> {
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const confidential = new ConfidentialTexts();
    confidential.add([SECRET]);
    // A slow machine must not pass for an unresponsive Redis.
    const clients = new RedisClients({ address: parseRedisUrl(url) }, 60_000);
    const lease = await openRedisPollLease({ clients, project: 'project', confidential, clock: SYSTEM_CLOCK, log });
    onCleanup(() => lease.close());
    // Without a connection every lease is granted, so a refusal proves that there is one.
    while ((await lease.acquire(PROBE, LONG_MS, LONG_MS)) !== undefined) await client.ping();
    return lease;
  }

  /** A sending and a receiving gateway, with what the latter has received. */
  async function startTwo() {
    const client = openClient(redis.url);
    const sender = await openLease(redis.url, client);
    const receiver = await openLease(redis.url, client);
    const events: PollResult[] = [];
    const changes: ConnectionChange[] = [];
    let wake = () => {};
    receiver.subscribe({
      onResult: (_id, event) => {
        events.push(event);
        wake();
      },
      onChange: change => {
        changes.push(change);
        wake();
      },
    });
    await untilSubscribed(client, 1);
    const received = async (count: number) => {
      while (events.length + changes.length < count)
        await new Promise<void>(resolve => {
          wake = resolve;
        });
    };
    return { client, sender, receiver, events, changes, received };
  }

  /** Waits until this many gateways listen to the channel of the project. */
  async function untilSubscribed(client: ReturnType<typeof openClient>, count: number): Promise<string> {
    for (;;) {
      const [channel] = (await client.pubsub('CHANNELS', CHANNELS)) as string[];
      if (channel !== undefined) {
        const [, subscribers] = (await client.pubsub('NUMSUB', channel)) as [string, number];
        if (Number(subscribers) >= count) return channel;
      }
    }
  }

  it('share events of enhanced connections with every field', async () => {
    const { sender, receiver, events, received } = await startTwo();
    sender.publish(idOf(1), FULL_EVENT, LONG_MS);
    await received(1);
    expect(events).toEqual([FULL_EVENT]);
    expect(await receiver.acquire(idOf(1), LONG_MS, LONG_MS)).toEqual(FULL_EVENT);
  });

  it('share that there is no such connection of either kind', async () => {
    const { sender, receiver, events, received } = await startTwo();
    sender.publish(idOf(1), { kind: 'absent' }, LONG_MS);
    await received(1);
    expect(events).toEqual([{ kind: 'absent' }]);
    expect(await receiver.acquire(idOf(1), LONG_MS, LONG_MS)).toEqual({ kind: 'absent' });
  });

  it('show no text of another gateway that their own version would not show', async () => {
    const { sender, receiver, events, received } = await startTwo();
    const tags = [
      { key: 'team', value: 'data' },
      { key: 'access', value: `key ${SECRET}` },
    ];
    const bindings = ['router at 10.0.0.7', `the ${SECRET} was refused`, 'The quota is used up.'].map(problem =>
      binding('pool_1 FAILED', { problem }),
    );
    sender.publish(idOf(1), toEvent(enhanced(1, { tags, bindings })), LONG_MS);
    await received(1);
    for (const event of [...events, await receiver.acquire(idOf(1), LONG_MS, LONG_MS)])
      expect(event).toMatchObject({
        connection: {
          tags: [{ key: 'team', value: 'data' }],
          bindings: [{ problem: null }, { problem: null }, { problem: 'The quota is used up.' }],
        },
      });
  });

  it('share changes, with the kind of created connections', async () => {
    const { sender, changes, received } = await startTwo();
    const sent: ConnectionChange[] = [
      { kind: 'created', id: idOf(1), connectionKind: 'ENHANCED' },
      { kind: 'created', id: idOf(2), connectionKind: 'CLASSIC' },
      { kind: 'changed', id: idOf(1) },
      { kind: 'deleted', id: idOf(1) },
      { kind: 'unknown', id: idOf(3) },
      { kind: 'unknown', id: undefined },
    ];
    for (const change of sent) sender.publishChange(change);
    await received(sent.length);
    expect(changes).toEqual(sent);
  });

  it('take over the lease of a result that they cannot read, from an older or newer version', async () => {
    const { sender, receiver, client, received } = await startTwo();
    const id = idOf(1);
    sender.publish(id, FULL_EVENT, LONG_MS);
    // The result is stored before the event is sent.
    await received(1);
    const [key = ''] = await client.keys(`${CHANNELS}${id}`);
    const results = [
      { kind: 'absent' },
      { kind: 'connection', connection: { ...enhanced(1), kind: 'NEXT' } },
      { kind: 'connection', connection: { ...enhanced(1), hosts: null } },
      { kind: 'next' },
    ];
    for (const observation of results) {
      await client.set(key, JSON.stringify({ atMs: Date.now(), observation }));
      expect(await receiver.acquire(id, LONG_MS, LONG_MS)).toBe('acquired');
    }
  });

  it('do not end a watch because an older version, which knows only classic connections, finds none', async () => {
    const stored = new StoredConnections();
    stored.put(enhanced(1, { bindings: [binding('pool_1 CREATING')] }));
    const client = openClient(redis.url);
    const { watcher } = readAndWatch(stored, { lease: await openLease(redis.url, client) });
    const channel = await untilSubscribed(client, 1);
    const stream = watcher.watch(idOf(1), CALLER);
    expect((await stream.next()).value).toMatchObject({ connection: { state: 'ACTIVE' } });
    await client.publish(channel, JSON.stringify({ from: 'older', id: idOf(1), observation: { kind: 'absent' } }));
    // The later message proves that the earlier one was received.
    const polls = stored.gets.length;
    stored.put(enhanced(1, { bindings: [binding('pool_1 ACTIVE')] }));
    await client.publish(channel, JSON.stringify({ from: 'older', id: idOf(1) }));
    expect((await stream.next()).value).toMatchObject({ connection: { bindings: [{ state: 'ACTIVE' }] } });
    expect((await stream.next()).done).toBe(true);
    expect(stored.gets.length).toBeGreaterThan(polls);
  });

  it('treat creates of an older version as classic, and show it binds as unknown changes', async () => {
    const { client, sender, changes, received } = await startTwo();
    const channel = await untilSubscribed(client, 1);
    const id = idOf(1);
    await client.publish(channel, JSON.stringify({ from: 'older', id, change: 'created' }));
    await client.publish(channel, JSON.stringify({ from: 'newer', id, change: 'next' }));
    await received(2);
    expect(changes).toEqual([
      { kind: 'created', id, connectionKind: 'CLASSIC' },
      { kind: 'unknown', id },
    ]);
    const listener = openClient(redis.url);
    await listener.psubscribe(CHANNELS);
    const message = once(listener, 'pmessage');
    sender.publishChange({ kind: 'changed', id });
    const [, , text] = await message;
    // Older versions read `change` as `unknown` unless it is `created` or `deleted`.
    expect(JSON.parse(text)).toEqual({ from: expect.any(String), id, change: 'changed' });
  });

  it('share classic connections in the format of older versions', async () => {
    const { client, sender } = await startTwo();
    const listener = client.duplicate();
    onCleanup(() => listener.disconnect());
    await listener.psubscribe(CHANNELS);
    const message = once(listener, 'pmessage');
    const connection = classic(1);
    sender.publish(idOf(1), { kind: 'connection', connection }, LONG_MS);
    const [, , text] = await message;
    expect(JSON.parse(text).observation).toEqual({ kind: 'connection', connection });
  });
});
