import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { whenOver } from './when-over.js';

/** A server on a free port of loopback; it ends after the test, or after all when it was started before them. */
export interface ListeningServer {
  port: number;
  /** `127.0.0.1:` and the port. */
  host: string;
  /** Every connection that was ever opened, ended ones included. */
  connections(): readonly Socket[];
}

/** Lets a server of any kind listen, for what the emulator does not do. */
export async function listen(server: Server): Promise<ListeningServer> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    // Callers that break off are part of the game.
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  whenOver(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return { port, host: `127.0.0.1:${port}`, connections: () => sockets };
}

// Below what systems give out by themselves, where another process would get the port by chance meanwhile.
const LEAST_PORT = 10_000;
/** Ports of each worker of Jest, so that none takes what another has found free. */
const PORTS = 1_000;
const WORKERS = 20;

/** A port of loopback on which nobody listens, also after a while, for whoever comes later. */
export async function closedPort(): Promise<number> {
  const worker = Number(process.env['JEST_WORKER_ID'] ?? 0) % WORKERS;
  for (;;) {
    const port = LEAST_PORT + worker * PORTS + randomInt(PORTS);
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
