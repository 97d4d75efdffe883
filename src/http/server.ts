import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyCorsOptions } from '@fastify/cors';
import cors from '@fastify/cors';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fastify, { LogController } from 'fastify';
import type { ClientTimeouts } from './client-timeouts.js';
import { addFailureAnswers, commonHeaders, failureOptions, MAX_BODY_BYTES, sendFailure } from './errors.js';
import type { LoadMonitor } from './load-shedder.js';
import { isReadableBody, isRebound, isWellFormed } from './request-validation.js';
import { addWebSockets } from './websocket.js';

const MAX_CONNECTIONS = 2_000;
const MAX_HEADERS = 64;

/** Limits of the HTTP server; `maxHeaderSize` is in bytes, the time is in milliseconds. */
const SERVER_LIMITS = {
  maxHeaderSize: 16 * 1024,
  keepAliveTimeout: 5_000,
  // Node would answer a missing Host without a body.
  requireHostHeader: false,
};

/** How the HTTP server is set up. */
interface HttpAppOptions {
  logger: FastifyBaseLogger;
  /** Origins whose pages may call the gateway from a browser; none by default. */
  corsOrigins: readonly string[];
  /** Whether the gateway is stopping and takes no new work. */
  isStopping: () => boolean;
  /** Counts the requests, and knows when no more can be taken. */
  load: LoadMonitor;
  clientTimeouts: ClientTimeouts;
  /** Whether only this machine can reach the server. */
  isLocal: boolean;
  /** Proxies that are believed about where a request comes from; without them it is the other end of the socket. */
  trustedProxies: readonly string[];
}

/** An HTTP server with bounded requests, and JSON for every failure; the caller adds the routes. */
export async function createHttpApp({
  logger,
  corsOrigins,
  isStopping,
  load,
  clientTimeouts,
  isLocal,
  trustedProxies,
}: HttpAppOptions): Promise<FastifyInstance> {
  // Connections that were told to end; what else comes over them is not listened to.
  const distrusted = new WeakSet<Socket>();
  const failures = failureOptions(logger);
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    http: {
      ...SERVER_LIMITS,
      headersTimeout: clientTimeouts.headersMs,
      requestTimeout: clientTimeouts.requestMs,
      connectionsCheckingInterval: clientTimeouts.checkIntervalMs,
      IncomingMessage: UpgradableRequest,
    },
    keepAliveTimeout: SERVER_LIMITS.keepAliveTimeout,
    requestTimeout: clientTimeouts.requestMs,
    maxRequestsPerSocket: 1_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // GraphQL itself refuses keys that are not in the schema, and names them.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    // Every line of ours carries the trace id itself.
    childLoggerFactory: parent => parent,
    ...failures,
    clientErrorHandler(error, socket) {
      if (distrusted.has(socket)) socket.destroySoon();
      else failures.clientErrorHandler(error, socket);
    },
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  // Node drops what is over its count without a word, so the count that is refused is a lower one.
  app.server.maxHeadersCount = 4 * MAX_HEADERS;
  // Node would answer an unknown expectation without a body; a server may ignore it.
  app.server.on('checkExpectation', (message, response) => app.routing(message, response));
  addFailureAnswers(app, logger);
  await addWebSockets(app, logger);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(commonHeaders(request.id));
    // Nothing reads another request from the socket of an upgrade.
    if (request.ws) reply.header('connection', 'close');
    load.count(request.raw, reply.raw);
    if (distrusted.has(request.raw.socket) || !isWellFormed(request.raw)) {
      // What follows on this connection may be meant for somebody else.
      distrusted.add(request.raw.socket);
      sendFailure(reply.header('connection', 'close'), 'badRequest');
    } else if (isLocal && isRebound(request.headers, corsOrigins)) {
      sendFailure(reply, 'forbidden');
    } else {
      done();
    }
  });
  // Before every refusal that a page of a listed origin can do something about; it learns of none without.
  if (corsOrigins.length > 0) await app.register(cors, corsOptions(corsOrigins));
  app.addHook('onRequest', (request, reply, done) => {
    if (request.raw.rawHeaders.length > 2 * MAX_HEADERS) {
      sendFailure(reply.header('connection', 'close'), 'headersTooLarge');
    } else if (isStopping()) {
      sendFailure(reply.header('retry-after', '1'), 'shuttingDown');
    } else if (!load.accepts()) {
      sendFailure(reply.header('retry-after', '1'), 'overloaded');
    } else if (!isReadableBody(request.headers)) {
      sendFailure(reply, 'unsupportedMediaType');
    } else {
      done();
    }
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // A connection that its caller keeps alive would hold up the end of the process.
    if (isStopping()) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
  readJsonOnly(app);
  endSilentConnections(app);
  return app;
}

// Other types reach GraphQL without a body, so that its protection against cross-site requests answers them.
function readJsonOnly(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined));
}

// What happens to a create is logged where it is known; here only requests that failed are worth a line.
function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode: status } = reply;
  request.log[status < 400 ? 'debug' : 'info'](
    {
      traceId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? null,
      status,
      durationMs: Math.round(reply.elapsedTime),
    },
    'request',
  );
}

// Node counts a connection that has not sent a byte as busy, and would wait for it when the server closes.
function endSilentConnections(app: FastifyInstance): void {
  const open = new Set<Socket>();
  app.server.on('connection', socket => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  app.addHook('preClose', done => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    done();
  });
}

/** What pages of the listed origins may send, and read of an answer. */
function corsOptions(origins: readonly string[]): FastifyCorsOptions {
  return {
    origin: [...origins],
    methods: ['POST'],
    allowedHeaders: ['content-type', 'authorization', 'apollo-require-preflight', 'traceparent'],
    exposedHeaders: ['x-request-id', 'retry-after'],
    maxAge: 600,
    strictPreflight: false,
  };
}

/**
 * A request that leaves HTTP only for a WebSocket.
 *
 * Without it Node would hand over the socket of every request with an `Upgrade` header, unread, as soon as the server
 * serves WebSockets; and Java's HTTP client, for one, sends `Upgrade: h2c` with its first request. A server may ignore
 * what it does not know (RFC 9110, section 7.8).
 */
class UpgradableRequest extends IncomingMessage {
  // Not a `#` field: Node's constructor sets `upgrade` before this class has any.
  private asksForUpgrade = false;

  /** Node sets this while it reads the message, and asks for it when the headers are known. */
  get upgrade(): boolean {
    if (!this.asksForUpgrade || this.method === 'CONNECT') return this.asksForUpgrade;
    return this.method === 'GET' && this.headers.upgrade?.toLowerCase() === 'websocket';
  }

  set upgrade(asked: boolean) {
    this.asksForUpgrade = asked;
  }
}
