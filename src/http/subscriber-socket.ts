import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import type { Server } from 'graphql-ws';
import { MAX_BUFFERED_BYTES } from './stream-limits.js';
import { CLOSE, endSocket } from './web-sockets.js';

/** A socket, and the request that it began with. */
export interface SubscriberSocket {
  socket: WebSocket;
  request: FastifyRequest;
}

/**
 * Connects a socket to the protocol, for as long as its client is there and reads what it is sent.
 *
 * The adapter that comes with graphql-ws does the same, but writes errors to the console as they are, and waits for
 * slow readers without a bound.
 *
 * @param pingMs from one ping to the next, before which it is to be answered, in milliseconds
 */
export function serveSocket<T extends SubscriberSocket>(server: Server<T>, served: T, pingMs: number): void {
  const { socket, request } = served;
  const fail = (error: unknown) => {
    const errorName = error instanceof Error ? error.name : 'unknown';
    request.log.error({ traceId: request.id, errorName }, 'internal error');
    endSocket(socket, CLOSE.internalError, 'Internal error');
  };
  const endIfUnread = () => {
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
  };
  const closed = server.opened(
    {
      protocol: socket.protocol,
      async send(text) {
        if (socket.readyState !== socket.OPEN) return;
        const isSent = new Promise<void>(resolve => socket.send(text, () => resolve()));
        endIfUnread();
        await isSent;
      },
      close: (code = CLOSE.internalError, reason = '') => endSocket(socket, code, reason),
      onMessage: receive =>
        socket.on('message', data => {
          receive(String(data)).catch(fail);
        }),
    },
    served,
  );
  // The library answers these by itself.
  socket.on('ping', endIfUnread);
  const stopPinging = keepAlive(socket, pingMs);
  socket.once('close', (code, reason) => {
    stopPinging();
    closed(code, String(reason)).catch(fail);
  });
}

/** Asks a client again and again whether it is there, and ends the socket of one that has not answered the last time. */
function keepAlive(socket: WebSocket, pingMs: number): () => void {
  let isThere = true;
  socket.on('pong', () => {
    isThere = true;
  });
  const timer = setInterval(() => {
    if (!isThere) socket.terminate();
    else if (socket.readyState === socket.OPEN) {
      isThere = false;
      socket.ping();
    }
  }, pingMs).unref();
  return () => clearInterval(timer);
}
