import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Fault } from './faults.js';
import type { ResourceReference } from './resources.js';

const DEFAULT_HUGE_BYTES = 100 * 1_024 * 1_024;
const RESET_PAUSE_MS = 20;
const HUGE_CHUNK = Buffer.alloc(64 * 1_024, 'x');

/** Headers with lower-case names. */
type ResponseHeaders = Readonly<Record<string, string>>;

/** A response to be sent. */
export interface EmulatedResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Buffer;
  /** Id of the connection that was created, changed or deleted for the response; not sent. */
  readonly appliedConnectionId?: string | undefined;
  /** The pools and queues that were bound or unbound for the response; not sent. */
  readonly appliedResources?: readonly ResourceReference[] | undefined;
}

/** Builds a response with a JSON body. */
export function jsonResponse(status: number, value: object, headers: ResponseHeaders = {}): EmulatedResponse {
  return textResponse(status, JSON.stringify(value), { 'content-type': 'application/json', ...headers });
}

/** Builds a response with a text body, which may be empty. */
export function textResponse(status: number, text: string, headers: ResponseHeaders = {}): EmulatedResponse {
  return { status, headers, body: Buffer.from(text) };
}

/** Sends a response as a fault specifies. Rejects if `signal` ends a delay because the caller has disconnected. */
export async function deliver(
  response: EmulatedResponse,
  fault: Omit<Fault, 'operation'>,
  serverResponse: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  if (fault.delayMs) await delay(fault.delayMs, undefined, { signal });
  const { socket } = serverResponse.req;
  switch (fault.behaviour ?? 'answer') {
    case 'answer':
      writeHead(response, serverResponse);
      serverResponse.end(response.body);
      return;
    case 'hang':
      return;
    case 'reset':
    case 'resetBeforeBody':
      resetConnection(socket);
      return;
    case 'close':
      socket.end();
      return;
    case 'resetDuringAnswer':
      await sendPart(response, half(response), false, socket);
      // libuv treats data and RST in the same poll as an orderly end.
      await delay(RESET_PAUSE_MS, undefined, { signal });
      // Lets a caller in the same process read the data first, even if the event loop was blocked during the pause.
      await turn();
      resetConnection(socket);
      return;
    case 'truncate':
      await sendPart(response, fault.truncateAt ?? half(response), fault.chunked ?? false, socket);
      socket.end();
      return;
    case 'drip':
      return sendSlowly(response, fault.dripMs ?? 200, serverResponse, signal);
    case 'huge':
      return sendHuge(response, fault.hugeBytes ?? DEFAULT_HUGE_BYTES, serverResponse);
  }
}

// Bypasses Node's HTTP layer, which does not allow a message to violate its framing.
async function sendPart(
  response: EmulatedResponse,
  bodyBytes: number,
  chunked: boolean,
  socket: Socket,
): Promise<void> {
  const framing = chunked
    ? 'transfer-encoding: chunked\r\n'
    : `content-length: ${Math.max(response.body.length, bodyBytes + 1)}\r\n`;
  const headers = Object.entries(response.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const statusLine = `HTTP/1.1 ${response.status} ${reasonOf(response.status)}\r\n`;
  const chunkStart = chunked ? `${Math.max(response.body.length, bodyBytes + 1).toString(16)}\r\n` : '';
  const head = Buffer.from(`${statusLine}${headers.join('')}${framing}\r\n${chunkStart}`);
  const bytes = Buffer.concat([head, response.body.subarray(0, bodyBytes)]);
  await new Promise<void>(resolve => socket.write(bytes, () => resolve()));
}

async function sendSlowly(
  response: EmulatedResponse,
  dripMs: number,
  serverResponse: ServerResponse,
  signal: AbortSignal,
) {
  writeHead(response, serverResponse);
  serverResponse.flushHeaders();
  for (const byte of response.body) {
    await delay(dripMs, undefined, { signal });
    serverResponse.write(Buffer.of(byte));
  }
  serverResponse.end();
}

async function sendHuge(response: EmulatedResponse, bodyBytes: number, serverResponse: ServerResponse): Promise<void> {
  serverResponse.writeHead(response.status, reasonOf(response.status), {
    'content-type': 'application/json',
    ...response.headers,
  });
  await pipeline(Readable.from(hugeBody(bodyBytes)), serverResponse);
}

// Starts like valid JSON, so that a reader does not stop before its size limit.
function* hugeBody(bodyBytes: number): Generator<Buffer> {
  const start = Buffer.from('{"is_success":true,"message":"').subarray(0, bodyBytes);
  yield start;
  for (let left = bodyBytes - start.length; left > 0; left -= HUGE_CHUNK.length)
    yield HUGE_CHUNK.subarray(0, Math.min(left, HUGE_CHUNK.length));
}

function writeHead(response: EmulatedResponse, serverResponse: ServerResponse): void {
  const length: Record<string, number> =
    response.status === 204 || response.status === 304 ? {} : { 'content-length': response.body.length };
  serverResponse.writeHead(response.status, reasonOf(response.status), { ...length, ...response.headers });
}

function half(response: EmulatedResponse): number {
  return Math.floor(response.body.length / 2);
}

function reasonOf(status: number): string {
  return status === 494 ? 'Request Header Too Large' : (STATUS_CODES[status] ?? 'Unknown');
}

/** Resets a connection (RST). Data already passed to the operating system still arrives. */
export function resetConnection(socket: Socket): void {
  // Without this, `resetAndDestroy` sends a FIN before the RST.
  socket._final = callback => callback();
  socket.resetAndDestroy();
}
