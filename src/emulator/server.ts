import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
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

// Limits of the API gateway, from the description of its error APIGW.0201.
const MAX_BODY_BYTES = 12 * 1_024 * 1_024;
const MAX_TARGET_BYTES = 32 * 1_024;
const MAX_HEADER_BYTES = 32 * 1_024;
const MAX_ALL_HEADERS_BYTES = 128 * 1_024;

const SILENT_BEHAVIOURS = ['hang', 'reset', 'resetBeforeBody', 'close'];

/** An HTTP server that can be stopped immediately, despite hanging responses. */
export interface HttpServer {
  /** Resolves with the base URL, without a trailing slash. */
  listen(port: number, host: string): Promise<string>;
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

/** Creates an HTTP server whose limits exceed those of the emulated API gateway, which the emulator enforces. */
export function createHttpServer(onRequest: RequestListener): HttpServer {
  const server = createServer({ maxHeaderSize: 512 * 1_024, keepAliveTimeout: 75_000 }, onRequest);
  // Callers may reset their connections.
  server.on('connection', socket => socket.on('error', () => socket.destroy()));
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
      server.closeAllConnections();
      await closed;
    },
  };
}

function baseUrlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  // The unspecified address is valid for listening only.
  const reachable =
    { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host);
  return `http://${reachable}:${port}`;
}

/** A received request, in the terms of the signing rules. */
export interface ReceivedRequest {
  readonly method: string;
  /** The path as sent, undecoded and without the query. */
  readonly path: string;
  /** The query as sent, undecoded and without the question mark. */
  readonly query: string;
  /** With lower-case names; repeated headers are joined by a comma; values are decoded as UTF-8. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A request before its body is read. */
export type RequestHead = Omit<ReceivedRequest, 'body'>;

/** Converts the head of a request parsed by Node. */
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
    // Node decodes headers as Latin-1, but signatures are computed over UTF-8.
    const value = Buffer.from(rawHeaders[index + 1] ?? '', 'latin1').toString('utf8');
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return headers;
}

/** Result of reading a body: complete, too large, or aborted by the caller. */
export type ReadBody =
  | { readonly outcome: 'complete'; readonly body: Buffer }
  | { readonly outcome: 'tooLarge'; readonly receivedBytes: number }
  | { readonly outcome: 'aborted'; readonly receivedBytes: number };

/** Reads a body of up to `maxBytes` bytes. The rest of a larger one is discarded, so that the caller gets a response. */
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

/** The API gateway's error for a request that exceeds a size limit; undefined if it does not. */
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

interface RequestHandlerParts {
  readonly options: EmulatorOptions;
  readonly accessKeys: AccessKeyCheck;
  readonly tokens: TokenStore;
  readonly dispatcher: Dispatcher;
  readonly faults: FaultQueue;
  readonly ledger: WritableLedger;
}

/** Handles requests for DLI and IAM, including scripted faults. */
export class RequestHandler {
  constructor(private readonly parts: RequestHandlerParts) {}

  /** Handles a request. Resolves when the response is sent, abandoned or left hanging. */
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
    const disconnected = new AbortController();
    serverResponse.on('close', () => disconnected.abort());
    await deliver(response, fault ?? {}, serverResponse, disconnected.signal);
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
