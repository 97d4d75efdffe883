import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Transport } from '../../src/huawei-cloud/transport.js';
import { Deadline, SYSTEM_CLOCK } from '../../src/lib/time.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { listen } from '../helpers/listening-server.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';

afterEach(closeGateways);

const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
const MEGABYTE = 1024 * 1024;

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
  it.each([201, 400, 500])('with status %i leads to an unknown outcome and uses little memory', async status => {
    const { emulator, create } = await startGateway();
    await create({ name: 'warm-up' });
    emulator.inject({ operation: 'createConnection', behaviour: 'huge', status, times: 0 });
    const before = process.memoryUsage.rss();
    const names = Array.from({ length: 10 }, (_, index) => `huge-${index}`);
    const payloads = await Promise.all(names.map(name => create({ name })));
    const rise = process.memoryUsage.rss() - before;
    expect(payloads).toEqual(names.map(() => expect.objectContaining(UNKNOWN)));
    // The responses are 1,000 MB in total. The margin allows for other changes in the memory of the process.
    expect(rise).toBeLessThan(300 * MEGABYTE);
    expect(emulator.ledger.count('createConnection')).toBe(11);
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
  it('550 creates wait, and further ones are refused as overload', async () => {
    const clock = createManualClock();
    // The project lookup proves the credential, so that no create is a probe.
    const env = { OPERATION_TIMEOUT_MS: '1000', HUAWEICLOUD_SDK_PROJECT_ID: undefined };
    // The gateway's own limit is 500.
    const queuedCreates = proofSize(50, 500);
    const { emulator, create } = await startGateway({
      clock,
      env,
      limits: { queuedCreates },
      emulator: { now: () => clock.epochMs() },
    });
    emulator.inject({ operation: 'createConnection', behaviour: 'hang', times: 0 });
    const answers = new EventEmitter();
    const codes: (string | undefined)[] = [];
    const creates = Array.from({ length: 80 + queuedCreates }, async (_, index) => {
      const { code, retryAfterSeconds } = await create({ name: `connection-${index}` });
      codes.push(code);
      answers.emit('answer');
      return `${code} ${retryAfterSeconds}`;
    });
    while (codes.length < 30) await once(answers, 'answer');
    await emulator.ledger.waitFor('createConnection', 50);
    expect(codes).toEqual(Array(30).fill('UPSTREAM_UNAVAILABLE'));
    clock.advance(1_000);
    const outcomes = await Promise.all(creates);
    const count = (outcome: string) => outcomes.filter(other => other === outcome).length;
    // Creates that timed out in the queue get another Retry-After.
    expect(count('UPSTREAM_UNAVAILABLE 1')).toBe(30);
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
    const transport = new Transport({ maxConnections: 1, maxWaiting: 2 });
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
