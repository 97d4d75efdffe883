import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../datasource-connection/request-context.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import type { CallerCheck } from './caller-check.js';
import { CALLER_DECORATOR, callerOf } from './caller-check.js';
import { sendFailure } from './failure-answers.js';
import { findExcess, withTrustedDocument } from './graphql-body.js';
import type { HttpFailureName } from './http-error.js';

/** The path of the GraphQL endpoint. */
export const GRAPHQL_PATH = '/graphql';

/** Answers a browser that opens the endpoint. */
export type ExplorerHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Hands a request to the GraphQL engine. */
export function graphqlHandlerOf(apollo: ApolloServer<RequestContext>) {
  return fastifyApolloHandler(apollo, {
    context: async request => ({ traceId: request.id, address: request.ip, caller: callerOf(request) }),
  });
}

/** What the GraphQL endpoint is made of. */
export interface GraphqlRouteParts {
  apollo: ApolloServer<RequestContext>;
  /** Comes before everything that looks at a body. */
  checkCaller: CallerCheck;
  explorer: ExplorerHandler | undefined;
  /** The only documents to execute; undefined for any. */
  trustedDocuments: TrustedDocuments | undefined;
}

/** Serves GraphQL by POST, and an explorer, when there is one, to browsers that open the address. */
export function addGraphqlRoute(
  app: FastifyInstance,
  { apollo, checkCaller, explorer, trustedDocuments }: GraphqlRouteParts,
): void {
  const wantsPage = ({ method, headers }: FastifyRequest) =>
    explorer !== undefined && method === 'GET' && headers.accept?.includes('text/html') === true;
  app.decorateRequest(CALLER_DECORATOR, null);
  app.post(
    GRAPHQL_PATH,
    {
      onRequest: checkCaller,
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
    // A browser has no token for a page yet, and sends none with a preflight.
    onRequest: async (request, reply) =>
      wantsPage(request) || request.method === 'OPTIONS' ? undefined : checkCaller(request, reply),
    handler: async (request, reply) => {
      if (wantsPage(request)) return explorer?.(request, reply);
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
