import type { RequestListener, ServerOptions, ServerResponse } from 'node:http';
import { createServer, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import compress from '@fastify/compress';
import cors from '@fastify/cors';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastify, { LogController } from 'fastify';
import { canonicalAddress, createRangeCheck } from '../lib/ip-address.js';
import { ArrivalQueue } from './arrival-queue.js';
import { hasAccessToken } from './authentication.js';
import type { ConnectionQuotas } from './client-connections.js';
import { ClientConnections } from './client-connections.js';
import type { ClientTimeouts } from './client-timeouts.js';
import { addErrorHandlers, commonHeaders, errorOptions, sendHttpError } from './errors.js';
import type { HostGuard } from './host-guard.js';
import type { LoadShedder } from './load-shedder.js';
import type { OriginCheck } from './origins.js';
import type { RequestLog } from './request-log.js';
import { recordOf } from './request-log.js';
import {
  hasSupportedEncoding,
  isUnambiguous,
  MAX_BODY_BYTES,
  MAX_HEADER_BYTES,
  MAX_HEADERS,
} from './request-validation.js';
import { registerWebSockets } from './websocket.js';

const MAX_CONNECTIONS = 2_000;
const MAX_REQUESTS_OF_CONNECTION = 1_000;
// Smaller responses, such as that of a create, fit into one packet anyway.
const MIN_COMPRESSED_BYTES = 1_024;

interface Dependencies {
  logger: FastifyBaseLogger;
  requestLog: RequestLog;
  /** Whether pages of an origin may call the gateway from a browser; undefined for none. */
  isListedOrigin: OriginCheck | undefined;
  /** How long a connection may be idle after a response, in milliseconds. */
  keepAliveTimeoutMs: number;
  /** Aborted when the gateway begins to stop: from then on, each response is the last one of its connection. */
  stopping: AbortSignal;
  /** Aborted when it no longer accepts requests either. */
  closing: AbortSignal;
  loadShedder: LoadShedder;
  /** Whether requests with a token are shed after sign-in, when their tenant is known. */
  shedsByTenant: boolean;
  clientTimeouts: ClientTimeouts;
  quotas: ConnectionQuotas;
  hostGuard: HostGuard;
  /** Proxies whose `X-Forwarded-For` is trusted; when empty, the client's address is that of the socket. */
  trustedProxies: readonly string[];
}

/**
 * Creates an HTTP server with bounded requests and JSON for every error, and counts the connections of its clients. The
 * caller registers the routes.
 */
export async function createHttpServer({
  logger,
  requestLog,
  isListedOrigin,
  keepAliveTimeoutMs,
  stopping,
  closing,
  loadShedder,
  shedsByTenant,
  clientTimeouts,
  quotas,
  hostGuard,
  trustedProxies,
}: Dependencies): Promise<{ app: FastifyInstance; connections: ClientConnections }> {
  // An address that a proxy writes with a port must match, too.
  const isProxy = createRangeCheck(trustedProxies);
  // Sockets that sent an ambiguous request. Everything that follows on them is ignored.
  const distrusted = new WeakSet<Socket>();
  const errorHandling = errorOptions(requestLog);
  const serverOptions: ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    // isUnambiguous checks it: Node would respond to a missing Host without a body.
    requireHostHeader: false,
    headersTimeout: clientTimeouts.headersMs,
    requestTimeout: clientTimeouts.requestMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: clientTimeouts.checkIntervalMs,
    IncomingMessage: webSocketOnlyUpgrade(socket => connections.hasUnanswered(socket)),
  };
  const arrivals = new ArrivalQueue();
  const receive = (request: IncomingMessage, response: ServerResponse, handle: RequestListener) => {
    const { socket } = request;
    // Nothing can be answered after the last response, which may still be on its way.
    if (socket.writableEnded) return;
    // Nobody reads a request that has closed its connection.
    if (!connections.addRequest(request, response)) request.destroy();
    else if (!arrivals.add(connections.networkOf(socket) ?? socket, socket, () => handle(request, response)))
      connections.closeFlooding(socket);
  };
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: trustedProxies.length > 0 && isProxy,
    serverFactory: handle => createServer(serverOptions, (request, response) => receive(request, response, handle)),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // GraphQL refuses unknown keys by itself, with a better message.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    // Log records carry the trace id themselves.
    childLoggerFactory: parent => parent,
    ...errorHandling,
    clientErrorHandler(error, socket) {
      if (distrusted.has(socket)) socket.destroySoon();
      else if (error.code === 'ECONNRESET' || !connections.closeIfOutOfTurn(socket))
        errorHandling.clientErrorHandler(error, socket);
    },
  });
  const connections = new ClientConnections(app.server, {
    quotas,
    timeouts: clientTimeouts,
    keepAliveTimeoutMs,
    isProxy,
    requestLog,
  });
  // When a server closes, Node takes a connection for idle as soon as its response is ended, and would cut it off.
  const closeIdle = app.server.closeIdleConnections.bind(app.server);
  app.server.closeIdleConnections = () => void connections.whenSent().then(closeIdle);
  app.server.maxConnections = MAX_CONNECTIONS;
  app.server.maxRequestsPerSocket = MAX_REQUESTS_OF_CONNECTION;
  app.server.on('drop', dropped =>
    requestLog.writeClosed('server full', canonicalAddress(dropped?.remoteAddress) ?? 'unknown'),
  );
  // Node silently drops headers above its limit, so the gateway enforces a lower one itself.
  app.server.maxHeadersCount = 4 * MAX_HEADERS;
  // Node would respond to an unknown `Expect` without a body. A server may ignore it (RFC 9110, section 10.1.1).
  app.server.on('checkExpectation', (message, response) => receive(message, response, app.routing));
  addErrorHandlers(app, logger);
  await registerWebSockets(app, logger, requestLog);
  app.addHook('onRequest', (request, reply, done) => {
    // Upgrades bypass `receive`, so they are counted here, unless the connection is closed already.
    if (request.ws && !connections.addRequest(request.raw, reply.raw)) return;
    reply.headers(commonHeaders(request.id));
    // The socket of a refused upgrade is not reused.
    if (request.ws) reply.header('connection', 'close');
    reply.raw.once('close', () => writeRequest(requestLog, request, reply));
    loadShedder.track(request.raw, reply.raw);
    if (distrusted.has(request.raw.socket) || !isUnambiguous(request.raw)) {
      // The next request on the connection may be a smuggled one.
      distrusted.add(request.raw.socket);
      sendHttpError(reply.header('connection', 'close'), 'badRequest');
    } else if (hostGuard.refuses(request.headers)) {
      sendHttpError(reply, 'forbidden');
    } else {
      done();
    }
  });
  // Before all other errors: without CORS headers a page of a listed origin could not read them. Such a page may send
  // any header, for example those of its tracing.
  if (isListedOrigin !== undefined)
    await app.register(cors, {
      origin: (origin, done) => done(null, origin !== undefined && isListedOrigin(origin)),
      methods: ['GET', 'POST'],
      exposedHeaders: ['x-request-id', 'retry-after'],
      maxAge: 600,
      strictPreflight: false,
    });
  // No risk of BREACH: an attacker cannot make a browser send a victim's token, and no response repeats a secret. In
  // one piece, because Fastify would log each client that leaves a stream before its end. Event streams bypass it.
  await app.register(compress, {
    encodings: ['br', 'gzip'],
    threshold: MIN_COMPRESSED_BYTES,
    syncThreshold: Number.POSITIVE_INFINITY,
    globalDecompression: false,
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (request.raw.rawHeaders.length > 2 * MAX_HEADERS) {
      sendHttpError(reply.header('connection', 'close'), 'headersTooLarge');
    } else if (closing.aborted) {
      sendHttpError(reply.header('retry-after', '1'), 'shuttingDown');
    } else if (!(shedsByTenant && request.headers.authorization !== undefined) && !loadShedder.admit()) {
      sendHttpError(reply.header('retry-after', '1'), 'overloaded');
    } else if (!hasSupportedEncoding(request.headers)) {
      sendHttpError(reply, 'unsupportedMediaType');
    } else {
      done();
    }
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // A client that keeps its connection would lose a request when that is closed.
    if (stopping.aborted || isLastOfConnection(reply.raw)) reply.header('connection', 'close');
    // Sockets count characters of strings, not bytes, as unread.
    done(null, typeof payload === 'string' ? Buffer.from(payload) : payload);
  });
  // Other content types reach the route without a body, and it refuses them.
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined));
  app.addHook('preClose', async () => {
    await connections.whenAccepted();
    connections.closeSilent();
  });
  app.addHook('onClose', async () => connections.close());
  return { app, connections };
}

function writeRequest(requestLog: RequestLog, request: FastifyRequest, reply: FastifyReply): void {
  // The operations over a WebSocket have lines of their own.
  if (request.ws && !reply.raw.writableFinished) return;
  const record = recordOf(request, reply);
  if (record.status < 400 || hasAccessToken(request)) requestLog.write(record);
  else requestLog.writeAnonymous(record);
}

/**
 * The class of incoming requests that can only be upgraded to a WebSocket.
 *
 * Once a server handles upgrades, Node passes it the raw socket of every request with an `Upgrade` header, but some
 * clients, such as Java's, send `Upgrade: h2c` with plain requests. A server may ignore protocols that it does not
 * support (RFC 9110, section 7.8). It also ignores an upgrade on a connection that has unanswered requests, because
 * nothing would send their responses.
 */
function webSocketOnlyUpgrade(hasUnanswered: (socket: Socket) => boolean): typeof IncomingMessage {
  return class extends IncomingMessage {
    // Without an initializer: Node's constructor sets `upgrade`, before the fields of this class would exist.
    declare private wantsUpgrade: boolean;

    /** Node sets this while parsing, and reads it when the headers are complete. */
    get upgrade(): boolean {
      if (this.socket.destroyed) this.#endParsing();
      if (!this.wantsUpgrade || this.method === 'CONNECT') return this.wantsUpgrade;
      const isToWebSocket = this.method === 'GET' && this.headers.upgrade?.toLowerCase() === 'websocket';
      return isToWebSocket && !hasUnanswered(this.socket);
    }

    set upgrade(isRequested: boolean) {
      this.wantsUpgrade = isRequested;
    }

    /**
     * Node parses everything that it has received on a connection, even if that was closed meanwhile: thousands of
     * requests in one piece. It does not parse what follows a CONNECT.
     */
    #endParsing(): void {
      this.method = 'CONNECT';
      this.wantsUpgrade = true;
    }
  };
}

// Node announces the end of a connection after its last request, but waits for the client to close it.
function isLastOfConnection(response: ServerResponse & { maxRequestsOnConnectionReached?: boolean }): boolean {
  return response.maxRequestsOnConnectionReached === true;
}
