import type { WebSocket } from '@fastify/websocket';
import type { AuditLog } from '../auth/audit-log.js';
import type { CallerGate, KnownCaller } from '../auth/caller.js';
import type { HeldConnections } from '../auth/connection-quota.js';
import type { Clock } from '../lib/time.js';
import { auditRefusal } from './caller-check.js';
import type { SubscriberSocket } from './subscriber-socket.js';
import { CLOSE, endSocket } from './web-sockets.js';

// The last events go out first.
const LAST_EVENTS_MS = 1_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

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
