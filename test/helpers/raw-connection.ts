import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

/** Data received on a raw connection until it ended. */
export interface RawExchange {
  /** `fin` = closed normally, `reset` = reset. */
  end: 'fin' | 'reset' | 'other';
  /** Status line and headers; empty if nothing was received. */
  head: string;
  body: string;
}

/** The text of an HTTP/1.1 request with a JSON body. */
export function rawRequest(method: string, path: string, body = '', headers: Record<string, string> = {}): string {
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-length': `${Buffer.byteLength(body)}`,
    ...headers,
  });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

/** The text of a WebSocket handshake. */
export const HANDSHAKE = rawRequest('GET', '/graphql', '', {
  host: 'gw.test',
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-protocol': 'graphql-transport-ws',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
});

/** The text of a GraphQL request. */
export function graphqlRequest(query: string, headers: Record<string, string> = {}): string {
  const body = JSON.stringify({ query });
  return rawRequest('POST', '/graphql', body, { host: 'gw.test', 'content-type': 'application/json', ...headers });
}

/** Opens a connection to the server of an address. */
export async function openConnection(
  url: string,
  options: { localAddress?: string; allowHalfOpen?: boolean } = {},
): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ...options });
  await once(socket, 'connect');
  return socket;
}

/** Opens a connection and sends a text; the caller ends it. */
export async function openRaw(url: string, text: string): Promise<Socket> {
  const socket = await openConnection(url);
  socket.write(text);
  return socket;
}

/** Everything that the server sends until it closes the connection. */
export async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A server that refuses a request need not read the rest of it; its response still counts.
  socket.on('error', () => {});
  await new Promise(resolve => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('utf8');
}

/** Sends a text verbatim on a new connection, and returns the response until the server closes it. */
export async function exchange(url: string, text: string): Promise<string> {
  const socket = await openConnection(url);
  const answer = readToEnd(socket);
  socket.write(text);
  return answer;
}

/** Sends a text over a new connection and collects the data until the server ends it. */
export async function exchangeRaw(url: string, text: string): Promise<RawExchange> {
  const socket = await openRaw(url, text);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const end = await new Promise<RawExchange['end']>(resolve => {
    socket.on('end', () => resolve('fin'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNRESET' ? 'reset' : 'other'));
  });
  socket.destroy();
  const [head = '', body = ''] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n', 2);
  return { end, head, body };
}

/** The errors in a text of HTTP responses, in order: status, content type and body of each. */
export function failuresIn(text: string): { status: number; contentType: string | undefined; body: unknown }[] {
  return text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter(part => part !== '')
    .map(answer => {
      const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
      return {
        status: Number(head.slice(9, 12)),
        contentType: /^content-type: (.*)$/im.exec(head)?.[1]?.trim(),
        body: body === '' ? undefined : JSON.parse(body),
      };
    });
}
