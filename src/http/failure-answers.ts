import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify';
import { answerClientError } from './client-error.js';
import type { HttpFailureName } from './http-error.js';
import { commonHeaders, failureBody, failureOf, HTTP_FAILURES } from './http-error.js';
import { mayHaveLargeBody } from './message-form.js';
import { traceIdOf } from './trace-id.js';

/** The longest body that is read, in bytes. */
export const MAX_BODY_BYTES = 64 * 1024;

/** The options by which a server answers failures before any route with JSON, and gives every request a trace id. */
export function failureOptions(logger: FastifyBaseLogger) {
  return {
    genReqId: request => traceIdOf(request.headers['traceparent']),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, logger),
    frameworkErrors: (error, request, reply) =>
      sendFailure(reply.headers(commonHeaders(request.id)), failureOf(error)),
  } satisfies FastifyServerOptions;
}

/** Answers unknown paths and thrown errors with JSON, and logs what is our own fault. */
export function addFailureAnswers(app: FastifyInstance, logger: FastifyBaseLogger): void {
  app.setNotFoundHandler((_request, reply) => sendFailure(reply, 'notFound'));
  app.setErrorHandler((error, request, reply) => {
    const name = failureOf(error);
    const errorName = error instanceof Error ? error.name : 'unknown';
    if (name === 'internal') logger.error({ traceId: request.id, errorName }, 'internal error');
    return sendFailure(reply, name);
  });
}

/**
 * Ends a request with one of the failures of the HTTP layer.
 *
 * @param retryAfterSeconds when the same request may succeed
 */
export function sendFailure(
  reply: FastifyReply,
  name: HttpFailureName,
  retryAfterSeconds?: number,
): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  // Node would read a body to its end, whatever its size, to keep the connection.
  if (mayHaveLargeBody(reply.request.headers, MAX_BODY_BYTES)) reply.header('connection', 'close');
  return reply
    .code(HTTP_FAILURES[name].statusCode)
    .type('application/json; charset=utf-8')
    .send(failureBody(name, reply.request.id, retryAfterSeconds));
}
