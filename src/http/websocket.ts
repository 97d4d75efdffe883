import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import webSocket from '@fastify/websocket';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import type { ExecutionArgs, FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { GraphQLError } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { handleProtocols, makeServer } from 'graphql-ws';
import { SubscriptionStream } from '../graphql/subscription-stream.js';
import type { SubscriptionEngine, SubscriptionResults } from '../graphql/subscriptions.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { logBug } from '../lib/logger.js';
import type { CallerGuards } from './authentication.js';
import type { ClientTimeouts } from './client-timeouts.js';
import type { HttpErrorName } from './errors.js';
import { formatHttpError, HTTP_ERRORS, handleClientError } from './errors.js';
import type { LoadShedder } from './load-shedder.js';
import type { RequestEntry, RequestLog } from './request-log.js';
import { clientOf, entryOf, newEntry } from './request-log.js';
import type { RequestScheduler } from './request-scheduler.js';
import { MAX_BODY_BYTES, MAX_SUBSCRIPTIONS, validateBody } from './request-validation.js';
import { CLOSE_TIMEOUT_MS } from './sse.js';
import type { ConnectionParams, WebSocketConnection } from './websocket-connection.js';
import { authenticateSocket, CLOSE_CODES, closeExpired, closeSocket, serveConnection } from './websocket-connection.js';

const MAX_ID_LENGTH = 128;
// Browsers and proxies may split a message, but not into many parts. ws buffers each of them, at about 100 bytes.
const MAX_FRAGMENTS = 16;
// A message of 64 KiB in the smallest segments of TCP that are in use.
const MAX_BUFFERED_CHUNKS = 128;

interface Dependencies extends CallerGuards {
  engine: SubscriptionEngine;
  loadShedder: LoadShedder;
  clientTimeouts: ClientTimeouts;
  /** The only documents that are executed; undefined allows all. */
  trustedDocuments: TrustedDocuments | undefined;
  /** Undefined without tenants. */
  scheduler: RequestScheduler | undefined;
  requestLog: RequestLog;
  /** Aborted when the gateway no longer accepts requests. */
  closing: AbortSignal;
}

interface Session extends WebSocketConnection {
  /** The subscriptions that were started and have not ended. */
  subscriptions: Set<StartedSubscription>;
}

interface StartedSubscription {
  /** Tracked here because graphql-ws loses streams whose id is reused. Undefined until the source has been opened. */
  stream?: SubscriptionStream;
}

/** The arguments of a subscription, as graphql-ws passes them on. */
interface SubscriptionArgs extends ExecutionArgs {
  session: Session;
  entry: RequestEntry;
}

/** Serves subscriptions over WebSockets by the graphql-ws protocol. */
export function createWebSocketHandler(dependencies: Dependencies) {
  const { loadShedder, clientTimeouts, clock, closing, metrics } = dependencies;
  const sessions = new Set<Session>();
  metrics.read('dli_gateway_subscriptions', () => ({
    websocket: [...sessions].reduce((sum, { subscriptions }) => sum + subscriptions.size, 0),
  }));
  const server = makeServer<ConnectionParams, Session>({
    connectionInitWaitTimeout: clientTimeouts.connectionInitMs,
    onConnect: ({ extra, connectionParams }) => authenticateSocket(extra, connectionParams, dependencies),
    onSubscribe: async ({ extra, subscriptions }, id, payload) => {
      if (id.length > MAX_ID_LENGTH) {
        // Every message of the subscription would repeat the id.
        closeSocket(extra.socket, CLOSE_CODES.badRequest, 'The id is too long');
        return [new GraphQLError('The id is too long.')];
      }
      if ((extra.context?.validUntilMs ?? Number.POSITIVE_INFINITY) <= clock.epochMs()) {
        // The subscription would end at once, and the client would repeat it on the same socket.
        closeExpired(extra.socket);
        return [new GraphQLError('The access token has expired.')];
      }
      return prepare(extra, Object.keys(subscriptions).length, payload, dependencies);
    },
    subscribe: args => startSubscription(args as SubscriptionArgs, dependencies) as never,
    // The engine has formatted them already.
    onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
  });
  return (socket: WebSocket, request: FastifyRequest): void => {
    loadShedder.untrack(request.raw);
    const session: Session = { socket, request, subscriptions: new Set() };
    sessions.add(session);
    socket.once('close', () => {
      sessions.delete(session);
      for (const { stream } of session.subscriptions) void stream?.return();
    });
    serveConnection(server, session, clientTimeouts);
    if (closing.aborted) closeSocket(socket, CLOSE_CODES.goingAway, 'Stopping');
  };
}

async function prepare(
  session: Session,
  subscriptions: number,
  payload: SubscribePayload,
  { engine, loadShedder, scheduler, trustedDocuments, requestLog, metrics }: Dependencies,
): Promise<SubscriptionArgs | GraphQLError[]> {
  const { context } = session;
  const entry = newEntry();
  const { trace, operation } = entry;
  const refuse = (name: HttpErrorName, retryAfterSeconds?: number) => {
    Object.assign(operation, { outcome: 'ERROR', code: HTTP_ERRORS[name].code });
    writeOperation(session, entry, requestLog);
    return toGraphqlErrors([formatHttpError(name, trace.traceId, retryAfterSeconds)]);
  };
  if (context === undefined) throw new TypeError('graphql-ws accepted a subscription before connection_init');
  loadShedder.trackMessage();
  // The scheduler sheds by tenant.
  if (scheduler === undefined && !loadShedder.admit()) return refuse('overloaded', 1);
  if (subscriptions > MAX_SUBSCRIPTIONS) {
    metrics.count('dli_gateway_rate_limited_total', { kind: 'subscriptions' });
    return refuse('tooManySubscriptions');
  }
  const refusal = await scheduler?.admit(context.caller.tenant);
  if (refusal !== undefined) return refuse(refusal.error, refusal.retryAfterSeconds);
  // The protocol requires a query, which is empty when the document is given by its id.
  const body = payload.query === '' ? { ...payload, query: undefined } : payload;
  const validated = validateBody(body, trustedDocuments);
  if (typeof validated === 'string') return refuse(validated);
  const prepared = engine.prepare(validated, { ...context, trace, operation });
  if (!Array.isArray(prepared)) return { ...prepared, session, entry };
  writeOperation(session, entry, requestLog);
  return toGraphqlErrors(prepared);
}

/** Writes the line of an operation that has ended. Whatever it was, the upgrade request was answered with 101. */
function writeOperation(
  { request, context }: Session,
  { trace, operation, startMs }: RequestEntry,
  requestLog: RequestLog,
): void {
  const durationMs = performance.now() - startMs;
  const upgrade = { method: 'GET', route: request.routeOptions.url ?? null, status: 101 };
  const record = { trace, operation, ...upgrade, durationMs, ...clientOf(request.raw) };
  // Only callers with tokens have an expiry.
  if (operation.outcome !== 'ERROR' || context?.validUntilMs !== undefined) requestLog.write(record);
  else requestLog.writeAnonymous(record);
}

// graphql-ws accepts instances only, and sends what their toJSON() returns.
function toGraphqlErrors(formatted: GraphQLFormattedError[]): GraphQLError[] {
  return formatted.map(error => Object.assign(new GraphQLError(error.message), { toJSON: () => error }));
}

// Counts subscriptions again, because graphql-ws counts concurrent ones with the same id as one.
async function startSubscription(
  { session, entry, ...args }: SubscriptionArgs,
  { engine, requestLog }: Dependencies,
): Promise<SubscriptionResults> {
  const { socket, subscriptions } = session;
  if (subscriptions.size >= MAX_SUBSCRIPTIONS) {
    Object.assign(entry.operation, { outcome: 'ERROR', code: HTTP_ERRORS.tooManySubscriptions.code });
    writeOperation(session, entry, requestLog);
    return { errors: [formatHttpError('tooManySubscriptions', entry.trace.traceId)] };
  }
  const started: StartedSubscription = {};
  subscriptions.add(started);
  const results = await engine.subscribe(args, () => {
    subscriptions.delete(started);
    writeOperation(session, entry, requestLog);
  });
  if (!(results instanceof SubscriptionStream)) return results;
  started.stream = results;
  // The client may have disconnected already.
  if (socket.readyState !== socket.OPEN) await results.return();
  return results;
}

/**
 * Enables WebSockets on routes with a `wsHandler`, and closes them with the server.
 *
 * Call it before adding hooks: a hook that refuses an upgrade relies on `request.ws`, which is set here.
 */
export async function registerWebSockets(
  app: FastifyInstance,
  log: FastifyBaseLogger,
  requestLog: RequestLog,
): Promise<void> {
  const webSocketOptions = {
    maxPayload: MAX_BODY_BYTES,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols,
  };
  await app.register(webSocket, {
    options: webSocketOptions,
    errorHandler(error, socket, request) {
      // After a protocol error of the client, ws has closed the socket already.
      if (socket.readyState !== socket.OPEN) return;
      logBug(log, entryOf(request.raw).trace, error);
      closeSocket(socket, CLOSE_CODES.internalError, 'Internal error');
    },
    preClose(done) {
      for (const socket of app.websocketServer.clients) closeSocket(socket, CLOSE_CODES.goingAway, 'Stopping');
      done();
    },
  });
  // ws would respond to an invalid handshake in a format of its own.
  app.websocketServer.on('wsClientError', (error: Error, socket: Socket) =>
    handleClientError(error, socket, requestLog),
  );
}
