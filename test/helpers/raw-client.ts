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

/** Opens a connection and sends a text; the caller ends it. */
export async function openRaw(baseUrl: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** Sends a text over a new connection and collects the data until the server ends it. */
export async function exchangeRaw(baseUrl: string, text: string): Promise<RawExchange> {
  const socket = await openRaw(baseUrl, text);
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

/** The text of an HTTP/1.1 request with a JSON body. */
export function rawRequest(method: string, path: string, body = '', headers: Record<string, string> = {}): string {
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-length': `${Buffer.byteLength(body)}`,
    ...headers,
  });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}
