import type { Client as EventStreamClient } from 'graphql-sse';
import { createClient as createEventStreamClient } from 'graphql-sse';
import type { Client as SocketClient } from 'graphql-ws';
import { createClient as createSocketClient, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';
import { createCleanup } from './clean-up.js';

/** Watches one connection. */
export const WATCH = 'subscription Watch($id: ID!) { datasourceConnection(id: $id) { id name state } }';

/** An event as its caller receives it. */
export interface SubscriptionEvent {
  data?: unknown;
  errors?: { message: string; extensions: { code: string; traceId: string; retryAfterSeconds?: number } }[];
}

/** A request for a subscription. */
export interface SubscriptionRequest {
  query: string;
  variables?: Record<string, unknown>;
  operationName?: string;
  extensions?: Record<string, unknown>;
}

/** The two transports of subscriptions. */
export type Transport = 'graphql-ws' | 'graphql-sse';

const opened = createCleanup();

/** Closes every client that a test has opened; those that were opened before the tests close after all of them. */
export const closeSubscribers = opened.run;

/** Subscribes with the real client of a transport, with retries disabled. */
export function subscribe(
  transport: Transport,
  url: string,
  request: SubscriptionRequest,
  token?: string,
): AsyncIterableIterator<SubscriptionEvent> {
  const client =
    transport === 'graphql-ws'
      ? socketClient(url, token === undefined ? {} : { authorization: `Bearer ${token}` })
      : eventStreamClient(url, token === undefined ? {} : { authorization: `Bearer ${token}` });
  return client.iterate(request) as AsyncIterableIterator<SubscriptionEvent>;
}

/** A client of graphql-ws. */
export function socketClient(url: string, connectionParams: Record<string, unknown> = {}): SocketClient {
  const client = createSocketClient({
    url: socketUrl(url),
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
  });
  opened.add(() => client.dispose());
  return client;
}

function eventStreamClient(url: string, headers: Record<string, string>): EventStreamClient {
  const client = createEventStreamClient({ url, headers, retryAttempts: 0 });
  opened.add(() => client.dispose());
  return client;
}

/** All events of a subscription until it ends. A graphql-ws `error` message counts as an event. */
export async function readAll(events: AsyncIterable<SubscriptionEvent>): Promise<SubscriptionEvent[]> {
  const received: SubscriptionEvent[] = [];
  try {
    for await (const event of events) received.push(event);
  } catch (error) {
    if (!Array.isArray(error)) throw error;
    received.push({ errors: error });
  }
  return received;
}

/** The next event of a subscription. */
export async function nextOf(events: AsyncIterator<SubscriptionEvent>): Promise<SubscriptionEvent> {
  const { done, value } = await events.next();
  if (done === true) throw new Error('The subscription is over.');
  return value;
}

/** A WebSocket without a protocol client. */
export interface RawSocket {
  socket: WebSocket;
  /** Sends a message. */
  sendMessage(message: object | string): void;
  /** The next message. */
  nextMessage(): Promise<{ type: string; id?: string; payload?: unknown }>;
  /** The close event of the socket. */
  closed: Promise<{ code: number; reason: string }>;
}

/** Opens a WebSocket; fails with `status` and `body` when it is refused. */
export async function openSocket(
  url: string,
  headers: Record<string, string> = {},
  protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL,
  options: ClientOptions = {},
): Promise<RawSocket> {
  const socket = new WebSocket(socketUrl(url), protocol, { headers, ...options });
  opened.add(() => socket.terminate());
  const received: { type: string }[] = [];
  const waiting: ((message: { type: string }) => void)[] = [];
  socket.on('message', data => {
    const message = JSON.parse(String(data));
    const resolve = waiting.shift();
    if (resolve === undefined) received.push(message);
    else resolve(message);
  });
  const closed = new Promise<{ code: number; reason: string }>(resolve =>
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.on('error', reject);
    socket.once('unexpected-response', async (_request, response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      reject(Object.assign(new Error('refused'), { status: response.statusCode, body, headers: response.headers }));
    });
  });
  return {
    socket,
    sendMessage: message => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    nextMessage: async () => received.shift() ?? new Promise(resolve => waiting.push(resolve)),
    closed,
  };
}

/** Opens a WebSocket and signs in, with these headers if needed. */
export async function openSubscriber(url: string, headers: Record<string, string> = {}): Promise<RawSocket> {
  const opened = await openSocket(url, headers);
  opened.sendMessage({ type: 'connection_init' });
  const { type } = await opened.nextMessage();
  if (type !== 'connection_ack') throw new Error(`The gateway answered with ${type}.`);
  return opened;
}

function socketUrl(url: string): string {
  return url.replace(/^http/, 'ws');
}
