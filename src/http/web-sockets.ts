import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import webSocket from '@fastify/websocket';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { handleProtocols } from 'graphql-ws';
import { answerClientError } from './client-error.js';
import { MAX_BODY_BYTES } from './failure-answers.js';
import { GOODBYE_MS } from './stream-limits.js';

/** What the server says with the end of a socket: RFC 6455, section 7.4.1, and the protocol of graphql-ws. */
export const CLOSE = {
  goingAway: 1001,
  internalError: 1011,
  tryAgainLater: 1013,
  badRequest: 4400,
  unauthorized: 4401,
  forbidden: 4403,
} as const;

// RFC 6455, section 5.5.1: a control frame holds 125 bytes, two of them for the code.
const MAX_REASON_BYTES = 123;

/**
 * Lets an HTTP server take WebSockets, at routes with a `wsHandler`, and end them when it closes.
 *
 * To be called before any hook is added: a hook that refuses an upgrade must find it marked as one.
 */
export async function addWebSockets(app: FastifyInstance, log: FastifyBaseLogger): Promise<void> {
  await app.register(webSocket, {
    options: { maxPayload: MAX_BODY_BYTES, handleProtocols },
    errorHandler(error, socket, request) {
      // What a client did wrong was answered by the library, with the end of the socket.
      if (socket.readyState !== socket.OPEN) return;
      log.error({ traceId: request.id, errorName: error.name }, 'internal error');
      endSocket(socket, CLOSE.internalError, 'Internal error');
    },
    preClose(done) {
      for (const socket of app.websocketServer.clients) endSocket(socket, CLOSE.goingAway, 'Stopping');
      done();
    },
  });
  // The library would answer an impossible handshake in a form of its own.
  app.websocketServer.on('wsClientError', (error: Error, socket: Socket, _request: IncomingMessage) =>
    answerClientError(error, socket, log),
  );
}

/** Ends a socket with a code, and without its client when that does not answer. */
export function endSocket(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, Buffer.from(reason).subarray(0, MAX_REASON_BYTES).toString());
  const timer = setTimeout(() => socket.terminate(), GOODBYE_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}
