import { once } from 'node:events';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { Attack, Target } from './attack.js';
import { randomBelow } from './attack.js';
import { dial, hostileAddress, until } from './connection-attacks.js';

const UPGRADE =
  'GET /graphql HTTP/1.1\r\nhost: gw.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
  'sec-websocket-protocol: graphql-transport-ws\r\n\r\n';
const MAX_HOLD_MS = 10_000;
/** A masked one-byte frame that continues a message without ending it. */
const FRAGMENT = Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x20]);
const ODD_MESSAGES = [
  '{"type":"connection_ack"}',
  '{"type":"next","id":"1","payload":{}}',
  '{"type":"subscribe"}',
  `{"type":"complete","id":"${'i'.repeat(60_000)}"}`,
  '{"type":"ping","payload":[]}',
  '[]',
  '\u0000',
  '{',
];

/** WebSockets that never sign in, break the protocol, or leave subscriptions behind. */
export const WEBSOCKET_ATTACKS: readonly Attack[] = [
  {
    name: 'sockets that never sign in',
    workers: 40,
    attack: async target => until(await upgrade(target), MAX_HOLD_MS),
  },
  {
    name: 'messages of endless fragments',
    workers: 2,
    attack: async target => {
      const socket = await upgrade(target);
      socket.write(Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x20]));
      socket.write(Buffer.concat(Array.from({ length: 15_000 }, () => FRAGMENT)));
      return until(socket, MAX_HOLD_MS);
    },
  },
  {
    name: 'odd messages',
    workers: 10,
    attack: async target => {
      const socket = await openSocket(target);
      for (let count = 0; count < 3; count += 1) socket.send(ODD_MESSAGES[randomBelow(ODD_MESSAGES.length)] ?? '');
      return closeOf(socket);
    },
  },
  {
    name: 'sockets that are reset with 100 subscriptions',
    workers: 10,
    attack: async target => {
      const socket = await openSocket(target);
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${target.token}` } }));
      await Promise.race([once(socket, 'message'), once(socket, 'close')]);
      const query = `subscription { datasourceConnection(id: "${target.connectionId}") { state } }`;
      for (let id = 0; id < 100 && socket.readyState === WebSocket.OPEN; id += 1)
        socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query } }));
      setTimeout(() => socket.terminate(), randomBelow(1_000));
      return closeOf(socket);
    },
  },
];

/** Opens a WebSocket over a raw socket, so that invalid frames can be sent on it. */
async function upgrade(target: Target): Promise<Socket> {
  const socket = await dial(target);
  socket.write(UPGRADE);
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  return socket.resume();
}

/** Opens a WebSocket from one of the hostile addresses. */
export async function openSocket({ url }: Target): Promise<WebSocket> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws', { localAddress: hostileAddress() });
  await once(socket, 'open');
  return socket.on('error', () => {});
}

async function closeOf(socket: WebSocket): Promise<string> {
  if (socket.readyState === WebSocket.CLOSED) return 'closed';
  const [code] = await once(socket, 'close');
  return String(code);
}
