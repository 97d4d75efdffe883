import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { afterEach } from '@jest/globals';

/** A server on a free loopback port; it stops after the test. */
export interface ListeningServer {
  port: number;
  /** `127.0.0.1:` and the port. */
  host: string;
  /** Every connection that was opened, including closed ones. */
  connections(): readonly Socket[];
}

const running: { server: Server; sockets: Socket[] }[] = [];

afterEach(async () => {
  for (const { server, sockets } of running.splice(0)) {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }
});

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
  running.push({ server, sockets });
  const { port } = server.address() as AddressInfo;
  return { port, host: `127.0.0.1:${port}`, connections: () => sockets };
}

// Below the ephemeral port range, where another process could get the port meanwhile.
const LEAST_PORT = 10_000;
const PORTS = 20_000;

/** A loopback port that stays unused. */
export async function closedPort(): Promise<number> {
  for (;;) {
    const port = LEAST_PORT + randomInt(PORTS);
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
