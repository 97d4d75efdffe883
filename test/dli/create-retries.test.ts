import { createServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { closedPort, listen } from '../helpers/listening-server.js';
import { attemptsIn } from '../helpers/log-lines.js';
import { createManualClock } from '../helpers/manual-clock.js';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await closeGateways();
  for (const part of open.splice(0)) await part.close();
});

const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const UNAVAILABLE = { __typename: 'DliUnavailableError', code: 'UPSTREAM_UNAVAILABLE' };
const THROTTLED = { __typename: 'DliUnavailableError', code: 'UPSTREAM_THROTTLED' };

/** A gateway whose DLI answers creates by these faults, one after the other. */
async function startAgainst(faults: Partial<Fault>[], env = {}): Promise<TestGateway> {
  const gateway = await startGateway({ env });
  for (const fault of faults) gateway.emulator.inject({ operation: 'createConnection', ...fault });
  return gateway;
}

/** The payload of one create, how long it took, and the times of the requests that DLI got. */
async function timedCreate({ create, emulator }: TestGateway) {
  const startedMs = performance.now();
  const payload = await create();
  const tookMs = performance.now() - startedMs;
  return { payload, tookMs, posts: emulator.ledger.entries('createConnection').map(entry => entry.atMs) };
}

describe('a connection that is refused', () => {
  it('is tried once more, and the create succeeds when DLI is there by then', async () => {
    const port = await closedPort();
    const { create, log } = await startGateway({ env: { DLI_ENDPOINT: `http://127.0.0.1:${port}` } });
    const late = createEmulator();
    const creating = create();
    while (attemptsIn(log()).length === 0) await setImmediate();
    await late.listen(port);
    open.push(late);
    expect(await creating).toMatchObject(SUCCESS);
    expect(attemptsIn(log())).toMatchObject([
      { outcome: 'notSent', detail: 'UNREACHABLE', causeCode: 'ECONNREFUSED', mayHaveBeenSent: false },
      { outcome: 'created', mayHaveBeenSent: true },
    ]);
    expect(late.ledger.count('createConnection')).toBe(1);
  });

  it.each([
    ['by the host', async () => `http://127.0.0.1:${await closedPort()}`],
    ['by both addresses of a name', async () => `http://localhost:${await closedPort()}`],
    ['for want of such a name', async () => 'https://dli.gateway.invalid'],
  ])('%s is tried twice, 100 to 300 ms apart, and not a third time', async (_why, endpoint) => {
    const gateway = await startGateway({ env: { DLI_ENDPOINT: await endpoint() } });
    const { payload, tookMs } = await timedCreate(gateway);
    expect(payload).toMatchObject({ ...UNAVAILABLE, retryAfterSeconds: 5 });
    expect(attemptsIn(gateway.log()).map(({ detail }) => detail)).toEqual(['UNREACHABLE', 'UNREACHABLE']);
    expect(tookMs).toBeGreaterThan(100);
  });

  it('is tried once when less than a second would be left for the second try', async () => {
    const endpoint = `http://127.0.0.1:${await closedPort()}`;
    const env = { DLI_ENDPOINT: endpoint, OPERATION_TIMEOUT_MS: '1000' };
    const gateway = await startGateway({ clock: createManualClock(), env });
    expect((await timedCreate(gateway)).payload).toMatchObject(UNAVAILABLE);
    expect(attemptsIn(gateway.log())).toHaveLength(1);
  });
});

describe('a connection that fails for TLS', () => {
  it.each([
    ['is broken off within the handshake', ''],
    ['is answered in plain text', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ])('because it %s is not tried again', async (_how, answer) => {
    const upstream = await listen(createServer(socket => socket.once('data', () => socket.end(answer))));
    const gateway = await startGateway({ env: { DLI_ENDPOINT: `https://${upstream.host}` } });
    expect((await timedCreate(gateway)).payload).toMatchObject({ ...UNAVAILABLE, retryAfterSeconds: 5 });
    expect(attemptsIn(gateway.log())).toMatchObject([{ outcome: 'notSent', detail: 'TLS' }]);
    expect(upstream.connections()).toHaveLength(1);
  });
});

describe('a create that DLI throttles', () => {
  it.each<[ask: string, headers: Record<string, string>, leastMs: number]>([
    ['without a time', {}, 100],
    ['with a time that cannot be read', { 'Retry-After': 'soon' }, 100],
    ['with one second', { 'Retry-After': '1' }, 1_000],
  ])('%s is sent once more after that, and succeeds', async (_ask, headers, leastMs) => {
    const gateway = await startAgainst([{ error: 'APIGW.0308', headers }]);
    const { payload, posts } = await timedCreate(gateway);
    expect(payload).toMatchObject(SUCCESS);
    const [first = 0, second = 0] = posts;
    expect(posts).toHaveLength(2);
    expect(second - first).toBeGreaterThanOrEqual(leastMs);
    expect(attemptsIn(gateway.log()).map(({ outcome }) => outcome)).toEqual(['THROTTLED', 'created']);
  });

  it('again is answered after two requests', async () => {
    const gateway = await startAgainst([{ error: 'APIGW.0308', times: 0 }]);
    const { payload, posts } = await timedCreate(gateway);
    expect(payload).toMatchObject({ ...THROTTLED, retryAfterSeconds: 1 });
    expect(posts).toHaveLength(2);
  });

  it.each([
    ['3', 3, 'longer than a caller should be held', '20000'],
    ['86400', 300, 'longer than a caller should be held', '20000'],
    ['2', 2, 'longer than its time allows', '2500'],
  ])('for %s s is answered at once as %i s: it is %s', async (header, retryAfterSeconds, _why, timeoutMs) => {
    const headers = { 'Retry-After': header };
    const gateway = await startAgainst([{ error: 'APIGW.0308', headers }], {
      OPERATION_TIMEOUT_MS: timeoutMs,
    });
    const { payload, posts } = await timedCreate(gateway);
    expect(payload).toMatchObject({ ...THROTTLED, retryAfterSeconds });
    expect(posts).toHaveLength(1);
  });
});

describe('a create that DLI has no backend for (503 APIG.0613)', () => {
  it('is sent once more, and succeeds', async () => {
    const { payload, posts } = await timedCreate(await startAgainst([{ error: 'APIGW.0613' }]));
    expect(payload).toMatchObject(SUCCESS);
    expect(posts).toHaveLength(2);
  });

  it('for ever is answered after two requests', async () => {
    const { payload, posts } = await timedCreate(await startAgainst([{ error: 'APIGW.0613', times: 0 }]));
    expect(payload).toMatchObject(UNAVAILABLE);
    expect(posts).toHaveLength(2);
  });
});

describe('the second request of a create is the last one', () => {
  const refusals = ['APIGW.0307', 'APIGW.0308', 'APIGW.0613'];

  it.each(refusals.flatMap(first => refusals.map(second => [first, second])))(
    'when %s is followed by %s',
    async (first, second) => {
      const faults = [{ error: String(first) }, { error: String(second), times: 0 }];
      const { payload, posts } = await timedCreate(await startAgainst(faults, IAM_USER));
      expect(payload).toMatchObject({ __typename: 'DliUnavailableError' });
      expect(posts).toHaveLength(2);
    },
  );
});
