import type { ApolloServer } from '@apollo/server';
import { HeaderMap } from '@apollo/server';
import type { WebsocketHandler } from '@fastify/websocket';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { findExceededLimitOfText } from '../graphql/document-limits.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import type { AuthenticationHook, CallerGuards } from './authentication.js';
import {
  CONTEXT_DECORATOR,
  contextOf,
  createAuthenticationHook,
  createHttpContext,
  hasAccessToken,
} from './authentication.js';
import { sendHttpError } from './errors.js';
import type { Explorer } from './explorer.js';
import type { RequestWithHosts } from './long-host-lists.js';
import { HOST_LIST_DECORATOR, LargeBodies, validateLongHosts } from './long-host-lists.js';
import type { OriginCheck } from './origins.js';
import { isAllowedOrigin, mayBeCrossSite } from './origins.js';
import type { RequestScheduler } from './request-scheduler.js';
import {
  acceptsEventStream,
  bodyOfQueryString,
  DEFAULT_RESPONSE_TYPE,
  declaresLargeBody,
  preferredType,
  validateBody,
} from './request-validation.js';
import type { SseHandler } from './sse.js';

/** The path of the GraphQL endpoint. */
export const GRAPHQL_PATH = '/graphql';

/** The path of the files that the explorer's page loads. File names contain hashes, so browsers may keep them. */
export const EXPLORER_ASSET_PATH = `${GRAPHQL_PATH}/explorer/:file`;

// The default path of graphql-sse clients.
const EVENT_STREAM_PATH = `${GRAPHQL_PATH}/stream`;
const ALLOWED_METHODS = 'GET, HEAD, POST, OPTIONS';

interface Dependencies extends CallerGuards {
  apollo: ApolloServer<RequestContext>;
  explorer: Explorer | undefined;
  /** The only documents that are executed; undefined allows all. */
  trustedDocuments: TrustedDocuments | undefined;
  /** Undefined without tenants. */
  scheduler: RequestScheduler | undefined;
  sse: SseHandler;
  webSocketHandler: WebsocketHandler;
  /** Origins, besides the server's own, whose pages may open a WebSocket or send a GET. */
  isListedOrigin: OriginCheck;
}

/**
 * Registers the GraphQL endpoint: POST for all operations, GET for queries and subscriptions, event streams and
 * WebSockets for subscriptions, and GET with `Accept: text/html` for the explorer, if there is one.
 */
export function registerGraphqlRoute(app: FastifyInstance, dependencies: Dependencies): void {
  const { explorer, trustedDocuments, scheduler, sse, isListedOrigin, connections, metrics } = dependencies;
  const authenticate = createAuthenticationHook(dependencies);
  metrics.read('dli_gateway_open_connections', () => {
    const streams = { websocket: app.websocketServer.clients.size, sse: sse.openCount };
    return { ...streams, http: Math.max(0, connections.count - streams.websocket - streams.sse) };
  });
  const isPageRequest = ({ method, headers, routeOptions: { url } }: FastifyRequest) =>
    explorer !== undefined &&
    url === GRAPHQL_PATH &&
    (method === 'GET' || method === 'HEAD') &&
    headers.accept?.includes('text/html') === true;
  app.decorateRequest(CONTEXT_DECORATOR, null);
  app.decorateRequest(HOST_LIST_DECORATOR, null);

  /** Replaces the body with the validated request, once it is the request's turn. */
  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    if (request.ws || isPageRequest(request)) return undefined;
    const refusal = await scheduler?.admit(contextOf(request).caller.tenant);
    if (refusal !== undefined) return sendHttpError(reply, refusal.error, refusal.retryAfterSeconds);
    const isPost = request.method === 'POST';
    // CSRF: pages of other sites may send any content type but JSON without a preflight.
    if (isPost && request.body === undefined) return sendHttpError(reply, 'unsupportedMediaType');
    const body = isPost ? request.body : bodyOfQueryString(request.query);
    const result = validateBody(body, trustedDocuments);
    const mayHaveLongHosts = isPost && (result === 'tooManyJsonValues' || request.getDecorator(HOST_LIST_DECORATOR));
    const validated = mayHaveLongHosts ? await validateLongHosts(request, result, trustedDocuments) : result;
    if (typeof validated === 'string') return sendHttpError(reply, validated);
    request.body = validated;
    return undefined;
  }
  const execute = createExecutor(dependencies);
  const respond = async (request: FastifyRequest, reply: FastifyReply) =>
    acceptsEventStream(request.headers) ? sse.handle(request, reply) : execute(request, reply);
  const largeBodies = new LargeBodies();
  const authenticatePost: AuthenticationHook = async (request, reply) => {
    const refusal = await authenticate(request, reply);
    return refusal ?? (declaresLargeBody(request.headers) ? largeBodies.admit(request, reply) : undefined);
  };
  app.post(
    GRAPHQL_PATH,
    {
      onRequest: authenticatePost,
      preParsing: async (request, _reply, body) =>
        declaresLargeBody(request.headers) ? largeBodies.read(request) : body,
      preHandler: admit,
    },
    respond,
  );
  app.post(EVENT_STREAM_PATH, { onRequest: authenticate, preHandler: admit }, sse.handle);
  const authenticateGet: AuthenticationHook = async (request, reply) => {
    // A WebSocket may authenticate later, in its first message.
    if (request.ws)
      return isAllowedOrigin(request.headers, isListedOrigin) ? undefined : sendHttpError(reply, 'foreignPage');
    // Browsers send no token when they open a page.
    if (isPageRequest(request)) return undefined;
    const refusal = await authenticate(request, reply);
    // Browsers do not add access tokens by themselves.
    if (refusal !== undefined || hasAccessToken(request)) return refusal;
    // A browser that looks for the explorer asks for nothing else.
    const isQuery = request.url.includes('?');
    return isQuery && mayBeCrossSite(request.headers, isListedOrigin)
      ? sendHttpError(reply, 'crossSiteGet')
      : undefined;
  };
  app.route({
    method: 'GET',
    url: GRAPHQL_PATH,
    onRequest: authenticateGet,
    preHandler: admit,
    handler: async (request, reply) =>
      isPageRequest(request) ? explorer?.sendPage(request, reply) : respond(request, reply),
    wsHandler: dependencies.webSocketHandler,
  });
  app.get(EVENT_STREAM_PATH, { onRequest: authenticateGet, preHandler: admit }, sse.handle);
  if (explorer !== undefined) app.get(EXPLORER_ASSET_PATH, explorer.sendAsset);
  app.addHook('preClose', async () => sse.close());
  for (const url of [GRAPHQL_PATH, EVENT_STREAM_PATH]) {
    app.options(url, async (_request, reply) => reply.code(204).header('allow', ALLOWED_METHODS).send());
    app.route({
      method: ['PUT', 'PATCH', 'DELETE'],
      url,
      onRequest: authenticate,
      handler: async (_request, reply) => sendHttpError(reply.header('allow', ALLOWED_METHODS), 'methodNotAllowed'),
    });
  }
}

/** Creates the handler that executes validated requests with Apollo. */
function createExecutor({ apollo, streamQuota, scheduler }: Dependencies) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const accept = preferredType(request.headers);
    if (accept === undefined) return sendHttpError(reply, 'notAcceptable');
    const { hosts, ...body } = request.body as RequestWithHosts;
    // Apollo has no hook between parsing and validation. The engine of subscriptions checks for itself.
    const exceeded = findExceededLimitOfText(body.query);
    if (exceeded !== undefined) return sendHttpError(reply, exceeded);
    const headers = new HeaderMap([['content-type', 'application/json']]);
    // Apollo parses the header. JSON is its default.
    if (accept !== DEFAULT_RESPONSE_TYPE) headers.set('accept', accept);
    const response = await apollo.executeHTTPGraphQLRequest({
      // Whatever the method was, it has been checked.
      httpGraphQLRequest: { method: 'POST', headers, search: '', body },
      context: async () => ({
        ...createHttpContext(request, reply, streamQuota, scheduler),
        ...(hosts !== undefined && { hosts }),
      }),
    });
    const { status = 200, body: result } = response;
    // Outside of its pipeline, Apollo formats errors without the trace id. It has logged them.
    if (status === 500 || result.kind !== 'complete') return sendHttpError(reply, 'internal');
    if (status === 405) return sendHttpError(reply.header('allow', 'POST'), 'mutationByGet');
    return reply.code(status).headers(Object.fromEntries(response.headers)).send(result.string);
  };
}
