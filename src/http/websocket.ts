import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import webSocket from '@fastify/websocket';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import type { ExecutionArgs, FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { GraphQLError } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { handleProtocols, makeServer } from 'graphql-ws';
import type { KnownCaller } from '../auth/caller.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { SubscriptionStream } from '../graphql/subscription-stream.js';
import type { SubscriptionEngine, SubscriptionResults } from '../graphql/subscriptions.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { contextFor } from './authentication.js';
import type { ClientTimeouts } from './client-timeouts.js';
import { answerClientError, errorOf, MAX_BODY_BYTES, traceIdOf } from './errors.js';
import { checkBody } from './graphql-route.js';
import type { LoadMonitor } from './load-shedder.js';
import type { AdmissionParts, ConnectionParams, SubscriberSocket } from './websocket-connection.js';
import { CLOSE, endSocket, endWithToken, hasEnded, letIn, serveSocket } from './websocket-connection.js';

const MAX_SUBSCRIPTIONS = 1_000;
const MAX_ID_LENGTH = 128;

/** What WebSockets are served with. */
interface WebSocketParts extends AdmissionParts {
  engine: SubscriptionEngine;
  load: LoadMonitor;
  clientTimeouts: ClientTimeouts;
  /** The only documents to execute; undefined for any. */
  trustedDocuments: TrustedDocuments | undefined;
  isStopping: () => boolean;
}

interface Session extends SubscriberSocket {
  /** How many subscriptions have begun and not ended. */
  count: number;
  /** Their streams: the library forgets those whose id is used again. */
  streams: Set<SubscriptionStream>;
  /** Set when the client has said who it is. */
  known?: KnownCaller;
}

/** An error that is told as it is. */
class ToldError extends GraphQLError {
  readonly #told: GraphQLFormattedError;

  constructor(told: GraphQLFormattedError) {
    super(told.message);
    this.#told = told;
  }

  override toJSON(): GraphQLFormattedError {
    return this.#told;
  }
}

/** Serves subscriptions over WebSockets, by the protocol of graphql-ws. */
export function webSocketHandlerOf(parts: WebSocketParts) {
  const { engine, load, clientTimeouts, clock, isStopping } = parts;
  const sessions = new WeakMap<RequestContext, Session>();
  const server = makeServer<ConnectionParams, Session>({
    connectionInitWaitTimeout: clientTimeouts.connectionInitMs,
    async onConnect({ extra, connectionParams }) {
      const known = await letIn(extra, connectionParams, parts);
      if (known !== undefined) extra.known = known;
      return known !== undefined;
    },
    onSubscribe: ({ extra, subscriptions }, id, payload) => {
      if (id.length > MAX_ID_LENGTH) {
        // Every message about the subscription would carry it.
        endSocket(extra.socket, CLOSE.badRequest, 'The id is too long');
        return [new GraphQLError('The id is too long.')];
      }
      if (extra.known !== undefined && hasEnded(extra.known, clock)) {
        // Over this socket it would end at once, again and again.
        endWithToken(extra.socket);
        return [new GraphQLError('The access token has ended.')];
      }
      const prepared = prepare(extra, Object.keys(subscriptions).length, payload, parts);
      if ('contextValue' in prepared) sessions.set(prepared.contextValue as RequestContext, extra);
      return prepared;
    },
    subscribe: args => begin(args, sessions.get(args.contextValue as RequestContext), engine) as never,
    // The engine has made them fit.
    onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
  });
  return (socket: WebSocket, request: FastifyRequest): void => {
    load.settle(request.raw);
    const streams = new Set<SubscriptionStream>();
    socket.once('close', () => {
      for (const stream of streams) void stream.return();
    });
    serveSocket(server, { socket, request, streams, count: 0 }, clientTimeouts.pingIntervalMs);
    if (isStopping()) endSocket(socket, CLOSE.goingAway, 'Stopping');
  };
}

// Counted here too: many that come at the same time under one id are one to the library.
async function begin(
  args: ExecutionArgs,
  session: Session | undefined,
  engine: SubscriptionEngine,
): Promise<SubscriptionResults> {
  const { traceId } = args.contextValue as RequestContext;
  if (session === undefined || session.count >= MAX_SUBSCRIPTIONS)
    return { errors: [errorOf('tooManySubscriptions', traceId)] };
  session.count += 1;
  let stream: SubscriptionStream | undefined;
  const results = await engine.subscribe(args, () => {
    session.count -= 1;
    if (stream !== undefined) session.streams.delete(stream);
  });
  if (!(results instanceof SubscriptionStream)) return results;
  stream = results;
  session.streams.add(stream);
  // Its client may have gone meanwhile.
  if (session.socket.readyState !== session.socket.OPEN) await stream.return();
  return stream;
}

function prepare(
  { request, known }: Session,
  subscriptions: number,
  payload: SubscribePayload,
  { engine, load, trustedDocuments }: WebSocketParts,
) {
  const traceId = traceIdOf(undefined);
  const refuse = (...errors: GraphQLFormattedError[]) => errors.map(error => new ToldError(error));
  // The protocol knows no request without credentials once the client was let in.
  if (known === undefined) return refuse(errorOf('unauthenticated', traceId));
  load.countMessage();
  if (!load.accepts()) return refuse(errorOf('overloaded', traceId, 1));
  if (subscriptions > MAX_SUBSCRIPTIONS) return refuse(errorOf('tooManySubscriptions', traceId));
  // The protocol wants a text where a document that is named by its id has none.
  const body = checkBody(payload.query === '' ? { ...payload, query: undefined } : payload, trustedDocuments);
  if (typeof body === 'string') return refuse(errorOf(body, traceId));
  const prepared = engine.prepare(body.checked, contextFor(traceId, request.ip, known));
  return prepared.kind === 'ready' ? prepared.args : refuse(...prepared.errors);
}

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
