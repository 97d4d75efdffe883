import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Fault } from './faults.js';

/** An answer that is decided but not yet sent. Header names are lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** An answer with a JSON body. */
export function jsonAnswer(status: number, value: object, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(value)),
  };
}

/** An answer with a ready body, or with none. */
export function textAnswer(status: number, text: string, headers: Record<string, string> = {}): Answer {
  return { status, headers, body: Buffer.from(text) };
}

const DEFAULT_HUGE_BYTES = 100 * 1_024 * 1_024;
const RESET_PAUSE_MS = 20;
const HUGE_CHUNK = Buffer.alloc(64 * 1_024, 'x');

/**
 * Sends an answer in the way that the fault prescribes, or at once when there is none.
 * Rejects when `signal` ends the waiting because the caller went away.
 */
export async function deliver(
  answer: Answer,
  fault: Omit<Fault, 'operation'>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  if (fault.delayMs) await delay(fault.delayMs, undefined, { signal });
  const { socket } = response.req;
  switch (fault.behaviour ?? 'answer') {
    case 'answer':
      return sendWhole(answer, response);
    case 'hang':
      return;
    case 'reset':
    case 'resetBeforeBody':
      breakOff(socket);
      return;
    case 'close':
      socket.end();
      return;
    case 'resetDuringAnswer':
      await sendPart(answer, half(answer), false, socket);
      // A caller that meets the part and the RST in one poll may take them for an orderly end (libuv does).
      await delay(RESET_PAUSE_MS, undefined, { signal });
      // However long this process was held up: a caller within it comes to read before the next line.
      await turn();
      breakOff(socket);
      return;
    case 'truncate':
      await sendPart(answer, fault.truncateAt ?? half(answer), fault.chunked ?? false, socket);
      socket.end();
      return;
    case 'drip':
      return sendSlowly(answer, fault.dripMs ?? 200, response, signal);
    case 'huge':
      return sendHuge(answer, fault.hugeBytes ?? DEFAULT_HUGE_BYTES, response);
  }
}

function sendWhole(answer: Answer, response: ServerResponse): void {
  writeHead(answer, response);
  response.end(answer.body);
}

// Written past Node's HTTP layer, which would not let a message break its own framing.
async function sendPart(answer: Answer, bodyBytes: number, chunked: boolean, socket: Socket): Promise<void> {
  const framing = chunked
    ? 'transfer-encoding: chunked\r\n'
    : `content-length: ${Math.max(answer.body.length, bodyBytes + 1)}\r\n`;
  const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const statusLine = `HTTP/1.1 ${answer.status} ${reasonOf(answer.status)}\r\n`;
  const chunkStart = chunked ? `${Math.max(answer.body.length, bodyBytes + 1).toString(16)}\r\n` : '';
  const head = Buffer.from(`${statusLine}${headers.join('')}${framing}\r\n${chunkStart}`);
  const bytes = Buffer.concat([head, answer.body.subarray(0, bodyBytes)]);
  await new Promise<void>(resolve => socket.write(bytes, () => resolve()));
}

async function sendSlowly(answer: Answer, dripMs: number, response: ServerResponse, signal: AbortSignal) {
  writeHead(answer, response);
  response.flushHeaders();
  for (const byte of answer.body) {
    await delay(dripMs, undefined, { signal });
    response.write(Buffer.of(byte));
  }
  response.end();
}

async function sendHuge(answer: Answer, bodyBytes: number, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, reasonOf(answer.status), {
    'content-type': 'application/json',
    ...answer.headers,
  });
  await pipeline(Readable.from(hugeBody(bodyBytes)), response);
}

// The start of a JSON string, so that a reader has no reason to stop before its own limit.
function* hugeBody(bodyBytes: number): Generator<Buffer> {
  const start = Buffer.from('{"is_success":true,"message":"').subarray(0, bodyBytes);
  yield start;
  for (let left = bodyBytes - start.length; left > 0; left -= HUGE_CHUNK.length)
    yield HUGE_CHUNK.subarray(0, Math.min(left, HUGE_CHUNK.length));
}

function writeHead(answer: Answer, response: ServerResponse): void {
  const length: Record<string, number> =
    answer.status === 204 || answer.status === 304 ? {} : { 'content-length': answer.body.length };
  response.writeHead(answer.status, reasonOf(answer.status), { ...length, ...answer.headers });
}

function half(answer: Answer): number {
  return Math.floor(answer.body.length / 2);
}

function reasonOf(status: number): string {
  return status === 494 ? 'Request Header Too Large' : (STATUS_CODES[status] ?? 'Unknown');
}

/** Ends a connection with RST. What was written and handed to the system before still arrives. */
export function breakOff(socket: Socket): void {
  // Left alone, `resetAndDestroy` first ends its own side in order, and the caller would see a FIN before the RST.
  socket._final = callback => callback();
  socket.resetAndDestroy();
}
