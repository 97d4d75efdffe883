import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import type { Server } from 'graphql-ws';
import { MessageType, parseMessage } from 'graphql-ws';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { logBug } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import type { CallerGuards } from './authentication.js';
import { authenticate } from './authentication.js';
import type { ClientTimeouts } from './client-timeouts.js';
import { entryOf } from './request-log.js';
import { findJsonError } from './request-validation.js';
import { CLOSE_TIMEOUT_MS, MAX_BUFFERED_BYTES } from './sse.js';
import { WebSocketFrames } from './websocket-frames.js';

/** Close codes, from RFC 6455, section 7.4.1, and the graphql-ws protocol. */
export const CLOSE_CODES = {
  goingAway: 1001,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
  tryAgainLater: 1013,
  badRequest: 4400,
  unauthorized: 4401,
  forbidden: 4403,
} as const;

// RFC 6455, section 5.5.1: a control frame holds 125 bytes, two of them for the code.
const MAX_REASON_BYTES = 123;
// Lets the last events go out before an expired connection is closed.
const EXPIRY_GRACE_MS = 1_000;
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Bytes that a client may send before it is authenticated: `connection_init` with a long token. */
const MAX_BYTES_BEFORE_SIGN_IN = 16 * 1024;
const CLIENT_MESSAGES: ReadonlySet<MessageType> = new Set([
  MessageType.ConnectionInit,
  MessageType.Ping,
  MessageType.Pong,
  MessageType.Subscribe,
  MessageType.Complete,
]);

/** The payload of the client's `connection_init` message. */
export type ConnectionParams = Record<string, unknown> | undefined;

/** A WebSocket and its upgrade request. */
export interface WebSocketConnection {
  socket: WebSocket;
  request: FastifyRequest;
  /** Set when its caller has been authenticated. */
  context?: RequestContext;
}

/**
 * Authenticates a WebSocket by the token in `connection_init` or in the upgrade request, and closes it when that token
 * expires. Returns false when authentication failed and the socket was closed.
 */
export async function authenticateSocket(
  connection: WebSocketConnection,
  params: ConnectionParams,
  guards: CallerGuards,
): Promise<boolean> {
  const { socket, request } = connection;
  const result = await authenticate(request, authorizationIn(params) ?? request.headers.authorization, guards);
  if (result.kind !== 'authenticated') {
    if (result.kind === 'unauthenticated') closeSocket(socket, CLOSE_CODES.unauthorized, 'Authentication required');
    else closeSocket(socket, CLOSE_CODES.tryAgainLater, `Try again in ${result.retryAfterSeconds} s`);
    return false;
  }
  // The client may have disconnected already.
  if (socket.readyState === socket.CLOSED) return false;
  const { context } = result;
  const { connections, streamQuota, clock } = guards;
  const { tenant } = context.caller;
  const release = connections.assignTenant(request.raw.socket, tenant) ? streamQuota.acquire(tenant) : undefined;
  if (release === undefined) {
    closeSocket(socket, CLOSE_CODES.tryAgainLater, 'Too many open connections of your tenant');
    return false;
  }
  socket.once('close', release);
  closeAtExpiry(socket, context, clock);
  connection.context = context;
  return true;
}

function authorizationIn(params: ConnectionParams = {}): string | undefined {
  const value = params['authorization'] ?? params['Authorization'];
  return typeof value === 'string' ? value : undefined;
}

/**
 * Closes a socket whose token has expired.
 *
 * The code is 4403, because clients of graphql-ws treat 4401 as fatal, but reconnect with a new token after 4403.
 */
export function closeExpired(socket: WebSocket): void {
  closeSocket(socket, CLOSE_CODES.forbidden, 'The access token has expired');
}

function closeAtExpiry(
  socket: WebSocket,
  { validUntilMs = Number.POSITIVE_INFINITY }: RequestContext,
  clock: Clock,
): void {
  const leftMs = validUntilMs - clock.epochMs() + EXPIRY_GRACE_MS;
  // A longer timer would fire at once. Subscriptions end with the token even without it.
  if (leftMs > MAX_TIMER_MS) return;
  const timer = setTimeout(() => closeExpired(socket), leftMs).unref();
  socket.once('close', () => clearTimeout(timer));
}

/**
 * Connects a socket to a graphql-ws server, with keep-alive and back-pressure.
 *
 * The adapter of graphql-ws is not used: it writes errors to the console unmasked, and buffers without limit for slow
 * clients. Each ping must be answered within `pingIntervalMs`, and each message must end within `requestMs`.
 */
export function serveConnection<T extends WebSocketConnection>(
  server: Server<T>,
  connection: T,
  { pingIntervalMs, requestMs }: ClientTimeouts,
): void {
  const { socket, request } = connection;
  const fail = (error: unknown) => {
    logBug(request.log, entryOf(request.raw).trace, error);
    closeSocket(socket, CLOSE_CODES.internalError, 'Internal error');
  };
  const terminateIfSlow = () => {
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
  };
  const closed = server.opened(
    {
      protocol: socket.protocol,
      async send(text) {
        if (socket.readyState !== socket.OPEN) return;
        const isSent = new Promise<void>(resolve => socket.send(text, () => resolve()));
        terminateIfSlow();
        await isSent;
      },
      close: (code = CLOSE_CODES.internalError, reason = '') => closeSocket(socket, code, reason),
      onMessage: receive =>
        socket.on('message', data => {
          // After a close frame of the gateway, the client may still send.
          if (socket.readyState !== socket.OPEN) return;
          const text = String(data);
          if (isClientMessage(text)) receive(text).catch(fail);
          else closeSocket(socket, CLOSE_CODES.badRequest, 'Invalid message received');
        }),
    },
    connection,
  );
  // ws responds to pings by itself, and a client that does not read the pongs fills the buffer.
  socket.on('ping', terminateIfSlow);
  keepAlive(socket, pingIntervalMs);
  limitMessages(connection, requestMs);
  socket.once('close', (code, reason) => void closed(code, String(reason)).catch(fail));
}

/** Whether a text is a protocol message that clients send. graphql-ws would throw for a server's message. */
function isClientMessage(text: string): boolean {
  try {
    const message = parseMessage(text);
    // A ping is answered with its payload; the nesting of other messages is checked where they are read.
    const isTooLarge = message.type === MessageType.Ping && findJsonError(message) !== undefined;
    return CLIENT_MESSAGES.has(message.type) && !isTooLarge;
  } catch {
    return false;
  }
}

/** Closes a socket whose message does not end in time, or that receives too much before sign-in. */
function limitMessages(connection: WebSocketConnection, messageMs: number): void {
  const { socket, request } = connection;
  const frames = new WebSocketFrames();
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const close = (code: number, reason: string) => {
    if (socket.readyState !== socket.OPEN) return;
    closeSocket(socket, code, reason);
    // ws would keep buffering.
    socket.pause();
  };
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES_BEFORE_SIGN_IN && connection.context === undefined)
      close(CLOSE_CODES.tooBig, 'Too much data before connection_ack');
    const wasWithinMessage = frames.isWithinMessage;
    const hasEnded = frames.read(chunk);
    // A control frame does not restart the timer of the message.
    if (wasWithinMessage && !hasEnded) return;
    clearTimeout(timer);
    if (frames.isWithinMessage)
      timer = setTimeout(() => close(CLOSE_CODES.policyViolation, 'The message took too long'), messageMs).unref();
  };
  request.raw.socket.on('data', onData);
  socket.once('close', () => {
    clearTimeout(timer);
    request.raw.socket.off('data', onData);
  });
}

/** Pings the client at an interval, and terminates the socket when the last ping was not answered. */
function keepAlive(socket: WebSocket, pingIntervalMs: number): void {
  let isAlive = true;
  socket.on('pong', () => {
    isAlive = true;
  });
  const timer = setInterval(() => {
    if (!isAlive) socket.terminate();
    else if (socket.readyState === socket.OPEN) {
      isAlive = false;
      socket.ping();
    }
  }, pingIntervalMs).unref();
  socket.once('close', () => clearInterval(timer));
}

/** Closes a socket with a code and a reason, and terminates it when the client does not respond within 1 s. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  // Cuts between characters: the replacement of half a character would exceed the limit.
  const text = new TextDecoder().decode(Buffer.from(reason).subarray(0, MAX_REASON_BYTES), { stream: true });
  socket.close(code, text);
  setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
}
