import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import type { AuditLog } from '../auth/audit-log.js';
import type { CallerGate, Identification, KnownCaller } from '../auth/caller.js';
import type { HeldConnections } from '../auth/connection-quota.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { HTTP_FAILURES, sendFailure } from './errors.js';

const CALLER = 'caller';

/** Lets a request pass when its sender is known, and answers it otherwise. */
export type CallerCheck = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** A check that looks at nothing but the headers, so that bodies of strangers are not even read. */
export function callerCheckOf(gate: CallerGate, audit: AuditLog): CallerCheck {
  return async (request, reply) => {
    const startedAtMs = Date.now();
    const found = await gate.identify(request.headers.authorization, request.ip);
    if (found.kind === 'known') {
      request.setDecorator<KnownCaller>(CALLER, found);
      return undefined;
    }
    auditRefusal(audit, request, found, startedAtMs);
    return refuse(reply, found);
  };
}

/** What was found when the look at a caller's credentials came to nothing. */
export type Refusal = Exclude<Identification, KnownCaller>;

/**
 * Writes a line about a caller who was not let in.
 *
 * @param startedAtMs when the look began, in milliseconds since 1970-01-01 UTC
 */
export function auditRefusal(
  audit: AuditLog,
  { id: traceId, ip: address }: FastifyRequest,
  found: Refusal,
  startedAtMs: number,
): void {
  audit.write({
    traceId,
    address,
    caller: undefined,
    code: CODES[found.kind],
    reason: found.kind === 'unauthenticated' ? found.reason : undefined,
    startedAtMs,
    durationMs: Date.now() - startedAtMs,
  });
}

/** The caller of a request that has passed the check. */
export function callerOf(request: FastifyRequest): KnownCaller {
  return request.getDecorator<KnownCaller>(CALLER);
}

/**
 * What resolvers may know about a request that has passed the check. Who asks to be told when its sender has gone
 * waits, and is refused when the tenant holds too many connections already.
 */
export function contextOf(
  request: FastifyRequest,
  { raw }: FastifyReply,
  connections: HeldConnections,
): RequestContext {
  const known = callerOf(request);
  const listeners: (() => void)[] = [];
  const onGone = (listener: () => void) => {
    // One listener of the response, and one connection, however many fields of one request wait.
    if (listeners.length === 0) {
      if (!holdResponse(raw, connections, known.caller.tenant)) {
        listener();
        throw tooManyConnections();
      }
      raw.once('close', () => {
        for (const tell of listeners) tell();
      });
    }
    listeners.push(listener);
  };
  return { ...contextFor(request.id, request.ip, known), onGone };
}

function tooManyConnections(): GraphQLError {
  const { code, message, statusCode: status } = HTTP_FAILURES.tooManyConnections;
  const extensions = { code, retryAfterSeconds: HELD_RETRY_AFTER_SECONDS, http: { status } };
  return new GraphQLError(message, { extensions });
}

/** What resolvers may know about a request of a caller who was let in. */
export function contextFor(
  traceId: string,
  address: string,
  { caller, validUntilMs }: KnownCaller,
): RequestContext {
  return { traceId, address, caller, ...(validUntilMs !== undefined && { validUntilMs }) };
}

/** The property of a request that holds its caller; a server must know of it before requests come. */
export const CALLER_DECORATOR = CALLER;

const CODES = {
  unauthenticated: 'UNAUTHENTICATED',
  rateLimited: 'RATE_LIMITED',
  unavailable: 'AUTH_UNAVAILABLE',
} as const;

function refuse(reply: FastifyReply, found: Refusal): FastifyReply {
  switch (found.kind) {
    case 'unauthenticated':
      return sendFailure(reply.header('www-authenticate', 'Bearer'), 'unauthenticated');
    case 'rateLimited':
      return sendFailure(reply, 'rateLimited', found.retryAfterSeconds);
    case 'unavailable':
      return sendFailure(reply, 'authUnavailable', found.retryAfterSeconds);
  }
}

/** When a tenant who holds too many connections may try to open another one. */
export const HELD_RETRY_AFTER_SECONDS = 5;

/**
 * Counts a response as a connection that its tenant holds open, until it is closed.
 *
 * @returns false, without counting it, when it is one too many
 */
export function holdResponse(raw: ServerResponse, connections: HeldConnections, tenant: string): boolean {
  const release = connections.hold(tenant);
  if (release === undefined) return false;
  // Its client may have gone meanwhile.
  if (raw.closed) release();
  else raw.once('close', release);
  return true;
}
