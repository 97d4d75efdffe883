import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import type { Server } from 'graphql-ws';
import type { AuditLog } from '../auth/audit-log.js';
import type { CallerGate, KnownCaller } from '../auth/caller.js';
import type { HeldConnections } from '../auth/connection-quota.js';
import type { Clock } from '../lib/time.js';
import { auditRefusal } from './authentication.js';
import { GOODBYE_MS, MAX_BUFFERED_BYTES } from './sse.js';

// The last events go out first.
const LAST_EVENTS_MS = 1_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

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

/** What a client says in its first message. */
export type ConnectionParams = Record<string, unknown> | undefined;

/** What decides about who opens a WebSocket. */
export interface AdmissionParts {
  gate: CallerGate;
  connections: HeldConnections;
  audit: AuditLog;
  clock: Clock;
}

/**
 * Finds out who has opened a socket, which ends with the caller's token.
 *
 * @returns undefined when the client was not let in, and its socket was ended
 */
export async function letIn(
  { socket, request }: SubscriberSocket,
  params: ConnectionParams,
  { gate, connections, audit, clock }: AdmissionParts,
): Promise<KnownCaller | undefined> {
  const startedAtMs = Date.now();
  const authorization = credentialIn(params) ?? request.headers.authorization;
  const found = await gate.identify(authorization, request.ip);
  if (found.kind !== 'known') {
    auditRefusal(audit, request, found, startedAtMs);
    if (found.kind === 'unauthenticated') endSocket(socket, CLOSE.unauthorized, 'Authentication required');
    else endSocket(socket, CLOSE.tryAgainLater, `Try again in ${found.retryAfterSeconds} s`);
    return undefined;
  }
  // Its client may have gone meanwhile.
  if (socket.readyState === socket.CLOSED) return undefined;
  const release = connections.hold(found.caller.tenant);
  if (release === undefined) {
    endSocket(socket, CLOSE.tryAgainLater, 'Too many open connections of your tenant');
    return undefined;
  }
  socket.once('close', release);
  endInTime(socket, found, clock);
  return found;
}

/** Whether a caller's token has ended since it was let in. */
export function hasEnded({ validUntilMs = Number.POSITIVE_INFINITY }: KnownCaller, clock: Clock): boolean {
  return validUntilMs <= clock.epochMs();
}

/**
 * Ends a socket because its token has ended. Clients of graphql-ws take 4401 for their own fault and give up; after
 * this they connect again, with another token.
 */
export function endWithToken(socket: WebSocket): void {
  endSocket(socket, CLOSE.forbidden, 'The access token has ended');
}

function endInTime(socket: WebSocket, { validUntilMs }: KnownCaller, clock: Clock): void {
  const leftMs = (validUntilMs ?? Number.POSITIVE_INFINITY) - clock.epochMs() + LAST_EVENTS_MS;
  // A longer time would end at once; and no subscription outlives the token, whether or not its socket does.
  if (leftMs > MAX_TIMER_MS) return;
  const timer = setTimeout(() => endWithToken(socket), leftMs).unref();
  socket.once('close', () => clearTimeout(timer));
}

function credentialIn(params: Readonly<Record<string, unknown>> = {}): string | undefined {
  const value = params['authorization'] ?? params['Authorization'];
  return typeof value === 'string' ? value : undefined;
}

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
 * @param pingIntervalMs time between pings, each of which must be answered before the next, in milliseconds
 */
export function serveSocket<T extends SubscriberSocket>(
  server: Server<T>,
  served: T,
  pingIntervalMs: number,
): void {
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
  const stopPinging = keepAlive(socket, pingIntervalMs);
  socket.once('close', (code, reason) => {
    stopPinging();
    closed(code, String(reason)).catch(fail);
  });
}

/** Asks a client again and again whether it is there, and ends the socket of one that has not answered the last time. */
function keepAlive(socket: WebSocket, pingIntervalMs: number): () => void {
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
  }, pingIntervalMs).unref();
  return () => clearInterval(timer);
}

/** Ends a socket with a code, and without its client when that does not answer. */
export function endSocket(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, Buffer.from(reason).subarray(0, MAX_REASON_BYTES).toString());
  const timer = setTimeout(() => socket.terminate(), GOODBYE_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}
