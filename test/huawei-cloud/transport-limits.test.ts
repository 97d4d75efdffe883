import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.js';
import { UPSTREAM_TIMEOUTS } from '../../src/huawei-cloud/transport.js';
import type { Clock } from '../../src/lib/time.js';
import { Deadline, SYSTEM_CLOCK } from '../../src/lib/time.js';
import { directTransport } from '../helpers/direct-transport.js';
import type { Payload } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { listen } from '../helpers/listening-server.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';
import { readSamples } from '../helpers/samples.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

afterEach(closeGateways);

const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
const MEGABYTE = 1024 * 1024;
/** How many creates may wait for a connection; the gateway's default is 500. */
const QUEUED = proofSize(20, 500);
/** The limit after a create has timed out in the queue. */
const QUEUED_IN_A_STALL = QUEUED / 5;
const WAITING = proofSize(10, 60);
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const UNAVAILABLE = {
  __typename: 'DliUnavailableError',
  code: 'UPSTREAM_UNAVAILABLE',
  message: 'DLI cannot be used at the moment. Nothing was created; try again later.',
};

/** Starts a gateway whose creates DLI executes at once but answers only when they are released. */
async function startHeld(clock: Clock, upstreamTimeouts = UPSTREAM_TIMEOUTS) {
  const { url, emulator, connections, release } = await startHeldUpstream();
  const env = {
    DLI_ENDPOINT: url,
    // The project lookup proves the credential, so that no create is a probe.
    HUAWEICLOUD_SDK_PROJECT_ID: undefined,
    // Creates stay in flight until the queued ones have timed out.
    OPERATION_TIMEOUT_MS: '120000',
  };
  const { create, log, adminUrl } = await startGateway({
    env,
    clock,
    limits: { queuedCreates: QUEUED, upstreamTimeouts },
  });
  function createMany(count: number, prefix: string): Promise<Payload>[] {
    return Array.from({ length: count }, (_, index) => create({ name: `${prefix}_${index}` }));
  }
  async function waitForQueue(length: number): Promise<void> {
    const waiting = 'dli_gateway_pool_waiting{pool="creates"}';
    while (((await readSamples(adminUrl)).value(waiting) ?? 0) < length) await delay(10);
  }
  return { emulator, connections, release, createMany, waitForQueue, log };
}

/** Number of connections that carried a request. */
function usedConnections({ ledger }: Emulator): number {
  return new Set(ledger.entries().map(({ remotePort }) => remotePort)).size;
}

/** Writes while the caller reads, and resolves when the caller has disconnected. */
function writeEndlessly(response: ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const go = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.writeHead(201, { 'content-type': 'application/json' }).on('drain', go);
  go();
  return new Promise(resolve => response.on('close', resolve));
}

describe('a response of 100 MB', () => {
  const shared = shareGateway();

  it.each([201, 400, 500])('with status %i leads to an unknown outcome and uses little memory', async status => {
    const { emulator, create } = shared();
    await create({ name: freshName() });
    emulator.inject({ operation: 'createConnection', behaviour: 'huge', status, times: 0 });
    const before = process.memoryUsage.rss();
    const names = Array.from({ length: 6 }, freshName);
    const payloads = await Promise.all(names.map(name => create({ name })));
    const rise = process.memoryUsage.rss() - before;
    expect(payloads).toEqual(names.map(() => expect.objectContaining(UNKNOWN)));
    // The responses are 600 MB in total. The margin allows for other changes in the memory of the process.
    expect(rise).toBeLessThan(300 * MEGABYTE);
    expect(emulator.ledger.count('createConnection')).toBe(7);
  });

  it('is aborted after 1 MB by closing the connection', async () => {
    let gone: Promise<void> | undefined;
    const upstream = await listen(
      createServer((request: IncomingMessage, response) => {
        request.resume();
        if (request.method === 'GET') response.end('{"is_success":true,"count":0,"connections":[]}');
        else gone = writeEndlessly(response);
      }),
    );
    const { create } = await startGateway({ env: { DLI_ENDPOINT: `http://${upstream.host}` } });
    expect(await create()).toMatchObject(UNKNOWN);
    await gone;
    const [socket] = upstream.connections();
    expect(socket?.destroyed).toBe(true);
    // Data in the buffers of the operating system counts as written.
    expect(socket?.bytesWritten).toBeLessThan(12 * MEGABYTE);
  });
});

describe('while DLI hangs', () => {
  it('550 creates wait, and further ones are refused because of overload', async () => {
    const clock = createManualClock();
    // The project lookup proves the credential, so that no create is a probe.
    const env = { OPERATION_TIMEOUT_MS: '1000', HUAWEICLOUD_SDK_PROJECT_ID: undefined };
    // The gateway's own limit is 500.
    const queuedCreates = proofSize(20, 500);
    const { emulator, create } = await startGateway({
      clock,
      env,
      limits: { queuedCreates },
      emulator: { now: () => clock.epochMs() },
    });
    emulator.inject({ operation: 'createConnection', behaviour: 'hang', times: 0 });
    const answers = new EventEmitter();
    const codes: (string | undefined)[] = [];
    const creates = Array.from({ length: 60 + queuedCreates }, async (_, index) => {
      const { code, retryAfterSeconds } = await create({ name: `connection-${index}` });
      codes.push(code);
      answers.emit('answer');
      return `${code} ${retryAfterSeconds}`;
    });
    while (codes.length < 10) await once(answers, 'answer');
    await emulator.ledger.waitFor('createConnection', 50);
    expect(codes).toEqual(Array(10).fill('UPSTREAM_UNAVAILABLE'));
    clock.advance(1_000);
    const outcomes = await Promise.all(creates);
    const count = (outcome: string) => outcomes.filter(other => other === outcome).length;
    // Creates that timed out in the queue get another Retry-After.
    expect(count('UPSTREAM_UNAVAILABLE 1')).toBe(10);
    expect(count('UPSTREAM_UNAVAILABLE 5')).toBe(queuedCreates);
    expect(count('OUTCOME_UNKNOWN 1')).toBe(50);
    expect(emulator.ledger.count('createConnection')).toBe(50);
  });
});

describe('a call that times out while it waits for a connection', () => {
  it('is provably not sent', async () => {
    const paths: string[] = [];
    const server = createServer(({ url = '' }, response) => {
      paths.push(url);
      if (url !== '/first') response.end();
    });
    const upstream = await listen(server);
    const transport = directTransport({ maxConnections: 1, maxWaiting: 2 });
    const send = (path: string, timeoutMs: number) =>
      transport.send({
        method: 'POST',
        url: new URL(path, `http://${upstream.host}`),
        headers: {},
        body: '{}',
        deadline: new Deadline(SYSTEM_CLOCK, timeoutMs),
        maxBodyBytes: 1024,
      });
    const arrival = once(server, 'request');
    const first = send('/first', 10_000);
    const [, held] = (await arrival) as [IncomingMessage, ServerResponse];
    await expect(send('/gave-up', 50)).rejects.toMatchObject({ failure: 'TIMEOUT', mayHaveBeenSent: false });
    const last = send('/last', 10_000);
    held.end();
    expect([(await first).status, (await last).status]).toEqual([200, 200]);
    expect(paths).toEqual(['/first', '/last']);
    await transport.close();
  });
});

describe('while 50 creates are in flight', () => {
  it('500 more are queued, and the 551st is refused immediately', async () => {
    // On a stopped clock, no create times out in the queue.
    const { emulator, connections, release, createMany } = await startHeld(createManualClock());
    const answered: Payload[] = [];
    const creates = createMany(51 + QUEUED, 'connection').map(async create => {
      const payload = await create;
      answered.push(payload);
      return payload;
    });
    expect(await Promise.race(creates)).toEqual({ ...UNAVAILABLE, retryAfterSeconds: 1 });
    await emulator.ledger.waitFor('createConnection', 50);
    expect([answered.length, emulator.ledger.count(), connections()]).toEqual([1, 50, 50]);
    release();
    const payloads = await Promise.all(creates);
    const created = payloads.filter(({ __typename }) => __typename === 'CreateDatasourceConnectionSuccess');
    expect([created.length, emulator.ledger.count()]).toEqual([50 + QUEUED, 50 + QUEUED]);
    expect(connections()).toBe(usedConnections(emulator));
  });

  it('queued creates time out after 5 s, are never sent, and occupy neither a permit nor a connection', async () => {
    expect(UPSTREAM_TIMEOUTS.queueMs).toBe(5_000);
    const queueMs = 200;
    // On a stopped clock, later creates do not time out in the queue.
    const clock = createManualClock();
    const held = await startHeld(clock, { ...UPSTREAM_TIMEOUTS, queueMs });
    const { emulator, connections, release, createMany, waitForQueue, log } = held;
    const sent = createMany(50, 'sent');
    await emulator.ledger.waitFor('createConnection', 50);
    const answered: Payload[] = [];
    const waiting = createMany(1 + WAITING, 'waited').map(async create => void answered.push(await create));
    await waitForQueue(1 + WAITING);
    clock.advance(queueMs - 1);
    // Longer than the timers that were started earlier.
    await delay(queueMs + 50);
    expect(answered).toEqual([]);
    clock.advance(1);
    await Promise.all(waiting);
    expect(answered).toEqual(Array(1 + WAITING).fill({ ...UNAVAILABLE, retryAfterSeconds: 5 }));

    // The connections are still in use, so only a few creates may wait for one now.
    const stalled = createMany(QUEUED_IN_A_STALL + 1, 'stalled');
    expect(await Promise.race(stalled)).toEqual({ ...UNAVAILABLE, retryAfterSeconds: 1 });
    release();
    const afterStall = (await Promise.all(stalled)).map(({ __typename }) => __typename).sort();
    expect(afterStall).toEqual([...Array(QUEUED_IN_A_STALL).fill(SUCCESS.__typename), UNAVAILABLE.__typename]);
    expect(await Promise.all(sent)).toEqual(Array(50).fill(expect.objectContaining(SUCCESS)));
    const later = await Promise.all(createMany(10, 'later'));
    expect(later).toEqual(Array(10).fill(expect.objectContaining(SUCCESS)));
    const names = emulator.connections().map(({ name }) => name.replace(/_\d+$/, ''));
    expect(new Set(names)).toEqual(new Set(['sent', 'stalled', 'later']));
    expect(emulator.ledger.count()).toBe(60 + QUEUED_IN_A_STALL);
    expect(connections()).toBe(usedConnections(emulator));
    expect(log().match(/"mayHaveBeenSent":false/g)).toHaveLength(1 + WAITING + 1);
  });
});
