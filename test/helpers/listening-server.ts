import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { onCleanup } from './clean-up.js';

/** A server on a free loopback port; it stops after the test, or after all tests when it was started before them. */
export interface ListeningServer {
  port: number;
  /** `127.0.0.1:` and the port. */
  host: string;
  /** Every connection that was opened, including closed ones. */
  connections(): readonly Socket[];
}

/** Starts any server, for what the emulator does not support. */
export async function listen(server: Server): Promise<ListeningServer> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    // Clients that disconnect are expected.
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanup(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return { port, host: `127.0.0.1:${port}`, connections: () => sockets };
}

// Below the ephemeral port range, where another process could get the port meanwhile.
const MIN_PORT = 10_000;
/** Each Jest worker has its own ports, so that two workers cannot pick the same one. */
const PORTS = 1_000;
const WORKERS = 20;

/** A loopback port that stays unused. */
export async function closedPort(): Promise<number> {
  const worker = Number(process.env['JEST_WORKER_ID'] ?? 0) % WORKERS;
  for (;;) {
    const port = MIN_PORT + worker * PORTS + randomInt(PORTS);
    const server = createServer();
    const isFree = new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false)).once('listening', () => resolve(true));
    });
    server.listen(port, '127.0.0.1');
    if (!(await isFree)) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
