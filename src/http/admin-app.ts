import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { addFailureAnswers, failureOptions } from './failure-answers.js';

/** The operators' HTTP server: `/livez` (the process answers) and `/readyz` (it takes work). Never asks upstream. */
export function createAdminApp(logger: FastifyBaseLogger, isReady: () => boolean): FastifyInstance {
  const app = fastify({ ...failureOptions(logger), forceCloseConnections: true });
  addFailureAnswers(app, logger);
  app.get('/livez', async () => ({ status: 'live' }));
  app.get('/readyz', async (_request, reply) => {
    if (isReady()) return { status: 'ready' };
    return reply.code(503).send({ status: 'stopping' });
  });
  return app;
}
