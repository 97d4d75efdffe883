import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpFailureName } from './http-error.js';
import { failureBody, HTTP_FAILURES } from './http-error.js';

const FAILURE_OF_CODE: Readonly<Record<string, HttpFailureName>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'requestTimeout',
  HPE_HEADER_OVERFLOW: 'headersTooLarge',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payloadTooLarge',
};

/** Answers what is not even HTTP: with JSON like every other failure, and the end of the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const name = FAILURE_OF_CODE[error.code ?? ''] ?? 'badRequest';
  const { statusCode } = HTTP_FAILURES[name];
  const body = failureBody(name);
  const head = [
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
