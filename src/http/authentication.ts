import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import type { AuditLog } from '../auth/audit-log.js';
import type { AuthenticatedCaller, AuthenticationResult, CallerAuthenticator } from '../auth/caller.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { canonicalAddress } from '../lib/ip-address.js';
import type { Clock } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ClientConnections, ConnectionQuota } from './client-connections.js';
import type { HttpErrorName } from './errors.js';
import { formatHttpError, HTTP_ERRORS, sendHttpError, statusOf } from './errors.js';
import { entryOf } from './request-log.js';
import type { RequestScheduler } from './request-scheduler.js';

/** The request decorator that holds the context of an authenticated request; register it before the server starts. */
export const CONTEXT_DECORATOR = 'requestContext';

/** Seconds after which a tenant whose quota is used up should retry. */
export const QUOTA_RETRY_AFTER_SECONDS = 5;

/** A Fastify `onRequest` hook that authenticates the caller, or responds with an error. */
export type AuthenticationHook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** The guards that authenticate and limit callers, on every transport. */
export interface CallerGuards {
  authenticator: CallerAuthenticator;
  connections: ClientConnections;
  /** Limits what each tenant keeps open: streams, WebSockets and waiting queries. */
  streamQuota: ConnectionQuota;
  audit: AuditLog;
  clock: Clock;
  metrics: Metrics;
}

/** Creates the hook. It needs the headers only, so bodies of unauthenticated requests are not read. */
export function createAuthenticationHook(guards: CallerGuards): AuthenticationHook {
  return async (request, reply) => {
    const start = now(guards.clock);
    const result = await authenticate(request, request.headers.authorization, guards, start);
    if (result.kind === 'unauthenticated')
      return sendHttpError(reply.header('www-authenticate', 'Bearer'), 'unauthenticated');
    if (result.kind !== 'authenticated') return sendHttpError(reply, result.kind, result.retryAfterSeconds);
    const { context } = result;
    request.setDecorator<RequestContext>(CONTEXT_DECORATOR, context);
    if (guards.connections.assignTenant(request.raw.socket, context.caller.tenant)) return undefined;
    auditRefusal(guards, context, 'tooManyOpenConnections', 'too many connections', start);
    reply.header('connection', 'close');
    return sendHttpError(reply, 'tooManyOpenConnections', QUOTA_RETRY_AFTER_SECONDS);
  };
}

/** The context of an authenticated request, or why it was refused. */
type RequestAuthentication =
  | { kind: 'authenticated'; context: RequestContext }
  | Exclude<AuthenticationResult, AuthenticatedCaller>;

/** When a request was received. */
interface Start {
  /** Milliseconds since 1970-01-01 UTC. */
  startedAtMs: number;
  /** By `performance.now()`, because the wall clock may be set back before the end. */
  startMs: number;
}

function now(clock: Clock): Start {
  return { startedAtMs: clock.epochMs(), startMs: performance.now() };
}

/** Authenticates a request. Refusals are written to the audit log. */
export async function authenticate(
  request: FastifyRequest,
  authorization: string | undefined,
  guards: CallerGuards,
  start = now(guards.clock),
): Promise<RequestAuthentication> {
  const { trace, operation } = entryOf(request.raw);
  const origin = { trace, operation, address: clientAddressOf(request) };
  const result = await guards.authenticator.authenticate(authorization, origin.address);
  guards.metrics.count('dli_gateway_auth_total', { result: result.kind });
  if (result.kind === 'rateLimited') guards.metrics.count('dli_gateway_rate_limited_total', { kind: 'failedLogins' });
  if (result.kind !== 'authenticated') {
    auditRefusal(guards, origin, result.kind, result.reason, start);
    return result;
  }
  const { kind, ...authenticated } = result;
  return { kind, context: { ...origin, ...authenticated } };
}

function auditRefusal(
  { audit }: CallerGuards,
  { trace, address, caller }: Partial<RequestContext> & Pick<RequestContext, 'trace' | 'address'>,
  error: HttpErrorName,
  reason: string | undefined,
  { startedAtMs, startMs }: Start,
): void {
  const { code } = HTTP_ERRORS[error];
  audit.write({ trace, address, caller, code, reason, startedAtMs, durationMs: performance.now() - startMs });
}

/**
 * The canonical IP address of a client: the last entry of `X-Forwarded-For` that is not a trusted proxy, or the nearest
 * known proxy when that entry is not an IP address. `unknown` when the client has disconnected.
 */
function clientAddressOf({ ip, ips = [ip] }: FastifyRequest): string {
  for (const text of ips.toReversed()) {
    const address = canonicalAddress(text);
    if (address !== undefined) return address;
  }
  return 'unknown';
}

/** The context of a request that passed the hook. */
export function contextOf(request: FastifyRequest): RequestContext {
  return request.getDecorator<RequestContext>(CONTEXT_DECORATOR);
}

/** Whether a request came with a valid access token. */
export function hasAccessToken(request: FastifyRequest): boolean {
  // Only callers with tokens have an expiry.
  return request.getDecorator<RequestContext | null>(CONTEXT_DECORATOR)?.validUntilMs !== undefined;
}

/**
 * The context of a query or mutation.
 *
 * A field that listens for the disconnect keeps the response open, so it counts against the tenant's stream quota,
 * unless the response is counted already. `onDisconnect` throws RATE_LIMITED when the quota is used up.
 */
export function createHttpContext(
  request: FastifyRequest,
  { raw }: FastifyReply,
  streamQuota: ConnectionQuota | 'counted',
  scheduler: RequestScheduler | undefined,
): RequestContext {
  const context = contextOf(request);
  const { tenant } = context.caller;
  let isCounted = streamQuota === 'counted';
  return {
    ...context,
    isReadOnly: request.method !== 'POST',
    onDisconnect(listener) {
      if (raw.destroyed) {
        listener();
        return;
      }
      // One connection, however many fields of the request wait.
      isCounted ||= streamQuota === 'counted' || acquireForResponse(raw, streamQuota, tenant);
      if (!isCounted) {
        listener();
        const { message, extensions } = formatHttpError(
          'tooManyStreams',
          context.trace.traceId,
          QUOTA_RETRY_AFTER_SECONDS,
        );
        const http = { status: statusOf('tooManyStreams') };
        throw new GraphQLError(message, { extensions: { ...extensions, http } });
      }
      // Without Node's warning: a request has few fields, because aliases are limited.
      raw.setMaxListeners(0).once('close', listener);
    },
    ...(scheduler !== undefined && { nextTurn: () => scheduler.nextTurn(tenant) }),
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
