import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ExecutionArgs, ExecutionResult, FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { createHandler } from 'graphql-sse';
import type { GraphqlRequest, SubscriptionEngine } from '../graphql/subscriptions.js';
import type { Metrics } from '../metrics/metrics.js';
import { acquireForResponse, contextOf, createHttpContext, QUOTA_RETRY_AFTER_SECONDS } from './authentication.js';
import type { ConnectionQuota } from './client-connections.js';
import { sendHttpError } from './errors.js';
import type { LoadShedder } from './load-shedder.js';
import { entryOf } from './request-log.js';
import type { RequestScheduler } from './request-scheduler.js';

/** Bytes that may be buffered for a slow client of a stream or WebSocket; above it the connection is closed. */
export const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Milliseconds to wait for a client to close its end of a stream or WebSocket before the connection is cut. */
export const CLOSE_TIMEOUT_MS = 1_000;

const EVENT_STREAM = 'text/event-stream';

type Results = AsyncIterableIterator<FormattedExecutionResult>;

/**
 * Serves subscriptions and queries as Server-Sent Events, in the distinct-connections mode of the graphql-sse protocol.
 */
export type SseHandler = ReturnType<typeof createSseHandler>;

interface Dependencies {
  engine: SubscriptionEngine;
  loadShedder: LoadShedder;
  streamQuota: ConnectionQuota;
  /** Undefined without tenants. */
  scheduler: RequestScheduler | undefined;
  metrics: Metrics;
}

/** Creates the handler of event streams. */
export function createSseHandler({ engine, loadShedder, streamQuota, scheduler, metrics }: Dependencies) {
  const encode = createEventEncoder();
  const open = new Set<ServerResponse>();
  let isClosed = false;
  metrics.read('dli_gateway_subscriptions', () => ({ sse: open.size }));
  return {
    /** Responds to a request that was validated. */
    async handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
      reply.type(`${EVENT_STREAM}; charset=utf-8`);
      if (request.method === 'HEAD') return reply.send();
      if (!acquireForResponse(reply.raw, streamQuota, contextOf(request).caller.tenant))
        return sendHttpError(reply, 'tooManyStreams', QUOTA_RETRY_AFTER_SECONDS);
      const context = createHttpContext(request, reply, 'counted', scheduler);
      const prepared = engine.prepare(request.body as GraphqlRequest, context, { allowsQueries: true });
      if (Array.isArray(prepared) && prepared[0]?.extensions?.['code'] === 'METHOD_NOT_ALLOWED')
        return sendHttpError(reply.header('allow', 'POST'), 'mutationByGet');
      const events = await encode(await resultsOf(prepared, engine));
      if (isClosed) {
        await events.return();
        return sendHttpError(reply.header('retry-after', '1'), 'shuttingDown');
      }
      // The connection is not reused, so shutdown need not wait for a keep-alive timeout.
      reply.headers({ 'x-accel-buffering': 'no', connection: 'close' });
      const { raw } = reply.hijack();
      loadShedder.untrack(request.raw);
      // The client may have disconnected already.
      if (raw.destroyed) return events.return();
      const entry = entryOf(request.raw);
      entry.streamedBytes = 0;
      open.add(raw);
      raw.once('close', () => {
        open.delete(raw);
        void events.return();
      });
      raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
      for await (const text of events) {
        if (raw.writableEnded || raw.destroyed) continue;
        // Sockets count the characters of strings, but the bytes of buffers.
        const bytes = Buffer.from(text);
        entry.streamedBytes += bytes.length;
        raw.write(bytes);
        // A pipelined response has no socket yet.
        if (raw.writableLength > MAX_BUFFERED_BYTES) request.raw.socket.destroy();
      }
      return raw.end();
    },
    /** The number of open streams, each of which has a connection of its own. */
    get openCount(): number {
      return open.size;
    },
    /** Ends all open streams without a `complete` event, so that their clients reconnect. */
    close(): void {
      isClosed = true;
      for (const raw of open) {
        raw.end();
        setTimeout(() => raw.destroy(), CLOSE_TIMEOUT_MS).unref();
      }
    },
  };
}

/** Encodes the results of a subscription as the text of an event stream, with a keep-alive comment every 12 s. */
function createEventEncoder() {
  const handler = createHandler<undefined, Results>({
    // No token: selects the distinct-connections mode.
    authenticate: () => null,
    onSubscribe: ({ context }) => context as AsyncIterableIterator<ExecutionResult>,
  });
  // The request was parsed and validated already, so graphql-sse gets a placeholder.
  const headers = { get: (name: string) => (name === 'accept' ? EVENT_STREAM : 'application/json') };
  const placeholder = { method: 'POST', url: '/', headers, body: { query: '' }, raw: undefined };
  return async (results: Results): Promise<AsyncGenerator<string, void, undefined>> => {
    const [events] = await handler({ ...placeholder, context: results });
    if (events === null || typeof events === 'string') throw new TypeError('No stream of events.');
    return events;
  };
}

async function resultsOf(
  prepared: ExecutionArgs | GraphQLFormattedError[],
  engine: SubscriptionEngine,
): Promise<Results> {
  if (Array.isArray(prepared)) return only({ errors: prepared });
  const results = await engine.subscribe(prepared);
  return Symbol.asyncIterator in results ? results : only(results);
}

async function* only(result: FormattedExecutionResult): Results {
  yield result;
}
