import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify';
import { DOCUMENT_LIMIT_ERRORS, MAX_DOCUMENT_CHARACTERS } from '../graphql/document-limits.js';
import type { ErrorCode } from '../lib/error-codes.js';
import { ERROR_CODES } from '../lib/error-codes.js';
import { isObject } from '../lib/json.js';
import { logBug } from '../lib/logger.js';
import { CONNECTION_QUOTAS } from './client-connections.js';
import type { RequestLog } from './request-log.js';
import { entryOf, newEntry, recordOf } from './request-log.js';
import { MAX_WAITING_REQUESTS } from './request-scheduler.js';
import {
  MAX_BODY_BYTES,
  MAX_HEADER_BYTES,
  MAX_HEADERS,
  MAX_HOST_LIST_VALUES,
  MAX_JSON_DEPTH,
  MAX_JSON_VALUES,
  MAX_SUBSCRIPTIONS,
  mayHaveLargeBody,
} from './request-validation.js';

/** How much of a refused body is read, and for how long after the response, before the connection is closed. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;
const LINGER_MS = 2_000;
const { perTenant: streams, sparePerTenant: spare } = CONNECTION_QUOTAS;

/** The errors of the HTTP layer, for requests that fail before GraphQL. `code` is sent as `extensions.code`. */
export const HTTP_ERRORS = {
  badRequest: { code: 'BAD_REQUEST', message: 'The request is not valid HTTP or JSON.' },
  batch: { code: 'BAD_REQUEST', message: 'Send each operation in a request of its own: batches are not supported.' },
  noDocument: { code: 'BAD_REQUEST', message: 'The request must have "query", the text of a GraphQL document.' },
  invalidVariables: { code: 'BAD_REQUEST', message: '"variables" must be a JSON object or null.' },
  invalidExtensions: { code: 'BAD_REQUEST', message: '"extensions" must be a JSON object or null.' },
  invalidOperationName: { code: 'BAD_REQUEST', message: '"operationName" must be a text or null.' },
  // Apollo's clients recognise this text, and then send the document.
  persistedQueryNotSupported: { code: 'PERSISTED_QUERY_NOT_SUPPORTED', message: 'PersistedQueryNotSupported' },
  documentTooLong: {
    code: 'OPERATION_TOO_COMPLEX',
    message: `The document may have at most ${MAX_DOCUMENT_CHARACTERS.toLocaleString('en')} characters.`,
  },
  ...DOCUMENT_LIMIT_ERRORS,
  documentNotTrusted: {
    code: 'DOCUMENT_NOT_TRUSTED',
    message: 'Only documents that are listed at this gateway are executed. Send the id or the text of one.',
  },
  jsonTooDeep: { code: 'BAD_REQUEST', message: `The JSON may be nested at most ${MAX_JSON_DEPTH} levels deep.` },
  tooManyJsonValues: { code: 'BAD_REQUEST', message: `The JSON may hold at most ${MAX_JSON_VALUES} values.` },
  forbidden: {
    code: 'FORBIDDEN',
    message: 'This gateway may not be called by this host name. Its operator can add the name to ALLOWED_HOSTS.',
  },
  foreignPage: {
    code: 'FORBIDDEN',
    message: 'Pages of other sites may open a WebSocket only if CORS_ORIGINS lists them.',
  },
  crossSiteGet: {
    code: 'FORBIDDEN',
    message:
      'This GET may come from a page of another site. Send `Apollo-Require-Preflight: true`, or from a program `Accept: application/json`, or use POST; CORS_ORIGINS can list the site.',
  },
  unauthenticated: { code: 'UNAUTHENTICATED', message: 'Authentication required' },
  notFound: { code: 'NOT_FOUND', message: 'There is nothing here. GraphQL is at /graphql.' },
  methodNotAllowed: {
    code: 'METHOD_NOT_ALLOWED',
    message: 'Send GraphQL requests with POST, or queries and subscriptions with GET.',
  },
  mutationByGet: { code: 'METHOD_NOT_ALLOWED', message: 'Send mutations with POST. Nothing was executed.' },
  notAcceptable: {
    code: 'NOT_ACCEPTABLE',
    message:
      'The Accept header excludes application/json and application/graphql-response+json, the formats of responses.',
  },
  requestTimeout: { code: 'REQUEST_TIMEOUT', message: 'The request took too long to arrive.' },
  payloadTooLarge: { code: 'PAYLOAD_TOO_LARGE', message: `The body is larger than ${MAX_BODY_BYTES / 1024} KiB.` },
  tooManyLargeBodies: {
    code: 'RATE_LIMITED',
    message: `Your tenant has another request of more than ${MAX_BODY_BYTES / 1024} KiB open. Send one at a time.`,
  },
  invalidHosts: {
    code: 'BAD_REQUEST',
    message: 'Each item of a long list of hosts must be an object of two texts, "name" and "ip".',
  },
  tooManyHostListValues: {
    code: 'BAD_REQUEST',
    message: `A list of hosts may hold at most ${MAX_HOST_LIST_VALUES.toLocaleString('en')} values.`,
  },
  unsupportedMediaType: { code: 'UNSUPPORTED_MEDIA_TYPE', message: 'Send application/json in UTF-8, not compressed.' },
  headersTooLarge: {
    code: 'HEADERS_TOO_LARGE',
    message: `The headers are more than ${MAX_HEADERS} or larger than ${MAX_HEADER_BYTES / 1024} KiB.`,
  },
  rateLimited: {
    code: 'RATE_LIMITED',
    message: 'Too many refused access tokens came from your address. Wait before you send another.',
  },
  internal: { code: 'INTERNAL', message: 'Internal error. It has been logged.' },
  authUnavailable: {
    code: 'AUTH_UNAVAILABLE',
    message: 'Access tokens cannot be checked at the moment. Send it again later; you need not sign in again.',
  },
  overloaded: {
    code: 'OVERLOADED',
    message: 'The gateway has too much to do at the moment. Nothing was done; send it again later.',
  },
  tooManySubscriptions: {
    code: 'RATE_LIMITED',
    message: `A WebSocket carries at most ${MAX_SUBSCRIPTIONS.toLocaleString('en')} subscriptions at a time.`,
  },
  tooManyStreams: {
    code: 'RATE_LIMITED',
    message: `Your tenant holds ${streams} streams, WebSockets and waiting queries open. End some, or try again later.`,
  },
  tooManyOpenConnections: {
    code: 'RATE_LIMITED',
    message: `Your tenant holds ${streams + spare} connections open. Close some, or try again later.`,
  },
  tooManyWaiting: {
    code: 'RATE_LIMITED',
    message: `Your tenant has ${MAX_WAITING_REQUESTS} requests waiting. Send fewer at a time.`,
  },
  shuttingDown: { code: 'SHUTTING_DOWN', message: 'The gateway is stopping. Send it again.' },
} as const satisfies Record<string, { code: ErrorCode; message: string }>;

/** A key of {@link HTTP_ERRORS}. */
export type HttpErrorName = keyof typeof HTTP_ERRORS;

// In the format of a GraphQL response, so that clients need only one way to read errors.
function errorBody(name: HttpErrorName, traceId: string, retryAfterSeconds?: number): string {
  return JSON.stringify({ errors: [formatHttpError(name, traceId, retryAfterSeconds)] });
}

/** The HTTP status of an error. */
export function statusOf(name: HttpErrorName): number {
  return ERROR_CODES[HTTP_ERRORS[name].code].status;
}

/** Formats an error of the HTTP layer as a GraphQL error. The request may succeed after `retryAfterSeconds`. */
export function formatHttpError(name: HttpErrorName, traceId: string, retryAfterSeconds?: number) {
  const { code, message } = HTTP_ERRORS[name];
  return {
    message,
    extensions: { code, traceId, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
  };
}

/** The headers of every response, including errors that are sent before routing. */
export function commonHeaders(traceId: string): Record<string, string> {
  return { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': traceId };
}

const ERROR_OF_STATUS: ReadonlyMap<unknown, HttpErrorName> = new Map([
  [400, 'badRequest'],
  [404, 'notFound'],
  [408, 'requestTimeout'],
  [413, 'payloadTooLarge'],
  [415, 'unsupportedMediaType'],
  [431, 'headersTooLarge'],
]);

// Errors that Fastify throws carry a status; anything unexpected is INTERNAL.
function httpErrorOf(error: unknown): HttpErrorName {
  const status = isObject(error) ? error['statusCode'] : undefined;
  return ERROR_OF_STATUS.get(status) ?? 'internal';
}

/** Fastify options that assign trace ids and respond with JSON to errors before routing. */
export function errorOptions(requestLog: RequestLog) {
  return {
    genReqId: request => entryOf(request).trace.traceId,
    clientErrorHandler: (error, socket) => handleClientError(error, socket, requestLog),
    frameworkErrors(error, request, reply) {
      const { socket } = request.raw;
      // No hook runs, and nothing else closes the connection of a refused upgrade, which Node has detached.
      if (request.headers.upgrade !== undefined)
        reply.header('connection', 'close').raw.once('finish', () => socket.destroySoon());
      reply.raw.once('close', () => requestLog.writeAnonymous(recordOf(request, reply)));
      return sendHttpError(reply.headers(commonHeaders(request.id)), httpErrorOf(error));
    },
  } satisfies FastifyServerOptions;
}

/** Registers handlers that respond with JSON to unknown paths and thrown errors. Internal errors are logged. */
export function addErrorHandlers(app: FastifyInstance, logger: FastifyBaseLogger): void {
  app.setNotFoundHandler((_request, reply) => sendHttpError(reply, 'notFound'));
  app.setErrorHandler((error, request, reply) => {
    const name = httpErrorOf(error);
    if (name === 'internal') logBug(logger, entryOf(request.raw).trace, error);
    return sendHttpError(reply, name);
  });
}

/** Responds with an error of the HTTP layer. `retryAfterSeconds` is sent as `Retry-After`, too. */
export function sendHttpError(reply: FastifyReply, name: HttpErrorName, retryAfterSeconds?: number): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  entryOf(reply.request.raw).operation.code = HTTP_ERRORS[name].code;
  // To keep the connection, Node would read the whole body, regardless of its size.
  if (mayHaveLargeBody(reply.request.headers)) {
    reply.header('connection', 'close');
    lingerOnClose(reply.request.raw);
  }
  return reply
    .code(statusOf(name))
    .type('application/json; charset=utf-8')
    .send(errorBody(name, reply.request.id, retryAfterSeconds));
}

/**
 * Makes Node discard the rest of the body before it closes the connection, within limits. A connection that is closed
 * while its client still sends is reset, and the client may lose the response (RFC 9112, section 9.6).
 */
function lingerOnClose(request: IncomingMessage): void {
  const { socket } = request;
  const close = socket.destroySoon.bind(socket);
  let discardedBytes = 0;
  request.on('data', (chunk: Buffer) => {
    discardedBytes += chunk.length;
    if (discardedBytes > MAX_DISCARDED_BYTES) socket.destroy();
  });
  // Node calls it when the last response is sent.
  socket.destroySoon = () => {
    // If the rest of the body is invalid, it is called once more.
    socket.destroySoon = close;
    if (request.complete) return close();
    socket.end();
    request.once('end', close);
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}

const ERROR_OF_CODE: Readonly<Record<string, HttpErrorName>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'requestTimeout',
  HPE_HEADER_OVERFLOW: 'headersTooLarge',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payloadTooLarge',
};

/** Responds with JSON to a request that Node could not parse, and closes the connection once it is sent. */
export function handleClientError(error: NodeJS.ErrnoException, socket: Socket, requestLog: RequestLog): void {
  if (error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  // The rest of a request that has been answered is not valid either. The response may still be on its way.
  if (!socket.writable) {
    socket.destroySoon();
    return;
  }
  const name = ERROR_OF_CODE[error.code ?? ''] ?? 'badRequest';
  const status = statusOf(name);
  const { trace } = newEntry();
  const body = errorBody(name, trace.traceId);
  const headers = {
    ...commonHeaders(trace.traceId),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  // A client that does not close its end would keep the connection open.
  socket.destroySoon();
  const { code } = HTTP_ERRORS[name];
  requestLog.writeAnonymous({ trace, operation: { code }, method: null, route: null, status });
}
