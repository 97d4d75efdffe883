import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Attack, Target } from './attack.js';
import { randomBelow } from './attack.js';

/** Longer than any of the gateway's limits on idle or slow clients. */
const MAX_HOLD_MS = 40_000;
const NOTHING = 'GET /nothing HTTP/1.1\r\nhost: gw.test\r\n\r\n';
const INVALID = [
  'nonsense\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  `GET / HTTP/1.1\r\nhost: gw.test\r\n${'x: y\r\n'.repeat(2_000)}\r\n`,
  `GET / HTTP/1.1\r\nhost: gw.test\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
  'POST /graphql HTTP/1.1\r\nhost: gw.test\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /x',
  'POST /graphql HTTP/1.1\r\nhost: gw.test\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n',
  'GET /graphql HTTP/1.1\r\nhost: gw.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
];
const LIST = `{ ${Array.from({ length: 15 }, (_, index) => `a${index}: datasourceConnections(first: 100) { items { id name state } }`).join(' ')} }`;

/**
 * Connections that are flooded, held, reset or filled with something other than HTTP, mostly without a token. Only few
 * cost the gateway CPU time: senders without a token share it with everyone, and a firewall has to limit their rate.
 */
export const CONNECTION_ATTACKS: readonly Attack[] = [
  { name: 'connections that are opened and reset', workers: 4, attack: target => exchange(target, '', 20) },
  { name: 'pipelined requests, then reset', workers: 1, attack: target => exchange(target, NOTHING.repeat(900), 200) },
  { name: 'one request, then reset', workers: 2, attack: target => exchange(target, NOTHING, 20) },
  {
    name: 'invalid HTTP',
    workers: 1,
    attack: target => exchange(target, INVALID[randomBelow(INVALID.length)] ?? '', 1_000),
  },
  {
    name: 'headers that come in slowly',
    workers: 60,
    attack: target => drip(target, 'GET /graphql HTTP/1.1\r\nhost: gw.test\r\n', 'x: y\r\n'),
  },
  { name: 'empty lines', workers: 20, attack: target => drip(target, '', '\r\n') },
  {
    name: 'bodies that come in slowly',
    workers: 30,
    attack: target => drip(target, request(target, ' '.repeat(60_000)).slice(0, -60_000), ' '),
  },
  {
    name: 'responses that nobody takes',
    workers: 40,
    attack: async target => {
      const socket = await dial(target);
      socket.pause();
      socket.write(request(target, JSON.stringify({ query: LIST })).repeat(15));
      return until(socket, MAX_HOLD_MS);
    },
  },
];

/** One of the source addresses of the attacks: all of 127.0.0.0/8 is loopback on Linux. */
export function hostileAddress(): string {
  return `127.0.2.${1 + randomBelow(16)}`;
}

/** Opens a connection to the target. */
export async function dial({ url }: Target, localAddress = hostileAddress()): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), localAddress });
  await once(socket, 'connect');
  // The "close" event shows how a connection ends.
  return socket.on('error', () => {});
}

/** Waits until the gateway closes a connection, or resets it after `holdMs`. */
export async function until(socket: Socket, holdMs: number): Promise<string> {
  const timer = new AbortController();
  const held = delay(holdMs, 'reset by us', { signal: timer.signal }).catch(() => 'closed');
  socket.once('close', () => timer.abort());
  const outcome = await held;
  socket.resetAndDestroy();
  return outcome;
}

/** Sends a text and reads what comes back, until the connection is closed or `holdMs` have passed. */
async function exchange(target: Target, text: string, holdMs: number): Promise<string> {
  const socket = await dial(target);
  socket.resume().write(text);
  return until(socket, holdMs);
}

/** Sends the start of a request, then more of it at intervals. */
async function drip(target: Target, start: string, more: string): Promise<string> {
  const socket = await dial(target);
  socket.resume().write(start);
  const timer = setInterval(() => socket.write(more), 500);
  socket.once('close', () => clearInterval(timer));
  return until(socket, MAX_HOLD_MS);
}

function request({ token }: Target, body: string): string {
  const head = 'POST /graphql HTTP/1.1\r\nhost: gw.test\r\ncontent-type: application/json\r\n';
  return `${head}authorization: Bearer ${token}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
