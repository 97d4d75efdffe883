import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { WebsocketHandler } from '@fastify/websocket';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { findExceededLimitOfText, MAX_DOCUMENT_CHARACTERS } from '../graphql/document-limits.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { isObject } from '../lib/json.js';
import type { AuthenticationHook, CallerGuards } from './authentication.js';
import { CONTEXT_DECORATOR, contextOf, createAuthenticationHook, createHttpContext } from './authentication.js';
import type { HttpErrorName } from './errors.js';
import { sendHttpError } from './errors.js';
import type { RequestScheduler } from './request-scheduler.js';
import {
  acceptsEventStream,
  DEFAULT_RESPONSE_TYPE,
  findJsonError,
  isAllowedOrigin,
  preferredType,
} from './request-validation.js';
import type { SseHandler } from './sse.js';

/** The path of the GraphQL endpoint. */
export const GRAPHQL_PATH = '/graphql';

// The default path of graphql-sse clients.
const EVENT_STREAM_PATH = `${GRAPHQL_PATH}/stream`;

/** Serves the explorer page. */
export type ExplorerHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

interface Dependencies extends CallerGuards {
  apollo: ApolloServer<RequestContext>;
  explorer: ExplorerHandler | undefined;
  /** The only documents that are executed; undefined allows all. */
  trustedDocuments: TrustedDocuments | undefined;
  /** Undefined without tenants. */
  scheduler: RequestScheduler | undefined;
  sse: SseHandler;
  webSocketHandler: WebsocketHandler;
  /** Origins, besides the server's own, whose pages may open a WebSocket. */
  corsOrigins: readonly string[];
}

/**
 * Registers the GraphQL endpoint: POST for queries and mutations, event streams and WebSockets for subscriptions, and
 * GET with `Accept: text/html` for the explorer, if there is one.
 */
export function registerGraphqlRoute(app: FastifyInstance, dependencies: Dependencies): void {
  const { apollo, streamQuota, explorer, trustedDocuments, scheduler, sse, corsOrigins } = dependencies;
  const authenticate = createAuthenticationHook(dependencies);
  const isPageRequest = ({ method, headers }: FastifyRequest) =>
    explorer !== undefined && method === 'GET' && headers.accept?.includes('text/html') === true;
  app.decorateRequest(CONTEXT_DECORATOR, null);
  const handleWithApollo = fastifyApolloHandler(apollo, {
    context: async (request, reply) => createHttpContext(request, reply, streamQuota, scheduler),
  });
  const hooks: RouteShorthandOptions = {
    onRequest: authenticate,
    async preHandler(request, reply) {
      const refusal = await scheduler?.admit(contextOf(request).caller.tenant);
      if (refusal !== undefined) return sendHttpError(reply, refusal.error, refusal.retryAfterSeconds);
      const validated = validateBody(request.body, trustedDocuments);
      if (typeof validated === 'string') return sendHttpError(reply, validated);
      request.body = validated.body;
      return undefined;
    },
  };
  app.post(GRAPHQL_PATH, hooks, async (request, reply) => {
    if (acceptsEventStream(request.headers)) return sse.handle(request, reply);
    const type = preferredType(request.headers);
    if (type === undefined) return sendHttpError(reply, 'notAcceptable');
    // Apollo chooses the format after it has executed the request, and would then refuse it. JSON is its default.
    if (type === DEFAULT_RESPONSE_TYPE) delete request.headers.accept;
    else request.headers.accept = type;
    // Apollo has no hook between parsing and validation. The engine of subscriptions checks for itself.
    const exceeded = findExceededLimitOfText(queryOf(request.body) ?? '');
    return exceeded === undefined ? handleWithApollo.call(app, request, reply) : sendHttpError(reply, exceeded);
  });
  app.post(EVENT_STREAM_PATH, hooks, sse.handle);
  app.addHook('preClose', async () => sse.close());
  // Browsers send no token when they open a page or send a preflight.
  const authenticateUnlessPage: AuthenticationHook = async (request, reply) =>
    isPageRequest(request) || request.method === 'OPTIONS' ? undefined : authenticate(request, reply);
  const otherMethods = {
    url: GRAPHQL_PATH,
    exposeHeadRoute: false,
    onRequest: authenticateUnlessPage,
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      if (isPageRequest(request)) return explorer?.(request, reply);
      return sendHttpError(reply.header('allow', 'POST'), 'methodNotAllowed');
    },
  };
  app.route({ ...otherMethods, method: ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] });
  app.route({
    ...otherMethods,
    method: 'GET',
    // A WebSocket may authenticate later, in its first message.
    onRequest: async (request, reply) => {
      if (!request.ws) return authenticateUnlessPage(request, reply);
      return isAllowedOrigin(request.headers, corsOrigins) ? undefined : sendHttpError(reply, 'foreignPage');
    },
    wsHandler: dependencies.webSocketHandler,
  });
}

/**
 * Validates the body of a GraphQL request before it is parsed further: its size, its depth, and, with trusted
 * documents, its document. Returns the body with the text of its document and without an empty name of the operation, or
 * the error to respond with.
 */
export function validateBody(
  body: unknown,
  documents: TrustedDocuments | undefined,
): { body: unknown } | HttpErrorName {
  const query = queryOf(body);
  if (query !== undefined && query.length > MAX_DOCUMENT_CHARACTERS) return 'documentTooLong';
  const jsonError = findJsonError(body);
  if (jsonError !== undefined) return jsonError;
  const resolved = documents === undefined ? body : documents.resolve(body);
  if (resolved === undefined && body !== undefined) return 'documentNotTrusted';
  return { body: withoutEmptyName(resolved) };
}

/** Several clients send an empty name with a document of one operation. */
function withoutEmptyName(body: unknown): unknown {
  if (!isObject(body) || body['operationName'] !== '') return body;
  const { operationName: _, ...rest } = body;
  return rest;
}

function queryOf(body: unknown): string | undefined {
  const query = isObject(body) ? body['query'] : undefined;
  return typeof query === 'string' ? query : undefined;
}
