import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { failuresIn, openConnection, readToEnd } from '../helpers/raw-connection.js';

const HEADER_CLIENTS = 10;
const BODY_CLIENTS = 10;
const CREATES = 10;
const PAUSE_MS = 500;
const BYTE_INTERVAL_MS = 200;
const HEAD = 'POST /graphql HTTP/1.1\r\nhost: gw.test\r\ncontent-type: application/json\r\n';
const TIMEOUT = {
  status: 408,
  contentType: 'application/json; charset=utf-8',
  body: {
    errors: [
      {
        message: 'The request took too long to arrive.',
        extensions: { code: 'REQUEST_TIMEOUT', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
      },
    ],
  },
};

// Shorter than in production, but still long enough that a stall does not affect other clients.
const HEADERS_MS = CLIENT_TIMEOUTS.headersMs / 2;
const REQUEST_MS = CLIENT_TIMEOUTS.requestMs / 4;
const CHECK_INTERVAL_MS = CLIENT_TIMEOUTS.checkIntervalMs / 2;
const NEVER_MS = 10 * 60_000;
// Timers have a resolution of one millisecond.
const TOLERANCE_MS = 20;

/** The result of a client: its responses, and how long it was served. */
interface Outcome {
  answers: unknown;
  ms: number;
}

afterEach(closeGateways);

describe('clients that send slowly', () => {
  it('get 408 after 10 s for headers and 20 s for bodies, while others are served', async () => {
    expect(CLIENT_TIMEOUTS).toMatchObject({ headersMs: 10_000, requestMs: 20_000, checkIntervalMs: 1_000 });
    // One gateway for each timeout, so that the other one does not interfere.
    const forHeaders = await startWithTimeouts({ headersMs: HEADERS_MS, requestMs: NEVER_MS });
    const forBodies = await startWithTimeouts({ headersMs: HEADERS_MS, requestMs: REQUEST_MS });
    const slowHeaders = [
      cutOff(forHeaders, ''),
      ...Array.from({ length: HEADER_CLIENTS }, () => cutOff(forHeaders, `${HEAD}x-slow: `)),
    ];
    const slowBodies = Array.from({ length: BODY_CLIENTS }, () =>
      cutOff(forBodies, `${HEAD}content-length: 1000\r\n\r\n`),
    );
    const served = [serveUntil(forHeaders, Promise.all(slowHeaders)), serveUntil(forBodies, Promise.all(slowBodies))];

    expectCut(await Promise.all(slowHeaders), HEADERS_MS);
    expectCut(await Promise.all(slowBodies), REQUEST_MS);
    for (const [index, gateway] of [forHeaders, forBodies].entries()) {
      const results = (await served[index]) ?? [];
      expect(results.length).toBeGreaterThanOrEqual(CREATES);
      expect(new Set(results)).toEqual(new Set(['CreateDatasourceConnectionSuccess']));
      expect(gateway.emulator.ledger.count('createConnection')).toBe(results.length);
      expect(gateway.log()).not.toContain('internal error');
    }
  });
});

function startWithTimeouts(timeouts: { headersMs: number; requestMs: number }): Promise<TestGateway> {
  return startGateway({
    limits: { clientTimeouts: { ...CLIENT_TIMEOUTS, checkIntervalMs: CHECK_INTERVAL_MS, ...timeouts } },
  });
}

/** Sends the start of a request and then a byte from time to time, until the server closes the connection. */
async function cutOff(gateway: TestGateway, beginning: string): Promise<Outcome> {
  const startedMs = performance.now();
  const socket = await openConnection(gateway.graphqlUrl);
  socket.write(beginning);
  const drip = beginning === '' ? undefined : dripInto(socket);
  const text = await readToEnd(socket);
  clearInterval(drip);
  return { answers: failuresIn(text), ms: performance.now() - startedMs };
}

function dripInto(socket: Socket): NodeJS.Timeout {
  return setInterval(() => socket.write('x'), BYTE_INTERVAL_MS);
}

/** Sends some creates concurrently, and then one at a time, with pauses, until the end; returns their results. */
async function serveUntil(gateway: TestGateway, end: Promise<unknown>): Promise<string[]> {
  let isOver = false;
  void end.then(() => {
    isOver = true;
  });
  let count = 0;
  const create = async () => {
    count += 1;
    return (await gateway.create({ name: `n${count}` })).__typename;
  };
  const results = await Promise.all(Array.from({ length: CREATES }, create));
  while (!isOver) {
    await delay(PAUSE_MS);
    results.push(await create());
  }
  return results;
}

function expectCut(outcomes: Outcome[], atLeastMs: number): void {
  expect(outcomes.map(({ answers }) => answers)).toEqual(outcomes.map(() => [TIMEOUT]));
  expect(Math.min(...outcomes.map(({ ms }) => ms))).toBeGreaterThan(atLeastMs - TOLERANCE_MS);
}
