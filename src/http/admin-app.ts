import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { addFailureAnswers, failureOptions } from './failure-answers.js';

/** Whether the gateway takes work, and what keeps it from doing so. */
export type GatewayStatus = 'ready' | 'overloaded' | 'stopping';

/** The operators' HTTP server: `/livez` (the process answers) and `/readyz` (it takes work). Never asks upstream. */
export function createAdminApp(logger: FastifyBaseLogger, statusNow: () => GatewayStatus): FastifyInstance {
  const app = fastify({ ...failureOptions(logger), forceCloseConnections: true });
  addFailureAnswers(app, logger);
  app.get('/livez', async () => ({ status: 'live' }));
  app.get('/readyz', async (_request, reply) => {
    const status = statusNow();
    return reply.code(status === 'ready' ? 200 : 503).send({ status });
  });
  return app;
}
