import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import type { AuditLog } from '../auth/audit-log.js';
import type {
  AuthenticatedCaller,
  AuthenticationResult,
  CallerAuthenticator,
  ConnectionQuota,
} from '../auth/caller.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import type { Clock } from '../lib/time.js';
import { clientAddressOf } from './client-address.js';
import type { ClientConnections } from './client-connections.js';
import { HTTP_ERRORS, sendHttpError } from './errors.js';
import type { RequestScheduler } from './request-scheduler.js';

/** The request decorator that holds the authenticated caller; register it before the server starts. */
export const CALLER_DECORATOR = 'caller';

/** Seconds after which a tenant whose quota is used up should retry. */
export const QUOTA_RETRY_AFTER_SECONDS = 5;

const ERRORS = {
  unauthenticated: 'unauthenticated',
  rateLimited: 'rateLimited',
  unavailable: 'authUnavailable',
} as const;

/** A Fastify `onRequest` hook that authenticates the caller, or responds with an error. */
export type AuthenticationHook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** An authentication that failed. */
export type FailedAuthentication = Exclude<AuthenticationResult, AuthenticatedCaller>;

/** Creates the hook. It needs the headers only, so bodies of unauthenticated requests are not read. */
export function createAuthenticationHook(
  authenticator: CallerAuthenticator,
  audit: AuditLog,
  clock: Clock,
  connections: ClientConnections,
): AuthenticationHook {
  return async (request, reply) => {
    const startedAtMs = clock.epochMs();
    const result = await authenticator.authenticate(request.headers.authorization, clientAddressOf(request));
    if (result.kind === 'authenticated') {
      request.setDecorator<AuthenticatedCaller>(CALLER_DECORATOR, result);
      if (connections.assignTenant(request.raw.socket, result.caller.tenant)) return undefined;
      audit.write({
        traceId: request.id,
        address: clientAddressOf(request),
        caller: result.caller,
        code: HTTP_ERRORS.tooManyOpenConnections.code,
        reason: 'too many connections',
        startedAtMs,
        durationMs: clock.epochMs() - startedAtMs,
      });
      reply.header('connection', 'close');
      return sendHttpError(reply, 'tooManyOpenConnections', QUOTA_RETRY_AFTER_SECONDS);
    }
    auditFailure({ audit, clock }, request, result, startedAtMs);
    if (result.kind !== 'unauthenticated') return sendHttpError(reply, ERRORS[result.kind], result.retryAfterSeconds);
    return sendHttpError(reply.header('www-authenticate', 'Bearer'), 'unauthenticated');
  };
}

/** Writes a failed authentication, which began at `startedAtMs` (since 1970-01-01 UTC), to the audit log. */
export function auditFailure(
  { audit, clock }: { audit: AuditLog; clock: Clock },
  request: FastifyRequest,
  failure: FailedAuthentication,
  startedAtMs: number,
): void {
  audit.write({
    traceId: request.id,
    address: clientAddressOf(request),
    caller: undefined,
    code: HTTP_ERRORS[ERRORS[failure.kind]].code,
    reason: 'reason' in failure ? failure.reason : undefined,
    startedAtMs,
    durationMs: clock.epochMs() - startedAtMs,
  });
}

/** The caller of a request that passed the hook. */
export function callerOf(request: FastifyRequest): AuthenticatedCaller {
  return request.getDecorator<AuthenticatedCaller>(CALLER_DECORATOR);
}

/** Whether a request came with a valid access token. */
export function isSignedIn(request: FastifyRequest): boolean {
  // Only the callers of tokens have an expiry.
  return request.getDecorator<AuthenticatedCaller | null>(CALLER_DECORATOR)?.validUntilMs !== undefined;
}

/** The resolver context of an authenticated request, for any transport. */
export function createContext(
  traceId: string,
  address: string,
  { caller, validUntilMs }: AuthenticatedCaller,
): RequestContext {
  return { traceId, address, caller, ...(validUntilMs !== undefined && { validUntilMs }) };
}

/**
 * The resolver context of an authenticated HTTP request.
 *
 * A field that listens for the disconnect keeps the response open, so it counts against the tenant's stream quota.
 * `onDisconnect` throws RATE_LIMITED when the quota is used up.
 */
export function createHttpContext(
  request: FastifyRequest,
  { raw }: FastifyReply,
  streamQuota: ConnectionQuota,
  scheduler: RequestScheduler | undefined,
): RequestContext {
  const authenticated = callerOf(request);
  const listeners: (() => void)[] = [];
  const onDisconnect = (listener: () => void) => {
    if (raw.destroyed) {
      listener();
      return;
    }
    // One response listener and one connection, however many fields of the request wait.
    if (listeners.length === 0) {
      if (!acquireForResponse(raw, streamQuota, authenticated.caller.tenant)) {
        listener();
        const { code, message, statusCode: status } = HTTP_ERRORS.tooManyStreams;
        const extensions = { code, retryAfterSeconds: QUOTA_RETRY_AFTER_SECONDS, http: { status } };
        throw new GraphQLError(message, { extensions });
      }
      raw.once('close', () => {
        for (const notify of listeners) notify();
      });
    }
    listeners.push(listener);
  };
  return {
    ...createContext(request.id, clientAddressOf(request), authenticated),
    onDisconnect,
    ...(scheduler !== undefined && { nextTurn: shareTurns(() => scheduler.nextTurn(authenticated.caller.tenant)) }),
  };
}

/** The fields of a request that wait at the same time go on in the same turn. */
function shareTurns(nextTurn: () => Promise<void>): () => Promise<void> {
  let turn: Promise<void> | undefined;
  return () => {
    turn ??= nextTurn().then(() => {
      turn = undefined;
    });
    return turn;
  };
}

/** Counts a response against the tenant's stream quota until it is closed; false when the quota is used up. */
export function acquireForResponse(raw: ServerResponse, streamQuota: ConnectionQuota, tenant: string): boolean {
  const release = streamQuota.acquire(tenant);
  if (release === undefined) return false;
  // The client may have disconnected already.
  if (raw.destroyed) release();
  else raw.once('close', release);
  return true;
}
