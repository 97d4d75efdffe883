import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { gatewayError } from './error-answers.js';

/** A listening server that can be stopped at once, hanging answers included. */
export interface HttpServer {
  /** Resolves with the base URL, without a slash at the end. */
  listen(port: number, host: string): Promise<string>;
  /** Stops listening and destroys all connections. */
  close(): Promise<void>;
}

/** A plain HTTP server whose limits lie above those of the emulated gateway, so that the emulator can enforce them. */
export function createHttpServer(onRequest: RequestListener): HttpServer {
  const server = createServer({ maxHeaderSize: 512 * 1_024, keepAliveTimeout: 75_000 }, onRequest);
  const sockets = new Set<Socket>();
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Callers that reset their connection are part of the game.
    socket.on('error', () => socket.destroy());
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 494 : 400;
    const { body } = gatewayError('APIGW.0201', '', '', status);
    if (!socket.writable) socket.destroy();
    else
      socket.end(
        `HTTP/1.1 ${status} Bad Request\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      );
  });
  return {
    async listen(port, host) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve());
      });
      return baseUrlOf(server, host);
    },
    async close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function baseUrlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  // An unspecified address is where one listens, not where one calls.
  const reachable =
    { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host);
  return `http://${reachable}:${port}`;
}
