import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Payload, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { failuresIn, openConnection, readToEnd } from './helpers/raw-connection.js';

const HEADER_CLIENTS = 20;
const BODY_CLIENTS = 20;
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

/** The result of a client: its responses, and how long it was served. */
interface Outcome {
  answers: unknown;
  seconds: number;
}

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(closeGateways);

describe('clients that send slowly', () => {
  it('get 408 after 10 s for headers and 20 s for bodies, while others are served', async () => {
    const silent = cutOff('');
    const slowHeaders = Promise.all(Array.from({ length: HEADER_CLIENTS }, () => cutOff(`${HEAD}x-slow: `)));
    const slowBodies = Promise.all(
      Array.from({ length: BODY_CLIENTS }, () => cutOff(`${HEAD}content-length: 1000\r\n\r\n`)),
    );
    const served = serveUntil(slowBodies);

    expectCut([await silent, ...(await slowHeaders)], 9.5, 12);
    expectCut(await slowBodies, 19.5, 22);
    const results = await served;
    expect(results.length).toBeGreaterThan(200);
    expect(new Set(results)).toEqual(new Set(['CreateDatasourceConnectionSuccess']));
    expect(gateway.emulator.ledger.count('createConnection')).toBe(results.length);
    expect(gateway.log()).not.toContain('internal error');
  }, 40_000);
});

/** Sends the start of a request and then a byte every half second, until the server closes the connection. */
async function cutOff(beginning: string): Promise<Outcome> {
  const startedMs = performance.now();
  const socket = await openConnection(gateway.graphqlUrl);
  socket.write(beginning);
  const drip = beginning === '' ? undefined : dripInto(socket);
  const text = await readToEnd(socket);
  clearInterval(drip);
  return { answers: failuresIn(text), seconds: (performance.now() - startedMs) / 1_000 };
}

function dripInto(socket: Socket): NodeJS.Timeout {
  return setInterval(() => socket.write('x'), 500);
}

/** Sends 20 creates a second until the end, and returns their responses. */
async function serveUntil(end: Promise<unknown>): Promise<string[]> {
  const payloads: Promise<Payload>[] = [];
  const pace = setInterval(() => payloads.push(gateway.create({ name: `n${payloads.length}` })), 50);
  await end;
  clearInterval(pace);
  return (await Promise.all(payloads)).map(({ __typename }) => __typename);
}

function expectCut(outcomes: Outcome[], atLeastSeconds: number, atMostSeconds: number): void {
  expect(outcomes.map(({ answers }) => answers)).toEqual(outcomes.map(() => [TIMEOUT]));
  const seconds = outcomes.map(outcome => outcome.seconds);
  expect(Math.min(...seconds)).toBeGreaterThan(atLeastSeconds);
  expect(Math.max(...seconds)).toBeLessThan(atMostSeconds);
}
