import type { ApolloServer, ApolloServerPlugin } from '@apollo/server';
import { HeaderMap } from '@apollo/server';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { RequestContext } from '../datasource-connection/request-context.js';
import type { ExplorerHandler } from './graphql-route.js';
import { GRAPHQL_PATH } from './graphql-route.js';

/** Which explorer browsers get: GraphiQL from this server alone, Apollo Sandbox from the internet, or none. */
export type ExplorerKind = 'graphiql' | 'sandbox' | 'none';

// GraphiQL's page holds its code inline and starts editors from blobs; it may talk to this server only.
const GRAPHIQL_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  'worker-src blob:',
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_WISH = [['accept', 'text/html']] as const;

/** The Apollo plugin that makes the Sandbox page; undefined for the other kinds. */
export function landingPageOf(kind: ExplorerKind): ApolloServerPlugin | undefined {
  if (kind !== 'sandbox') return undefined;
  return ApolloServerPluginLandingPageLocalDefault({
    embed: true,
    includeCookies: false,
    footer: false,
    document: EXAMPLE_MUTATION,
  });
}

/** What answers a browser that opens the endpoint; undefined when there is no explorer. */
export function explorerHandlerOf(
  kind: ExplorerKind,
  apollo: ApolloServer<RequestContext>,
): ExplorerHandler | undefined {
  if (kind === 'none') return undefined;
  if (kind === 'sandbox') {
    return async (_request, reply) => {
      // Nothing of the request, whose sender nobody knows, so that there is nothing to execute.
      const {
        status = 200,
        headers,
        body,
      } = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest: { method: 'GET', headers: new HeaderMap(PAGE_WISH), search: '', body: undefined },
        context: () => Promise.reject(new TypeError('A page needs no context.')),
      });
      if (body.kind !== 'complete') throw new TypeError('A page comes whole.');
      return reply.code(status).headers(Object.fromEntries(headers)).send(body.string);
    };
  }
  return async (_request, reply) => {
    // The page is large and seldom asked for, so it is loaded on first use.
    const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
    return reply
      .type('text/html; charset=utf-8')
      .headers({ 'content-security-policy': GRAPHIQL_POLICY, 'referrer-policy': 'no-referrer' })
      .send(
        renderGraphiQL({
          title: 'DLI gateway',
          endpoint: GRAPHQL_PATH,
          defaultQuery: EXAMPLE_MUTATION,
          // Unlike its WebSockets, its event streams carry the headers that are set in the page, and so the token.
          subscriptionsProtocol: 'GRAPHQL_SSE',
          method: 'POST',
        }),
      );
  };
}

/** The mutation that an explorer starts with. */
export const EXAMPLE_MUTATION = `mutation CreateConnection {
  createDatasourceConnection(
    input: {
      name: "orders_pg"
      service: RDS
      securityGroupId: "a07ab107-a4ad-4835-ad09-08a2f2efccdb"
      networkId: "e83ba67d-e812-42d3-908d-6ea0b2cc5ecb"
      url: "192.168.0.12:5432"
    }
  ) {
    __typename
    ... on CreateDatasourceConnectionSuccess {
      connectionId
      hint: message
    }
    ... on InvalidInputError {
      problems {
        path
        message
      }
    }
    ... on UserError {
      message
      code
    }
  }
}
`;
