import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ExecutionResult, FormattedExecutionResult } from 'graphql';
import { createHandler } from 'graphql-sse';
import type { HeldConnections } from '../auth/connection-quota.js';
import type { SubscriptionEngine } from '../graphql/subscriptions.js';
import { callerOf, contextFor, HELD_RETRY_AFTER_SECONDS, holdResponse } from './authentication.js';
import { sendFailure } from './errors.js';
import type { LoadMonitor } from './load-shedder.js';

const EVENT_STREAM = 'text/event-stream';

type Results = AsyncIterableIterator<FormattedExecutionResult>;

/** Subscriptions over Server-Sent Events, by the protocol of graphql-sse with a connection for each. */
export interface EventStreams {
  /** Answers a request whose body was found to be allowed. */
  handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
  /** Ends all that are open without a word, so that their clients subscribe again. */
  close(): void;
}

/** Whether a request asks for a stream of events; a client that takes JSON too gets JSON. */
export function wantsEventStream({ headers: { accept = '' } }: FastifyRequest): boolean {
  return accept.includes(EVENT_STREAM) && !accept.includes('json');
}

/** Serves event streams. */
export function createEventStreams(
  engine: SubscriptionEngine,
  load: LoadMonitor,
  connections: HeldConnections,
): EventStreams {
  const encode = eventEncoder();
  const open = new Set<ServerResponse>();
  let isClosed = false;
  return {
    async handle(request, reply) {
      // A page of another site may send anything but JSON without being asked whether it may.
      if (request.body === undefined) return sendFailure(reply, 'unsupportedMediaType');
      if (!holdResponse(reply.raw, connections, callerOf(request).caller.tenant))
        return sendFailure(reply, 'tooManyConnections', HELD_RETRY_AFTER_SECONDS);
      const events = await encode(await resultsOf(request, engine));
      if (isClosed) {
        await events.return();
        return sendFailure(reply.header('retry-after', '1'), 'shuttingDown');
      }
      reply.headers({ 'content-type': `${EVENT_STREAM}; charset=utf-8`, 'x-accel-buffering': 'no' });
      // The connection has no other use, and without it nobody has to wait for its end.
      reply.header('connection', 'close');
      const { raw } = reply.hijack();
      load.settle(request.raw);
      open.add(raw);
      raw.once('close', () => {
        open.delete(raw);
        void events.return();
      });
      // Its client may have gone meanwhile.
      if (raw.destroyed) return events.return();
      raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
      for await (const text of events) write(raw, text);
      return raw.end();
    },
    close() {
      isClosed = true;
      for (const raw of open) {
        raw.end();
        const timer = setTimeout(() => raw.destroy(), GOODBYE_MS).unref();
        raw.once('close', () => clearTimeout(timer));
      }
    },
  };
}

/** Makes the text of a stream, with a sign of life every 12 s, from the results of a subscription. */
function eventEncoder() {
  const handler = createHandler<undefined, Results>({
    // Each stream stands for itself; none is shared by its token.
    authenticate: () => null,
    onSubscribe: ({ context }) => context as AsyncIterableIterator<ExecutionResult>,
  });
  // What graphql-sse would read and check by itself was read, and checked by our rules, before.
  const headers = { get: (name: string) => (name === 'accept' ? EVENT_STREAM : 'application/json') };
  const asRead = { method: 'POST', url: '/', headers, body: { query: '' }, raw: undefined };
  return async (results: Results): Promise<AsyncGenerator<string, void, undefined>> => {
    const [events] = await handler({ ...asRead, context: results });
    if (events === null || typeof events === 'string') throw new TypeError('No stream of events.');
    return events;
  };
}

async function resultsOf(request: FastifyRequest, engine: SubscriptionEngine): Promise<Results> {
  const prepared = engine.prepare(request.body, contextFor(request.id, request.ip, callerOf(request)));
  if (prepared.kind === 'refused') return only({ errors: prepared.errors });
  const results = await engine.subscribe(prepared.args);
  return Symbol.asyncIterator in results ? results : only(results);
}

async function* only(result: FormattedExecutionResult): Results {
  yield result;
}

function write(raw: ServerResponse, text: string): void {
  if (raw.writableEnded || raw.destroyed) return;
  raw.write(text);
  if (raw.writableLength > MAX_BUFFERED_BYTES) raw.destroy();
}

/** What may wait to be read by the client of a stream, in bytes; the stream of one that does not read is ended. */
export const MAX_BUFFERED_BYTES = 1024 * 1024;

/** How long the server waits for a client to notice the end of its stream, so that none holds up the end of the process. */
export const GOODBYE_MS = 1_000;
