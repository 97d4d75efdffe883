import { on } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { openRedisPollLease } from '../../src/connection-reads/redis-poll-lease.js';
import { ConfidentialTexts } from '../../src/dli/sanitize.js';
import type { Emulator } from '../../src/emulator/emulator.js';
import {
  createEmulator,
  DEFAULT_ACCESS_KEY,
  DEFAULT_PROJECT_ID,
  DEFAULT_PROJECT_NAME,
  DEFAULT_SECRET_KEY,
} from '../../src/emulator/emulator.js';
import { RedisClients } from '../../src/lib/redis-client.js';
import { parseRedisUrl } from '../../src/lib/redis-url.js';
import type { Clock } from '../../src/lib/time.js';
import { SYSTEM_CLOCK } from '../../src/lib/time.js';
import { onCleanup } from '../helpers/clean-up.js';
import { createTestClock } from '../helpers/clock.js';
import { DELETED, remove, seed } from '../helpers/deletion.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { nextChange, watchList } from '../helpers/list-changes.js';
import { connectionOf, pageOf } from '../helpers/read-connections.js';
import { openClient } from '../helpers/redis-access.js';
import type { RedisServer } from '../helpers/redis-server.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startEarly } from '../helpers/start-early.js';
import { closeSubscribers } from '../helpers/subscribers.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

// A slow machine must not pass for an unresponsive Redis.
const limits = { redisTimeoutMs: 2_000 };
/** The interval between polls of many connections. */
const SLOW_INTERVAL_MS = 2_000;
const PASSWORD = 'sentinel-redis-password';
const OTHER_PROJECT_ID = 'f'.repeat(32);
const KEYS = [
  { accessKey: DEFAULT_ACCESS_KEY, secretKey: DEFAULT_SECRET_KEY },
  { accessKey: 'SECONDACCESSKEY00001', secretKey: 'second-secret-key' },
];
const ROTATED = { HUAWEICLOUD_SDK_AK: 'SECONDACCESSKEY00001', HUAWEICLOUD_SDK_SK: 'second-secret-key' };

describeWithProgram('redis-server', 'the poll lease', program => {
  it('does not expose the password of Redis', async () => {
    const redis = await startRedisServer(program);
    const address = parseRedisUrl(`redis://default:${PASSWORD}@127.0.0.1:${redis.port}`);
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const lease = await openRedisPollLease({
      clients: new RedisClients({ address }),
      project: 'project',
      confidential: new ConfidentialTexts(),
      clock: SYSTEM_CLOCK,
      log,
    });
    expect(inspect(lease, { depth: 20, showHidden: true })).not.toContain(PASSWORD);
    expect(JSON.stringify(lease)).not.toContain(PASSWORD);
    await lease.close();
  });
});

describeWithProgram('redis-server', 'gateways that share Redis', program => {
  let redis: RedisServer;
  /** Two gateways for tests that need no other settings and use only connections of their own. */
  let shared: Awaited<ReturnType<typeof startTwo>>;

  beforeAll(async () => {
    redis = await startRedisServer(program);
    shared = await startTwo();
  });

  /** Starts two gateways on one DLI: `ofBoth` applies to both, `changes` and `options` to the second one. */
  async function startTwo(
    changes: Record<string, string> = {},
    ofBoth: Record<string, string> = {},
    options: { clock?: Clock } = {},
  ) {
    const projects = [
      { id: DEFAULT_PROJECT_ID, name: DEFAULT_PROJECT_NAME },
      { id: OTHER_PROJECT_ID, name: 'other' },
    ];
    // The time of DLI only.
    const clock = createTestClock();
    const emulator = createEmulator({ projects, accessKeys: KEYS, now: () => clock.epochMs() });
    const url = await emulator.listen();
    onCleanup(() => emulator.close());
    const env = {
      REDIS_URL: redis.url,
      FOLLOW_INTERVAL_MS: '200',
      READ_FRESHNESS_MS: '60000',
      DLI_ENDPOINT: url,
      HUAWEICLOUD_SDK_IAM_ENDPOINT: url,
      ...ofBoth,
    };
    const one = await startGateway({ env, limits });
    const two = await startGateway({ env: { ...env, ...changes }, limits, ...options });
    return { emulator, clock, one, two };
  }

  function pollsOf({ ledger }: Emulator, id: string): number {
    return ledger.entries('getConnection').filter(({ path }) => path.endsWith(id)).length;
  }

  const pollsOfMany = startEarly(async () => {
    const settings = { FOLLOW_INTERVAL_MS: String(SLOW_INTERVAL_MS), FOLLOW_CALLS_PER_SECOND: '2' };
    const { emulator, one, two } = await startTwo({}, settings);
    const ids = Array.from({ length: 10 }, () => emulator.seedConnection({ state: 'CREATING' }).connectionId);
    return async () => {
      await Promise.all([one, two].flatMap(gateway => ids.map(id => connectionOf(gateway, id, 'waitSeconds: 6'))));
      return { ids, polls: emulator.ledger.entries('getConnection') };
    };
  });

  const pollsOfOne = startEarly(async () => {
    const { emulator, one, two } = await startTwo();
    const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
    return async () => {
      const waits = [one, two].flatMap(gateway =>
        Array.from({ length: 10 }, () => connectionOf(gateway, connectionId, 'waitSeconds: 2')),
      );
      return { found: await Promise.all(waits), polls: pollsOf(emulator, connectionId) };
    };
  });

  it('share the results of their polls', async () => {
    const { emulator, clock, one, two } = shared;
    const { connectionId = '' } = await one.create({ name: 'shared' });
    const waits = [one, two].map(gateway =>
      connectionOf(gateway, connectionId, 'waitSeconds: 15, whileState: CREATING'),
    );
    await emulator.ledger.waitFor('getConnection', emulator.ledger.count('getConnection') + 2);
    // Until DLI has created it.
    clock.advance(10_000);
    const ends = await Promise.all(waits);
    expect(ends.map(end => end?.state)).toEqual(['ACTIVE', 'ACTIVE']);
  });

  it.each([
    ['something', {}],
    // Access keys are rotated, so gateways may have started with different ones.
    ['something with another access key', ROTATED],
  ])('discard cached results when another gateway changes %s', async (_what, changes) => {
    const { one, two } = await startTwo(changes, { HUAWEICLOUD_SDK_PROJECT_ID: '' });
    expect(await pageOf(two)).toMatchObject({ totalCount: 0 });
    await one.create({ name: 'new' });
    let page = await pageOf(two);
    // The notice of the change travels through Redis.
    for (let tries = 0; page.totalCount === 0 && tries < 1_000; tries += 1) page = await pageOf(two);
    expect(page).toMatchObject({ totalCount: 1 });
  });

  it('keep a cached list when another gateway creates and deletes, and show its changes', async () => {
    const { emulator, one, two } = await startTwo();
    const id = seed(emulator, { name: 'old' });
    const namesOf = async () => (await pageOf(two)).items.map(({ name }) => name);
    expect(await namesOf()).toEqual(['old']);
    await one.create({ name: 'new' });
    expect(await remove(one, id)).toMatchObject({ __typename: DELETED });
    let names = await namesOf();
    // The notices of the changes travel through Redis.
    for (let tries = 0; names.join() !== 'new' && tries < 1_000; tries += 1) names = await namesOf();
    expect(names).toEqual(['new']);
    expect(emulator.ledger.count('listConnections')).toBe(1);
  });

  it('report changes made through another gateway at once, whatever the interval', async () => {
    const { emulator, one, two } = await startTwo({}, { FOLLOW_INTERVAL_MS: '60000' });
    const events = await watchList({ ...two, emulator });
    await one.create({ name: 'new' });
    expect(await nextChange(events)).toBe('ADDED new CREATING');
  });

  it('poll on their own while Redis does not respond, and share polls again afterwards', async () => {
    const killed = await startRedisServer(program);
    const { emulator, one, two } = await startTwo({}, { REDIS_URL: killed.url });
    const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
    await killed.kill();
    const found = await Promise.all([one, two].map(gateway => connectionOf(gateway, connectionId, 'waitSeconds: 1')));
    expect(found.map(connection => connection?.state)).toEqual(['CREATING', 'CREATING']);
    await Promise.all([one, two].map(({ logged }) => logged('every gateway polls alone')));
    expect([one, two].map(({ log }) => log().match(/every gateway polls alone/g)?.length)).toEqual([1, 1]);
    await startRedisServer(program, { port: killed.port });
    await Promise.all([one, two].map(({ logged }) => logged('poll connections together again')));
    emulator.ledger.clear();
    await Promise.all([one, two].map(gateway => connectionOf(gateway, connectionId, 'waitSeconds: 2')));
    expect(emulator.ledger.count('getConnection')).toBeLessThanOrEqual(9);
  });

  it('poll on their own after an internal error, which is logged', async () => {
    const brokenClock = {
      ...SYSTEM_CLOCK,
      epochMs(): number {
        if (/RedisPollLease\.acquire/.test(new Error().stack ?? '')) throw new RangeError('The clock broke.');
        return Date.now();
      },
    };
    // The results of the first gateway stay valid during the test.
    const { emulator, one, two } = await startTwo({}, { FOLLOW_INTERVAL_MS: '60000' }, { clock: brokenClock });
    const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
    await connectionOf(one, connectionId, 'waitSeconds: 1');
    expect(await connectionOf(two, connectionId, 'waitSeconds: 1')).toMatchObject({ state: 'CREATING' });
    await two.logged('"operation":"follow","errorName":"RangeError"');
    expect(two.log()).toContain('"msg":"internal error"');
  });

  /** Waits for the result of a poll of a connection. Returns it, and functions that publish like another gateway. */
  async function listenForResult(id: string) {
    const client = openClient(redis.url);
    await client.psubscribe('dli-gateway:{follow}:*');
    const messages = on(client, 'pmessage');
    return async () => {
      let [channel, text] = ['', ''];
      while (!text.includes(id)) [, channel, text] = (await messages.next()).value;
      const { observation, ...rest } = JSON.parse(text);
      const publisher = openClient(redis.url);
      const sendText = (content: string) => publisher.publish(channel, content);
      const send = (change: object) => sendText(JSON.stringify({ ...rest, from: 'x', ...change }));
      return { observation, send, sendText };
    };
  }

  it('ignore messages that a gateway would not write', async () => {
    const { emulator, one } = shared;
    const { connectionId: id } = emulator.seedConnection({ state: 'CREATING' });
    const nextResult = await listenForResult(id);
    const waiting = connectionOf(one, id, 'waitSeconds: 25, whileState: CREATING');
    const { observation, send, sendText } = await nextResult();
    for (const state of [5, {}, ['ACTIVE'], undefined])
      await send({ observation: { ...observation, connection: { ...observation.connection, state } } });
    await send({ observation: { kind: 'problem', code: 'NO_SUCH_CODE' } });
    await send({ observation: { ...observation, connection: { id, queues: [] } } });
    await sendText('no JSON');
    // Ends the wait, unless one of the others has ended it.
    await send({ observation: { ...observation, connection: { ...observation.connection, state: 'RUNNING' } } });
    expect(await waiting).toMatchObject({ id, stateText: 'RUNNING' });
  });

  it('show no text of another gateway that its own version would not show', async () => {
    const { emulator, one } = shared;
    const { connectionId: id } = emulator.seedConnection({ state: 'CREATING' });
    const nextResult = await listenForResult(id);
    const waiting = connectionOf(one, id, 'waitSeconds: 25, whileState: CREATING');
    const { observation, send } = await nextResult();
    const problem = 'router at 10.0.0.7';
    const queues = [{ name: 'q', state: 'FAILED', problem, updatedAtMs: null }];
    const tags = [
      { key: 'team', value: 'data' },
      { key: 'access', value: `key ${DEFAULT_ACCESS_KEY}` },
    ];
    const connection = { ...observation.connection, state: 'FAILED', message: problem, queues, tags };
    await send({ observation: { ...observation, connection } });
    expect(await waiting).toMatchObject({
      state: 'FAILED',
      failureReason: null,
      queues: [{ failureReason: null }],
      tags: tags.slice(0, 1),
    });
  });

  it('accept a result of an older version, which has no tags', async () => {
    const { emulator, one } = shared;
    const { connectionId: id } = emulator.seedConnection({ state: 'CREATING' });
    const nextResult = await listenForResult(id);
    const waiting = connectionOf(one, id, 'waitSeconds: 25, whileState: CREATING');
    const { observation, send } = await nextResult();
    await send({
      observation: { ...observation, connection: { ...observation.connection, state: 'RUNNING', tags: undefined } },
    });
    expect(await waiting).toMatchObject({ stateText: 'RUNNING', tags: null });
  });

  it('do not share results with gateways of another project', async () => {
    const { emulator, one, two } = await startTwo({ HUAWEICLOUD_SDK_PROJECT_ID: OTHER_PROJECT_ID });
    const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
    const [mine, theirs] = await Promise.all(
      [one, two].map(gateway => connectionOf(gateway, connectionId, 'waitSeconds: 1')),
    );
    expect([mine?.state, theirs]).toEqual(['CREATING', null]);
  });

  // The last ones, because they were started first.
  it('share the polls of a connection, however many callers wait for it', async () => {
    const { found, polls } = await pollsOfOne();
    expect(found.every(connection => connection?.state === 'CREATING')).toBe(true);
    // A single gateway polls at 0, 200, 500, 950, 1625 ms, with a jitter of 20 %.
    expect(polls).toBeLessThanOrEqual(9);
  });

  it('share the polls even if there are more connections than the rate limit allows', async () => {
    const { ids, polls } = await pollsOfMany();
    // Most connections were polled twice.
    expect(polls.length).toBeGreaterThan(1.5 * ids.length);
    const hasty = ids.flatMap(id => {
      const times = polls.filter(({ path }) => path.endsWith(id)).map(({ atMs }) => atMs);
      return times.filter((atMs, index) => index > 0 && atMs - (times[index - 1] ?? 0) < SLOW_INTERVAL_MS / 2);
    });
    // A stall of the machine delays a few calls to DLI. Gateways that do not share poll nearly every connection twice.
    expect(hasty.length).toBeLessThan(ids.length / 4);
  });
});
