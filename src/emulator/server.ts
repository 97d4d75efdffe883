import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { AccessKeyCheck, Authentication, TokenStore } from './authentication.js';
import { authenticate } from './authentication.js';
import { readConnectionName } from './dli-bodies.js';
import { gatewayError } from './errors.js';
import type { Fault, FaultQueue } from './faults.js';
import { isOnlyDelayOrHeaders, scriptedResponse } from './faults.js';
import type { WritableLedger } from './ledger.js';
import { toLedgerEntry } from './ledger.js';
import type { EmulatorOptions } from './options.js';
import type { EmulatedResponse } from './respond.js';
import { deliver, resetConnection, textResponse } from './respond.js';
import type { Call, Dispatcher, Outcome } from './routes.js';
import { findRoute } from './routes.js';

/** The gateway's limits, from the table of its error APIGW.0201. */
const MAX_BODY_BYTES = 12 * 1_024 * 1_024;
const MAX_TARGET_BYTES = 32 * 1_024;
const MAX_HEADER_BYTES = 32 * 1_024;
const MAX_ALL_HEADERS_BYTES = 128 * 1_024;

const SILENT_BEHAVIOURS = ['hang', 'reset', 'resetBeforeBody', 'close'];

/** A listening server that can be stopped at once, hanging answers included. */
export interface HttpServer {
  /** Resolves with the base URL, without a slash at the end. */
  listen(port: number, host: string): Promise<string>;
  /** Stops listening and destroys all connections. */
  close(): Promise<void>;
}

/** A plain HTTP server whose limits lie above those of the emulated gateway, so that the emulator can enforce them. */
export function createHttpServer(onRequest: RequestListener): HttpServer {
  const server = createServer({ maxHeaderSize: 512 * 1_024, keepAliveTimeout: 75_000 }, onRequest);
  const sockets = new Set<Socket>();
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Callers that reset their connection are part of the game.
    socket.on('error', () => socket.destroy());
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 494 : 400;
    const { body } = gatewayError('APIGW.0201', '', '', status);
    if (!socket.writable) socket.destroy();
    else
      socket.end(
        `HTTP/1.1 ${status} Bad Request\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      );
  });
  return {
    async listen(port, host) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve());
      });
      return baseUrlOf(server, host);
    },
    async close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function baseUrlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  // An unspecified address is where one listens, not where one calls.
  const reachable =
    { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host);
  return `http://${reachable}:${port}`;
}

/** A request after its body was read, in the terms of the signing rules. */
export interface ReceivedRequest {
  readonly method: string;
  /** The path as sent, undecoded and without the query. */
  readonly path: string;
  /** The query as sent, undecoded and without the question mark. */
  readonly query: string;
  /** Lower-case names; repeated headers joined by a comma; values as UTF-8. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** What of a request is known before its body is read. */
export type RequestHead = Omit<ReceivedRequest, 'body'>;

/** The head of a request that the HTTP server has parsed. */
export function readHead(message: IncomingMessage): RequestHead {
  const target = message.url ?? '/';
  const queryStart = target.indexOf('?');
  return {
    method: message.method ?? 'GET',
    path: queryStart === -1 ? target : target.slice(0, queryStart),
    query: queryStart === -1 ? '' : target.slice(queryStart + 1),
    headers: readHeaders(message.rawHeaders),
  };
}

function readHeaders(rawHeaders: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    // Node hands header bytes over as Latin-1, but signatures are computed over UTF-8 text.
    const value = Buffer.from(rawHeaders[index + 1] ?? '', 'latin1').toString('utf8');
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return headers;
}

/** What came of reading a body: all of it, too much of it, or a caller who went away in the middle. */
export type ReadBody =
  | { readonly outcome: 'complete'; readonly body: Buffer }
  | { readonly outcome: 'tooLarge'; readonly receivedBytes: number }
  | { readonly outcome: 'aborted'; readonly receivedBytes: number };

/** Reads a body of up to `maxBytes` bytes; of a longer one the rest is let through unread, so that the caller can hear so. */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  let receivedBytes = 0;
  return new Promise(resolve => {
    message.on('data', (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes <= maxBytes) chunks.push(chunk);
      else resolve({ outcome: 'tooLarge', receivedBytes });
    });
    message.on('end', () => resolve({ outcome: 'complete', body: Buffer.concat(chunks, receivedBytes) }));
    message.on('error', () => resolve({ outcome: 'aborted', receivedBytes }));
    message.on('close', () => resolve({ outcome: 'aborted', receivedBytes }));
  });
}

/** The gateway's response to a request that is too large in some way; undefined when it is not. */
function sizeError(
  head: RequestHead,
  isBodyTooLarge: boolean,
  requestId: string,
): EmulatedResponse | undefined {
  const status = tooLargeStatus(head, isBodyTooLarge);
  return status === undefined ? undefined : gatewayError('APIGW.0201', requestId, '', status);
}

function tooLargeStatus(head: RequestHead, isBodyTooLarge: boolean): 413 | 414 | 494 | undefined {
  if (head.path.length + head.query.length > MAX_TARGET_BYTES) return 414;
  const sizes = [...head.headers].map(([name, value]) => name.length + Buffer.byteLength(value));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (totalBytes > MAX_ALL_HEADERS_BYTES || sizes.some(size => size > MAX_HEADER_BYTES)) return 494;
  return isBodyTooLarge ? 413 : undefined;
}

/** What a request handler works with. */
interface RequestHandlerParts {
  readonly options: EmulatorOptions;
  readonly accessKeys: AccessKeyCheck;
  readonly tokens: TokenStore;
  readonly dispatcher: Dispatcher;
  readonly faults: FaultQueue;
  readonly ledger: WritableLedger;
}

/** Takes one DLI or IAM request from its head to its response, with whatever fault is scripted for it. */
export class RequestHandler {
  constructor(private readonly parts: RequestHandlerParts) {}

  /** Handles a request; the promise ends when the response is sent, given up or left hanging. */
  async handle(message: IncomingMessage, serverResponse: ServerResponse): Promise<void> {
    const { options, faults, ledger } = this.parts;
    const head = readHead(message);
    const route = findRoute(head.method, head.path);
    const early = faults.take(route.operation);
    const remotePort = message.socket.remotePort ?? 0;
    const known = { route, fault: early, remotePort, atMs: options.now };
    if (early?.behaviour === 'resetBeforeBody') {
      ledger.record(toLedgerEntry({ ...known, head, reasonRefused: 'the body was not read' }));
      resetConnection(message.socket);
      return;
    }
    const read = await readBody(message, MAX_BODY_BYTES);
    if (read.outcome === 'aborted') {
      const { receivedBytes } = read;
      ledger.record(toLedgerEntry({ ...known, head, receivedBytes, reasonRefused: 'the caller went away' }));
      return;
    }
    const body = read.outcome === 'complete' ? read.body : Buffer.alloc(0);
    const name = early === undefined ? readConnectionName(body) : undefined;
    const fault = name === undefined ? early : faults.take(route.operation, name);
    const request: ReceivedRequest = { ...head, body };
    const requestId = randomBytes(16).toString('hex');
    const authentication = this.#authenticate(request);
    const call: Call = { request, route, authentication, requestId, isDryRun: false };
    const tooLarge = sizeError(head, read.outcome === 'tooLarge', requestId);
    const outcome = this.#decide(call, fault, tooLarge);
    const response = addStandardHeaders(outcome.response, requestId, options.now(), fault);
    const isSilent = SILENT_BEHAVIOURS.includes(fault?.behaviour ?? 'answer');
    ledger.record(
      toLedgerEntry({
        ...known,
        fault,
        head,
        body,
        receivedBytes: read.outcome === 'tooLarge' ? read.receivedBytes : body.length,
        authentication,
        status: isSilent ? undefined : response.status,
        appliedConnectionId: outcome.appliedConnectionId,
      }),
    );
    const gone = new AbortController();
    serverResponse.on('close', () => gone.abort());
    await deliver(response, fault ?? {}, serverResponse, gone.signal);
  }

  #authenticate(request: ReceivedRequest): Authentication {
    const { accessKeys, tokens, options } = this.parts;
    return authenticate(request, accessKeys, tokens, options.now());
  }

  #decide(call: Call, fault: Fault | undefined, tooLarge: EmulatedResponse | undefined): Outcome {
    const execute = (isDryRun: boolean): Outcome =>
      tooLarge === undefined ? this.parts.dispatcher.dispatch({ ...call, isDryRun }) : { response: tooLarge };
    if (fault === undefined) return execute(false);
    const scripted = scriptedResponse(fault, call.route.operation, call.requestId);
    const isApplied = fault.apply ?? isOnlyDelayOrHeaders(fault);
    if (!isApplied && SILENT_BEHAVIOURS.includes(fault.behaviour ?? 'answer'))
      return { response: scripted ?? textResponse(200, '') };
    if (!isApplied && scripted !== undefined) return { response: scripted };
    const real = execute(!isApplied);
    return scripted === undefined ? real : { ...real, response: scripted };
  }
}

function addStandardHeaders(
  response: EmulatedResponse,
  requestId: string,
  nowMs: number,
  fault: Fault | undefined,
): EmulatedResponse {
  const scripted = Object.entries(fault?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  const headers = {
    'x-request-id': requestId,
    date: new Date(nowMs).toUTCString(),
    ...response.headers,
    ...Object.fromEntries(scripted),
  };
  return { ...response, headers };
}
