import type { FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { sendFailure } from './http-app.js';

/** The operators' HTTP server: `/livez` (the process answers) and `/readyz` (it takes work). Never asks upstream. */
export function createAdminApp(isReady: () => boolean): FastifyInstance {
  const app = fastify({ forceCloseConnections: true });
  app.setNotFoundHandler((_request, reply) => sendFailure(reply, 'notFound'));
  app.get('/livez', async () => ({ status: 'live' }));
  app.get('/readyz', async (_request, reply) => {
    if (isReady()) return { status: 'ready' };
    return reply.code(503).send({ status: 'stopping' });
  });
  return app;
}
