import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { addFailureAnswers, failureOptions } from './errors.js';

/**
 * Whether the gateway takes work, or why not; `clockSkew`: its clock is too far from Huawei Cloud's to sign;
 * `overloaded`: it takes a share of it only.
 */
export type Readiness = 'ready' | 'stopping' | 'clockSkew' | 'overloaded';

/** The operators' HTTP server: `/livez` (the process answers) and `/readyz` (it takes work). Never asks upstream. */
export function createAdminApp(logger: FastifyBaseLogger, readiness: () => Readiness): FastifyInstance {
  const app = fastify({ ...failureOptions(logger), forceCloseConnections: true });
  addFailureAnswers(app, logger);
  app.get('/livez', async () => ({ status: 'live' }));
  app.get('/readyz', async (_request, reply) => {
    const status = readiness();
    return reply.code(status === 'ready' ? 200 : 503).send({ status });
  });
  return app;
}
