import type { OutgoingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ApolloServer, ApolloServerPlugin } from '@apollo/server';
import { HeaderMap } from '@apollo/server';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { RequestContext } from '../datasource-connection/request-context.js';
import type { ExplorerHandler } from './graphql-route.js';
import { GRAPHQL_PATH } from './graphql-route.js';

/** The explorer for browsers: GraphiQL, served by the gateway; Apollo Sandbox, loaded from the internet; or none. */
type ExplorerKind = 'graphiql' | 'sandbox' | 'none';

// GraphiQL's page has inline scripts and starts workers from blobs. It may connect to this server only.
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

const PIECE_BYTES = 64 * 1024;
/** Matches an `Accept-Encoding` with gzip, unless its weight is 0. */
const ACCEPTS_GZIP = /(?:^|,)\s*gzip\s*(?:,|$|;\s*q=(?!0(?:\.0*)?\s*(?:,|$)))/i;

/** Creates the Apollo plugin that renders the Sandbox page; undefined for the other kinds. */
export function createLandingPage(kind: ExplorerKind): ApolloServerPlugin | undefined {
  if (kind !== 'sandbox') return undefined;
  return ApolloServerPluginLandingPageLocalDefault({
    embed: true,
    includeCookies: false,
    footer: false,
    document: EXAMPLE_MUTATION,
  });
}

/** Creates the handler that serves the explorer page; undefined when there is no explorer. */
export function createExplorerHandler(
  kind: ExplorerKind,
  apollo: ApolloServer<RequestContext>,
): ExplorerHandler | undefined {
  if (kind === 'none') return undefined;
  if (kind === 'sandbox') {
    return async (_request, reply) => {
      // The caller is not authenticated, so nothing of the request is passed on and nothing can be executed.
      const { status, headers, body } = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest: {
          method: 'GET',
          headers: new HeaderMap([['accept', 'text/html']]),
          search: '',
          body: undefined,
        },
        context: () => Promise.reject(new TypeError('A page needs no context.')),
      });
      if (body.kind !== 'complete') throw new TypeError('A page comes whole.');
      return reply
        .code(status ?? 200)
        .headers(Object.fromEntries(headers))
        .send(body.string);
    };
  }
  let pages: Promise<Pages> | undefined;
  return async (request, reply) => {
    // The pages are large and rarely requested, so they are loaded at first use.
    pages ??= renderPages();
    const { plain, gzipped } = await pages;
    const isCompressed = ACCEPTS_GZIP.test(request.headers['accept-encoding'] ?? '');
    const page = isCompressed ? gzipped : plain;
    reply.headers({
      ...(isCompressed && { 'content-encoding': 'gzip' }),
      'content-length': page.length,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': GRAPHIQL_POLICY,
      'referrer-policy': 'no-referrer',
    });
    // Fastify would log each client that goes away before the end.
    const { raw } = reply.hijack();
    if (raw.destroyed) return;
    raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
    await pipeline(piecesOf(page), raw).catch(() => {});
  };
}

/** GraphiQL's page as it is sent. All responses share its memory. */
interface Pages {
  plain: Buffer;
  gzipped: Buffer;
}

async function renderPages(): Promise<Pages> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const page = renderGraphiQL({
    title: 'DLI gateway',
    endpoint: GRAPHQL_PATH,
    defaultQuery: EXAMPLE_MUTATION,
    // GraphiQL sends the headers of the page, and so the token, with event streams but not with WebSockets.
    subscriptionsProtocol: 'GRAPHQL_SSE',
    method: 'POST',
  });
  const plain = Buffer.from(page);
  return { plain, gzipped: await promisify(gzip)(plain) };
}

// Whether a client is slow is judged by the pieces that it has taken.
function* piecesOf(page: Buffer): Iterable<Buffer> {
  for (let start = 0; start < page.length; start += PIECE_BYTES) yield page.subarray(start, start + PIECE_BYTES);
}

/** The mutation that the explorer shows first. */
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
      message
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
