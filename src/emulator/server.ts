import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AccessKeyCheck, TokenStore } from './authentication.js';
import { authenticate } from './authentication.js';
import { gatewayError } from './errors.js';
import type { Fault, FaultQueue } from './faults.js';
import { isOnlyDelayOrHeaders, scriptedResponse } from './faults.js';
import type { RequestDetails, WritableLedger } from './ledger.js';
import { toLedgerEntry } from './ledger.js';
import type { EmulatorOptions } from './options.js';
import { readConnectionName } from './request-input.js';
import type { EmulatedResponse } from './respond.js';
import { deliver, resetConnection, textResponse } from './respond.js';
import type { Call } from './routes.js';
import { findRoute } from './routes.js';

// Limits of the API gateway, from the description of its error APIGW.0201.
const MAX_BODY_BYTES = 12 * 1_024 * 1_024;
const MAX_TARGET_BYTES = 32 * 1_024;
const MAX_HEADER_BYTES = 32 * 1_024;
const MAX_ALL_HEADERS_BYTES = 128 * 1_024;

const SILENT_BEHAVIOURS = ['hang', 'reset', 'resetBeforeBody', 'close'];

/** Creates an HTTP server whose limits exceed those of the emulated API gateway, which the emulator enforces. */
export function createHttpServer(onRequest: RequestListener): Server {
  const server = createServer({ maxHeaderSize: 512 * 1_024, keepAliveTimeout: 75_000 }, onRequest);
  // Without a listener, a connection that cannot be accepted ends the process. `listen` reports its own errors.
  server.on('error', () => undefined);
  // Callers may reset their connections.
  server.on('connection', socket => socket.on('error', () => socket.destroy()));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 494 : 400;
    const { body } = gatewayError('APIGW.0201', '', '', status);
    const head = `HTTP/1.1 ${status} Bad Request\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;
    // The rest of the request is not valid either, and the response may still be on its way.
    if (socket.writable) socket.end(head + body, () => socket.destroy());
  });
  return server;
}

/** Prints an error of the emulator itself, and ends the response; no error if the caller left. */
export function reportBug(error: unknown, serverResponse: ServerResponse, print: EmulatorOptions['printError']): void {
  const { socket } = serverResponse.req;
  if (socket.destroyed) return;
  print(`Internal error of the emulator: ${error instanceof Error ? error.stack : String(error)}\n`);
  if (serverResponse.headersSent) socket.destroy();
  else serverResponse.writeHead(500).end('Internal error of the emulator.\n');
}

/** The base URL of a server that listens on a host, without a trailing slash. */
export function baseUrlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  // The unspecified address is valid for listening only.
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host);
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
  const [path = '/', ...query] = (message.url ?? '/').split('?');
  return {
    method: message.method ?? 'GET',
    path,
    query: query.join('?'),
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

/** A body, which is empty unless its outcome is `complete`. */
interface ReadBody {
  readonly outcome: 'complete' | 'tooLarge' | 'aborted';
  readonly body: Buffer;
  readonly receivedBytes: number;
}

/** Reads a body of up to `maxBytes` bytes. The rest of a larger one is discarded, and the caller gets a response. */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  const nothing = Buffer.alloc(0);
  let receivedBytes = 0;
  return new Promise(resolve => {
    message.on('data', (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes <= maxBytes) chunks.push(chunk);
      else resolve({ outcome: 'tooLarge', body: nothing, receivedBytes });
    });
    message.on('end', () => resolve({ outcome: 'complete', body: Buffer.concat(chunks), receivedBytes }));
    for (const event of ['error', 'close'])
      message.on(event, () => resolve({ outcome: 'aborted', body: nothing, receivedBytes }));
  });
}

/** The status of a request that exceeds a size limit; undefined if it does not. */
function tooLargeStatus(head: RequestHead, isBodyTooLarge: boolean): 413 | 414 | 494 | undefined {
  if (head.path.length + head.query.length > MAX_TARGET_BYTES) return 414;
  const sizes = [...head.headers].map(([name, value]) => name.length + Buffer.byteLength(value));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (totalBytes > MAX_ALL_HEADERS_BYTES || sizes.some(size => size > MAX_HEADER_BYTES)) return 494;
  return isBodyTooLarge ? 413 : undefined;
}

interface Dependencies {
  readonly options: EmulatorOptions;
  readonly accessKeys: AccessKeyCheck;
  readonly tokens: TokenStore;
  readonly dispatch: (call: Call) => EmulatedResponse;
  readonly faults: FaultQueue;
  readonly ledger: WritableLedger;
}

/** Handles requests for DLI and IAM, including scripted faults. */
export class RequestHandler {
  constructor(private readonly dependencies: Dependencies) {}

  /** Handles a request. Resolves when the response is sent, abandoned or left hanging. */
  async handle(message: IncomingMessage, serverResponse: ServerResponse): Promise<void> {
    const { options, accessKeys, tokens, faults, ledger } = this.dependencies;
    const head = readHead(message);
    const route = findRoute(head.method, head.path);
    const early = faults.take(route.operation);
    const remotePort = message.socket.remotePort ?? 0;
    const record = (details: Partial<RequestDetails>) =>
      ledger.record(toLedgerEntry({ route, head, fault: early, remotePort, atMs: options.now(), ...details }));
    if (early?.behaviour === 'resetBeforeBody') {
      record({ reasonRefused: 'the body was not read' });
      resetConnection(message.socket);
      return;
    }
    const { outcome, body, receivedBytes } = await readBody(message, MAX_BODY_BYTES);
    if (outcome === 'aborted') {
      record({ receivedBytes, reasonRefused: 'the caller went away' });
      return;
    }
    const name = early === undefined ? readConnectionName(body) : undefined;
    const fault = name === undefined ? early : faults.take(route.operation, name);
    const request: ReceivedRequest = { ...head, body };
    const requestId = randomBytes(16).toString('hex');
    const authentication = authenticate(request, accessKeys, tokens, options.now());
    const call = { request, route, authentication, requestId };
    const decided = this.#decide(call, fault, tooLargeStatus(head, outcome === 'tooLarge'));
    const response = addStandardHeaders(decided, requestId, options.now(), fault);
    const { appliedConnectionId, appliedResources, status } = response;
    const sent = isSilent(fault) ? {} : { status };
    record({ fault, body, receivedBytes, authentication, appliedConnectionId, appliedResources, ...sent });
    const disconnected = new AbortController();
    serverResponse.on('close', () => disconnected.abort());
    await deliver(response, fault ?? {}, serverResponse, disconnected.signal);
  }

  #decide(call: Omit<Call, 'isDryRun'>, fault: Fault | undefined, errorStatus: number | undefined): EmulatedResponse {
    const execute = (isDryRun: boolean) =>
      errorStatus === undefined
        ? this.dependencies.dispatch({ ...call, isDryRun })
        : gatewayError('APIGW.0201', call.requestId, '', errorStatus);
    if (fault === undefined) return execute(false);
    const scripted = scriptedResponse(fault, call.route.operation, call.requestId);
    if (fault.apply ?? isOnlyDelayOrHeaders(fault)) {
      const real = execute(false);
      const { appliedConnectionId, appliedResources } = real;
      return { ...(scripted ?? real), appliedConnectionId, appliedResources };
    }
    return scripted ?? (isSilent(fault) ? textResponse(200, '') : execute(true));
  }
}

/** Whether a fault leaves the request without a response. */
function isSilent(fault: Fault | undefined): boolean {
  return SILENT_BEHAVIOURS.includes(fault?.behaviour ?? 'answer');
}

function addStandardHeaders(response: EmulatedResponse, requestId: string, nowMs: number, fault?: Fault) {
  const scripted = Object.entries(fault?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  const headers = {
    'x-request-id': requestId,
    date: new Date(nowMs).toUTCString(),
    ...response.headers,
    ...Object.fromEntries(scripted),
  };
  return { ...response, headers };
}
