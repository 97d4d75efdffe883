import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { WebsocketHandler } from '@fastify/websocket';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import type { HeldConnections } from '../auth/connection-quota.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import type { CallerCheck } from './caller-check.js';
import { CALLER_DECORATOR, contextOf } from './caller-check.js';
import type { EventStreams } from './event-stream-handler.js';
import { wantsEventStream } from './event-stream-handler.js';
import { sendFailure } from './failure-answers.js';
import { checkBody } from './graphql-body.js';
import { isFromOwnPage } from './message-form.js';

/** The path of the GraphQL endpoint. */
export const GRAPHQL_PATH = '/graphql';

// Where clients of graphql-sse look for it by their own documentation.
const EVENT_STREAM_PATH = `${GRAPHQL_PATH}/stream`;

/** Answers a browser that opens the endpoint. */
export type ExplorerHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Hands a request to the GraphQL engine. */
function graphqlHandlerOf(apollo: ApolloServer<RequestContext>, connections: HeldConnections) {
  return fastifyApolloHandler(apollo, {
    context: async (request, reply) => contextOf(request, reply, connections),
  });
}

/** What the GraphQL endpoint is made of. */
export interface GraphqlRouteParts {
  apollo: ApolloServer<RequestContext>;
  /** Comes before everything that looks at a body. */
  checkCaller: CallerCheck;
  /** Counts the queries that wait. */
  connections: HeldConnections;
  explorer: ExplorerHandler | undefined;
  /** The only documents to execute; undefined for any. */
  trustedDocuments: TrustedDocuments | undefined;
  eventStreams: EventStreams;
  webSocketHandler: WebsocketHandler;
  /** Origins whose pages may open a WebSocket beside the server's own; none by default. */
  corsOrigins: readonly string[];
}

/**
 * Serves GraphQL by POST, subscriptions as event streams and over WebSockets, and an explorer, when there is one, to
 * browsers that open the address.
 */
export function addGraphqlRoute(app: FastifyInstance, parts: GraphqlRouteParts): void {
  const {
    apollo,
    checkCaller,
    connections,
    explorer,
    trustedDocuments,
    eventStreams,
    webSocketHandler,
    corsOrigins,
  } = parts;
  const wantsPage = ({ method, headers }: FastifyRequest) =>
    explorer !== undefined && method === 'GET' && headers.accept?.includes('text/html') === true;
  app.decorateRequest(CALLER_DECORATOR, null);
  const answer = graphqlHandlerOf(apollo, connections);
  const checks: RouteShorthandOptions = {
    onRequest: checkCaller,
    preHandler(request, reply, done) {
      const body = checkBody(request.body, trustedDocuments);
      if (typeof body === 'string') {
        sendFailure(reply, body);
        return;
      }
      request.body = body.checked;
      done();
    },
  };
  app.post(GRAPHQL_PATH, checks, async (request, reply) =>
    wantsEventStream(request) ? eventStreams.handle(request, reply) : answer.call(app, request, reply),
  );
  app.post(EVENT_STREAM_PATH, checks, eventStreams.handle);
  app.addHook('preClose', done => {
    eventStreams.close();
    done();
  });
  // A browser has no token for a page yet, and sends none with a preflight.
  const checkUnlessPage: CallerCheck = async (request, reply) =>
    wantsPage(request) || request.method === 'OPTIONS' ? undefined : checkCaller(request, reply);
  const others = {
    url: GRAPHQL_PATH,
    exposeHeadRoute: false,
    onRequest: checkUnlessPage,
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      if (wantsPage(request)) return explorer?.(request, reply);
      return sendFailure(reply.header('allow', 'POST'), 'methodNotAllowed');
    },
  };
  app.route({ ...others, method: ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] });
  app.route({
    ...others,
    method: 'GET',
    // Who opens a WebSocket may say who it is in its first message.
    onRequest: async (request, reply) => {
      if (!request.ws) return checkUnlessPage(request, reply);
      return isFromOwnPage(request.headers, corsOrigins) ? undefined : sendFailure(reply, 'foreignPage');
    },
    wsHandler: webSocketHandler,
  });
}
