import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fastify from 'fastify';
import type { Exposition } from '../metrics/metrics.js';
import { addErrorHandlers, errorOptions } from './errors.js';
import type { RequestLog } from './request-log.js';
import { recordOf } from './request-log.js';

/**
 * The readiness of the gateway. `clockSkew`: its clock differs too much from Huawei Cloud's to sign requests;
 * `overloaded`: it sheds requests.
 */
export type Readiness = 'ready' | 'stopping' | 'clockSkew' | 'overloaded';

/**
 * Creates the HTTP server for operators: `/livez` (the process runs), `/readyz` (it accepts work) and, if there are
 * metrics, `/metrics`. None sends anything upstream.
 */
export function createAdminServer(
  logger: FastifyBaseLogger,
  requestLog: RequestLog,
  readiness: () => Readiness,
  metrics: Exposition | undefined,
): FastifyInstance {
  const app = fastify({ ...errorOptions(requestLog), forceCloseConnections: true });
  addErrorHandlers(app, logger);
  app.addHook('onResponse', async (request, reply) => requestLog.writeProbe(recordOf(request, reply)));
  app.get('/livez', async () => ({ status: 'live' }));
  app.get('/readyz', async (_request, reply) => {
    const status = readiness();
    return reply.code(status === 'ready' ? 200 : 503).send({ status });
  });
  if (metrics !== undefined)
    app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return app;
}
