import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { WebsocketHandler } from '@fastify/websocket';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import type { HeldConnections } from '../auth/connection-quota.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { MAX_DOCUMENT_CHARACTERS } from '../graphql/document-limits.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { isObject } from '../lib/json.js';
import type { CallerCheck } from './authentication.js';
import { CALLER_DECORATOR, contextOf } from './authentication.js';
import type { HttpFailureName } from './errors.js';
import { sendFailure } from './errors.js';
import { isFromOwnPage } from './request-validation.js';
import type { EventStreams } from './sse.js';
import { wantsEventStream } from './sse.js';

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
interface GraphqlRouteParts {
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

const MAX_JSON_DEPTH = 20;

/** What makes the body of a GraphQL request too large to look at closely; undefined when nothing does. */
function findExcess(body: unknown): HttpFailureName | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  if ('query' in body && typeof body.query === 'string' && body.query.length > MAX_DOCUMENT_CHARACTERS)
    return 'documentTooLong';
  return isDeeper(body, MAX_JSON_DEPTH) ? 'jsonTooDeep' : undefined;
}

/**
 * Looks at a request before anything else does: its size, and whether its document is one of the trusted ones.
 *
 * @param documents the only documents to execute; undefined for any
 * @returns the request with its document, or what is wrong with it
 */
export function checkBody(
  body: unknown,
  documents: TrustedDocuments | undefined,
): { checked: unknown } | HttpFailureName {
  const excess = findExcess(body);
  if (excess !== undefined) return excess;
  const checked = documents === undefined ? body : withTrustedDocument(body, documents);
  return checked === undefined && body !== undefined ? 'documentNotTrusted' : { checked };
}

/**
 * The body with the document that it names by an id, or as it is when its document is one of the trusted ones.
 *
 * The id stands in `documentId`, as the GraphQL over HTTP proposal for persisted documents has it, or where Apollo's
 * clients put it, in `extensions.persistedQuery.sha256Hash`.
 *
 * @returns undefined when the document is not a trusted one
 */
function withTrustedDocument(body: unknown, documents: TrustedDocuments): unknown {
  // What is no request at all is answered as such.
  if (!isObject(body)) return body;
  const { documentId, ...rest } = body;
  const { persistedQuery, ...extensions } = isObject(body['extensions']) ? body['extensions'] : {};
  const id = documentId ?? (isObject(persistedQuery) ? persistedQuery['sha256Hash'] : undefined);
  const text = body['query'];
  if (id === undefined) return typeof text === 'string' && !documents.has(text) ? undefined : body;
  const document = typeof id === 'string' ? documents.find(id) : undefined;
  if (document === undefined || (text !== undefined && text !== null && text !== document)) return undefined;
  return { ...rest, query: document, extensions };
}

function isDeeper(value: object, levels: number): boolean {
  if (levels === 0) return true;
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null && isDeeper(part, levels - 1)) return true;
  }
  return false;
}
