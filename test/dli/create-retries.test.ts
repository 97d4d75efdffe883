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

/** A gateway whose DLI responds to creates with these faults, in order. */
async function startAgainst(faults: Partial<Fault>[], env = {}): Promise<TestGateway> {
  const gateway = await startGateway({ env });
  for (const fault of faults) gateway.emulator.inject({ operation: 'createConnection', ...fault });
  return gateway;
}

/** The payload and the duration of one create, and the times of the requests that DLI received. */
async function timedCreate({ create, emulator }: TestGateway) {
  const startedMs = performance.now();
  const payload = await create();
  const tookMs = performance.now() - startedMs;
  return { payload, tookMs, posts: emulator.ledger.entries('createConnection').map(entry => entry.atMs) };
}

describe('a refused connection', () => {
  it('is retried once, and the create succeeds if DLI is reachable by then', async () => {
    const port = await closedPort();
    const { create, log } = await startGateway({ env: { DLI_ENDPOINT: `http://127.0.0.1:${port}` } });
    const late = createEmulator();
    const creating = create();
    while (attemptsIn(log()).length === 0) await setImmediate();
    await late.listen(port);
    open.push(late);
    expect(await creating).toMatchObject(SUCCESS);
    expect(attemptsIn(log())).toMatchObject([
      { outcome: 'notSent', errorType: 'UNREACHABLE', causeCode: 'ECONNREFUSED', mayHaveBeenSent: false },
      { outcome: 'created', mayHaveBeenSent: true },
    ]);
    expect(late.ledger.count('createConnection')).toBe(1);
  });

  it.each([
    ['by the host', async () => `http://127.0.0.1:${await closedPort()}`],
    ['by both addresses of a name', async () => `http://localhost:${await closedPort()}`],
    ['because the name does not exist', async () => 'https://dli.gateway.invalid'],
  ])('%s is retried once, after a pause', async (_why, endpoint) => {
    const gateway = await startGateway({ env: { DLI_ENDPOINT: await endpoint() } });
    const { payload, tookMs } = await timedCreate(gateway);
    expect(payload).toMatchObject({ ...UNAVAILABLE, retryAfterSeconds: 5 });
    expect(attemptsIn(gateway.log()).map(({ errorType }) => errorType)).toEqual(['UNREACHABLE', 'UNREACHABLE']);
    expect(tookMs).toBeGreaterThan(100);
  });

  it('is not retried when less than a second would be left for it', async () => {
    const endpoint = `http://127.0.0.1:${await closedPort()}`;
    const env = { DLI_ENDPOINT: endpoint, OPERATION_TIMEOUT_MS: '1000' };
    const gateway = await startGateway({ clock: createManualClock(), env });
    expect((await timedCreate(gateway)).payload).toMatchObject(UNAVAILABLE);
    expect(attemptsIn(gateway.log())).toHaveLength(1);
  });
});

describe('a connection whose TLS handshake fails', () => {
  it.each([
    ['the server closes the connection', ''],
    ['the server responds in plain text', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ])('because %s is not retried', async (_how, answer) => {
    const upstream = await listen(createServer(socket => socket.once('data', () => socket.end(answer))));
    const gateway = await startGateway({ env: { DLI_ENDPOINT: `https://${upstream.host}` } });
    expect((await timedCreate(gateway)).payload).toMatchObject({ ...UNAVAILABLE, retryAfterSeconds: 5 });
    expect(attemptsIn(gateway.log())).toMatchObject([{ outcome: 'notSent', errorType: 'TLS' }]);
    expect(upstream.connections()).toHaveLength(1);
  });
});

describe('a create that DLI throttles', () => {
  it.each<[ask: string, headers: Record<string, string>, leastMs: number]>([
    ['without a time', {}, 100],
    ['with an unreadable time', { 'Retry-After': 'soon' }, 100],
    ['with one second', { 'Retry-After': '1' }, 1_000],
  ])('%s is retried once after a pause, and succeeds', async (_ask, headers, leastMs) => {
    const gateway = await startAgainst([{ error: 'APIGW.0308', headers }]);
    const { payload, posts } = await timedCreate(gateway);
    expect(payload).toMatchObject(SUCCESS);
    const [first = 0, second = 0] = posts;
    expect(posts).toHaveLength(2);
    expect(second - first).toBeGreaterThanOrEqual(leastMs);
    expect(attemptsIn(gateway.log()).map(({ outcome }) => outcome)).toEqual(['THROTTLED', 'created']);
  });

  it('twice is not retried again', async () => {
    const gateway = await startAgainst([{ error: 'APIGW.0308', times: 0 }]);
    const { payload, posts } = await timedCreate(gateway);
    expect(payload).toMatchObject({ ...THROTTLED, retryAfterSeconds: 1 });
    expect(posts).toHaveLength(2);
  });

  it.each([
    ['3', 3, 'longer than a caller should wait', '20000'],
    ['86400', 300, 'longer than a caller should wait', '20000'],
    ['2', 2, 'longer than the deadline allows', '2500'],
  ])('for %s s is not retried but returned as %i s: %s', async (header, retryAfterSeconds, _why, timeoutMs) => {
    const headers = { 'Retry-After': header };
    const gateway = await startAgainst([{ error: 'APIGW.0308', headers }], {
      OPERATION_TIMEOUT_MS: timeoutMs,
    });
    const { payload, posts } = await timedCreate(gateway);
    expect(payload).toMatchObject({ ...THROTTLED, retryAfterSeconds });
    expect(posts).toHaveLength(1);
  });
});

describe('a create that DLI refuses for lack of a backend (503 APIG.0613)', () => {
  it('is retried once, and succeeds', async () => {
    const { payload, posts } = await timedCreate(await startAgainst([{ error: 'APIGW.0613' }]));
    expect(payload).toMatchObject(SUCCESS);
    expect(posts).toHaveLength(2);
  });

  it('twice is not retried again', async () => {
    const { payload, posts } = await timedCreate(await startAgainst([{ error: 'APIGW.0613', times: 0 }]));
    expect(payload).toMatchObject(UNAVAILABLE);
    expect(posts).toHaveLength(2);
  });
});

describe('a create is retried once at most', () => {
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
