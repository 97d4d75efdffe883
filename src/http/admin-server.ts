import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fastify from 'fastify';
import type { Readiness } from '../metrics/catalog.js';
import type { Exposition } from '../metrics/metrics.js';
import type { ClientTimeouts } from './client-timeouts.js';
import { addErrorHandlers, errorOptions } from './errors.js';
import type { RequestLog } from './request-log.js';
import { recordOf } from './request-log.js';

/** Longer than any probe or scraper waits between two requests, in milliseconds. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** The parts of the gateway that `/readyz?verbose` reports: numbers, claims and words of closed lists only. */
export interface GatewayParts {
  phase: 'starting' | 'serving' | 'stopping';
  /** The share of requests that the load shedder accepts, 0 to 1. */
  acceptedShare: number;
  /** False for the embedded store as soon as it fails, for Redis after 5 s. */
  isStoreUsable: boolean;
  /** Why the store cannot be used at the moment; null while it can. */
  storeProblem: string | null;
  isClockWrong: boolean;
  /** How far DLI's clock is ahead, in seconds; null before its first response. */
  clockSkewSeconds: { min: number; max: number } | null;
  areCredentialsUsable: boolean;
  /** Whether the circuit breaker of creates is open; also while a probe may be sent. */
  isBreakerOpen: boolean;
}

/** Derives the readiness from the parts. */
export function readinessOf(parts: GatewayParts): Readiness {
  if (parts.phase !== 'serving') return parts.phase;
  if (!parts.isStoreUsable) return 'storeUnavailable';
  if (parts.isClockWrong) return 'clockSkew';
  return parts.acceptedShare < 1 ? 'overloaded' : 'ready';
}

/**
 * Creates the HTTP server for operators: `/livez` (the process runs), `/readyz` (it accepts work) and, if there are
 * metrics, `/metrics`. None of them causes an upstream request.
 */
export function createAdminServer(
  logger: FastifyBaseLogger,
  requestLog: RequestLog,
  { requestMs, responseMs }: ClientTimeouts,
  parts: () => GatewayParts,
  metrics: Exposition | undefined,
): FastifyInstance {
  const app = fastify({
    ...errorOptions(requestLog),
    forceCloseConnections: true,
    requestTimeout: requestMs,
    // The time without a byte sent or received while a request is in progress.
    connectionTimeout: responseMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  });
  addErrorHandlers(app, logger);
  app.addHook('onResponse', async (request, reply) => requestLog.writeProbe(recordOf(request, reply)));
  app.get('/livez', async () => ({ status: 'live' }));
  app.get<{ Querystring: { verbose?: unknown } }>('/readyz', async ({ query }, reply) => {
    const current = parts();
    const status = readinessOf(current);
    reply.code(status === 'ready' ? 200 : 503);
    return query.verbose === undefined ? { status } : { status, ...current };
  });
  if (metrics !== undefined)
    app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return app;
}
