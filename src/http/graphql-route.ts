import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../datasource-connection/request-context.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { sendFailure } from './failure-answers.js';
import { findExcess, withTrustedDocument } from './graphql-body.js';
import type { HttpFailureName } from './http-error.js';

/** The path of the GraphQL endpoint. */
export const GRAPHQL_PATH = '/graphql';

/** Answers a browser that opens the endpoint. */
export type ExplorerHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Hands a request to the GraphQL engine. */
export function graphqlHandlerOf(apollo: ApolloServer<RequestContext>) {
  return fastifyApolloHandler(apollo, { context: async request => ({ traceId: request.id }) });
}

/**
 * Serves GraphQL by POST, and an explorer, when there is one, to browsers that open the address.
 *
 * @param trustedDocuments the only ones to execute; undefined for any
 */
export function addGraphqlRoute(
  app: FastifyInstance,
  apollo: ApolloServer<RequestContext>,
  explorer: ExplorerHandler | undefined,
  trustedDocuments: TrustedDocuments | undefined,
): void {
  app.post(
    GRAPHQL_PATH,
    {
      preHandler(request, reply, done) {
        const failure = findExcess(request.body) ?? trust(request, trustedDocuments);
        if (failure === undefined) done();
        else sendFailure(reply, failure);
      },
    },
    graphqlHandlerOf(apollo),
  );
  app.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: GRAPHQL_PATH,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const wantsPage = request.method === 'GET' && request.headers.accept?.includes('text/html') === true;
      if (explorer !== undefined && wantsPage) return explorer(request, reply);
      return sendFailure(reply.header('allow', 'POST'), 'methodNotAllowed');
    },
  });
}

function trust(
  request: FastifyRequest,
  documents: TrustedDocuments | undefined,
): HttpFailureName | undefined {
  if (documents === undefined) return undefined;
  const body = withTrustedDocument(request.body, documents);
  if (body === undefined && request.body !== undefined) return 'documentNotTrusted';
  request.body = body;
  return undefined;
}
