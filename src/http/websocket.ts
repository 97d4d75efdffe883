import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import webSocket from '@fastify/websocket';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import type { ExecutionArgs, FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { GraphQLError } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { handleProtocols, makeServer } from 'graphql-ws';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { SubscriptionStream } from '../graphql/subscription-stream.js';
import type { SubscriptionEngine, SubscriptionResults } from '../graphql/subscriptions.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import type { CallerGuards } from './authentication.js';
import { QUOTA_RETRY_AFTER_SECONDS } from './authentication.js';
import type { ClientTimeouts } from './client-timeouts.js';
import { formatHttpError, handleClientError, MAX_BODY_BYTES, traceIdOf } from './errors.js';
import { validateBody } from './graphql-route.js';
import type { LoadShedder } from './load-shedder.js';
import type { RequestLog } from './request-log.js';
import type { RequestScheduler } from './request-scheduler.js';
import { CLOSE_TIMEOUT_MS } from './sse.js';
import type { ConnectionParams, WebSocketConnection } from './websocket-connection.js';
import { authenticateSocket, CLOSE_CODES, closeExpired, closeSocket, serveConnection } from './websocket-connection.js';

const MAX_SUBSCRIPTIONS = 1_000;
const MAX_ID_LENGTH = 128;
// Browsers and proxies may split a message, but not into many parts. ws keeps each of them, at some 100 bytes.
const MAX_FRAGMENTS = 16;
// A message of 64 KiB in the smallest segments of TCP that are in use.
const MAX_BUFFERED_CHUNKS = 128;

/** The dependencies of {@link createWebSocketHandler}. */
interface Dependencies extends CallerGuards {
  engine: SubscriptionEngine;
  loadShedder: LoadShedder;
  clientTimeouts: ClientTimeouts;
  /** The only documents that are executed; undefined allows all. */
  trustedDocuments: TrustedDocuments | undefined;
  /** Undefined without tenants. */
  scheduler: RequestScheduler | undefined;
  isStopping: () => boolean;
}

interface Session extends WebSocketConnection {
  /** Number of subscriptions that were started and have not ended. */
  count: number;
  /** Open streams, tracked here because graphql-ws loses those whose id is reused. */
  streams: Set<SubscriptionStream>;
  /** Set after `connection_init` was accepted. */
  context?: RequestContext;
}

/** Serves subscriptions over WebSockets by the graphql-ws protocol. */
export function createWebSocketHandler(dependencies: Dependencies) {
  const { engine, loadShedder, clientTimeouts, clock, isStopping } = dependencies;
  const sessions = new WeakMap<RequestContext, Session>();
  const server = makeServer<ConnectionParams, Session>({
    connectionInitWaitTimeout: clientTimeouts.connectionInitMs,
    async onConnect({ extra, connectionParams }) {
      const context = await authenticateSocket(extra, connectionParams, dependencies);
      if (context !== undefined) extra.context = context;
      return context !== undefined;
    },
    onSubscribe: async ({ extra, subscriptions }, id, payload) => {
      if (id.length > MAX_ID_LENGTH) {
        // Every message of the subscription would repeat the id.
        closeSocket(extra.socket, CLOSE_CODES.badRequest, 'The id is too long');
        return [new GraphQLError('The id is too long.')];
      }
      if ((extra.context?.validUntilMs ?? Number.POSITIVE_INFINITY) <= clock.epochMs()) {
        // The subscription would end at once, and the client would repeat it on the same socket.
        closeExpired(extra.socket);
        return [new GraphQLError('The access token has ended.')];
      }
      const prepared = await prepare(extra, Object.keys(subscriptions).length, payload, dependencies);
      if ('contextValue' in prepared) sessions.set(prepared.contextValue as RequestContext, extra);
      return prepared;
    },
    subscribe: args => startSubscription(args, sessions.get(args.contextValue as RequestContext), engine) as never,
    // The engine has formatted them already.
    onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
  });
  return (socket: WebSocket, request: FastifyRequest): void => {
    loadShedder.untrack(request.raw);
    const streams = new Set<SubscriptionStream>();
    socket.once('close', () => {
      for (const stream of streams) void stream.return();
    });
    const session: Session = { socket, request, streams, count: 0 };
    serveConnection(server, session, () => session.context !== undefined, clientTimeouts);
    if (isStopping()) closeSocket(socket, CLOSE_CODES.goingAway, 'Stopping');
  };
}

async function prepare(
  { context }: Session,
  subscriptions: number,
  payload: SubscribePayload,
  { engine, loadShedder, scheduler, trustedDocuments }: Dependencies,
) {
  const traceId = traceIdOf();
  const refuse = (...errors: GraphQLFormattedError[]) => errors.map(error => new PreformattedError(error));
  // Unreachable: graphql-ws refuses `subscribe` before `connection_init`.
  if (context === undefined) return refuse(formatHttpError('unauthenticated', traceId));
  loadShedder.trackMessage();
  if (!loadShedder.admit()) return refuse(formatHttpError('overloaded', traceId, 1));
  if (subscriptions > MAX_SUBSCRIPTIONS) return refuse(formatHttpError('tooManySubscriptions', traceId));
  if ((await scheduler?.admit(context.caller.tenant)) === false)
    return refuse(formatHttpError('tooManyWaiting', traceId, QUOTA_RETRY_AFTER_SECONDS));
  // The protocol requires a query, which is empty when the document is given by its id.
  const body = payload.query === '' ? { ...payload, query: undefined } : payload;
  const validated = validateBody(body, trustedDocuments);
  if (typeof validated === 'string') return refuse(formatHttpError(validated, traceId));
  const prepared = engine.prepare(validated.body, { ...context, traceId });
  return Array.isArray(prepared) ? refuse(...prepared) : prepared;
}

// Counts subscriptions again, because graphql-ws counts concurrent ones with the same id as one.
async function startSubscription(
  args: ExecutionArgs,
  session: Session | undefined,
  engine: SubscriptionEngine,
): Promise<SubscriptionResults> {
  const { traceId } = args.contextValue as RequestContext;
  if (session === undefined || session.count >= MAX_SUBSCRIPTIONS)
    return { errors: [formatHttpError('tooManySubscriptions', traceId)] };
  session.count += 1;
  let stream: SubscriptionStream | undefined;
  const results = await engine.subscribe(args, () => {
    session.count -= 1;
    if (stream !== undefined) session.streams.delete(stream);
  });
  if (!(results instanceof SubscriptionStream)) return results;
  stream = results;
  session.streams.add(stream);
  // The client may have disconnected already.
  if (session.socket.readyState !== session.socket.OPEN) await stream.return();
  return stream;
}

/** An error that was formatted already, so that graphql-ws sends it unchanged. */
class PreformattedError extends GraphQLError {
  readonly #formatted: GraphQLFormattedError;

  constructor(formatted: GraphQLFormattedError) {
    super(formatted.message);
    this.#formatted = formatted;
  }

  override toJSON(): GraphQLFormattedError {
    return this.#formatted;
  }
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
      log.error({ traceId: request.id, errorName: error.name }, 'internal error');
      closeSocket(socket, CLOSE_CODES.internalError, 'Internal error');
    },
    preClose(done) {
      for (const socket of app.websocketServer.clients) closeSocket(socket, CLOSE_CODES.goingAway, 'Stopping');
      done();
    },
  });
  // ws would respond to an invalid handshake in a format of its own.
  app.websocketServer.on('wsClientError', (error: Error, socket: Socket, _request: IncomingMessage) =>
    handleClientError(error, socket, requestLog),
  );
}
