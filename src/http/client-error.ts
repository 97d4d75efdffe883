import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import type { HttpFailureName } from './http-error.js';
import { commonHeaders, failureBody, HTTP_FAILURES } from './http-error.js';
import { traceIdOf } from './trace-id.js';

const FAILURE_OF_CODE: Readonly<Record<string, HttpFailureName>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'requestTimeout',
  HPE_HEADER_OVERFLOW: 'headersTooLarge',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payloadTooLarge',
};

/** Answers what is not even HTTP: with JSON like every other failure, and the end of the connection. */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  log: FastifyBaseLogger,
): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const name = FAILURE_OF_CODE[error.code ?? ''] ?? 'badRequest';
  const { statusCode: status } = HTTP_FAILURES[name];
  const traceId = traceIdOf(undefined);
  const body = failureBody(name, traceId);
  const headers = {
    ...commonHeaders(traceId),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  log.info({ traceId, method: null, route: null, status }, 'request');
}
