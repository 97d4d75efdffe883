import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { onEnd } from './page.js';

/**
 * Starts a proxy on loopback that stands for a gateway that goes down and comes back: its port cannot be taken by
 * another process meanwhile.
 */
export async function startProxy(gatewayUrl: string) {
  let port = Number(new URL(gatewayUrl).port);
  const sockets = new Set<Socket>();
  let isConnected = true;
  const server = createServer(socket => {
    if (!isConnected) return socket.destroy();
    const upstream = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    return undefined;
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const disconnect = () => {
    isConnected = false;
    for (const socket of sockets) socket.destroy();
  };
  onEnd(async () => {
    disconnect();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    /** Breaks all connections, and every new one. */
    disconnect,
    reconnect() {
      isConnected = true;
    },
    /** Passes new connections on to another gateway. */
    forwardTo(url: string) {
      port = Number(new URL(url).port);
    },
  };
}
