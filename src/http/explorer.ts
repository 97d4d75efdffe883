import { hash } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { ApolloServer, ApolloServerPlugin } from '@apollo/server';
import { HeaderMap } from '@apollo/server';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { sendHttpError } from './errors.js';
import { EXAMPLE_CREATE, EXAMPLE_REQUESTS } from './explorer-examples.js';
import { EXPLORER_ASSET_PATH, GRAPHQL_PATH } from './graphql-route.js';

/** The explorer for browsers: GraphiQL, served by the gateway; Apollo Sandbox, loaded from the internet; or none. */
type ExplorerKind = 'graphiql' | 'sandbox' | 'none';

/** Serves the page of an explorer and what the page loads. */
export interface Explorer {
  /** Responds with the page. */
  sendPage(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
  /** Responds to {@link EXPLORER_ASSET_PATH}. */
  sendAsset(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}

// The page loads files of this server only, and may connect to it only. Its editor adds styles to the page.
const GRAPHIQL_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  'font-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

// At the first click GraphiQL moves its tabs as if they were dragged, and the click misses the one under the pointer.
const TAB_STYLE = '.graphiql-tab { transform: none !important }';
const PIECE_BYTES = 64 * 1024;

/** Creates the Apollo plugin that renders the Sandbox page; undefined for the other kinds. */
export function createLandingPage(kind: ExplorerKind): ApolloServerPlugin | undefined {
  if (kind !== 'sandbox') return undefined;
  return ApolloServerPluginLandingPageLocalDefault({
    embed: true,
    includeCookies: false,
    footer: false,
    document: EXAMPLE_CREATE.query,
    variables: EXAMPLE_CREATE.variables,
  });
}

/** Creates the explorer; undefined when there is none. */
export function createExplorer(kind: ExplorerKind, apollo: ApolloServer<RequestContext>): Explorer | undefined {
  if (kind === 'none') return undefined;
  return kind === 'sandbox' ? createSandbox(apollo) : createGraphiql();
}

function createSandbox(apollo: ApolloServer<RequestContext>): Explorer {
  return {
    async sendPage(_request, reply) {
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
    },
    async sendAsset(_request, reply) {
      return sendHttpError(reply, 'notFound');
    },
  };
}

function createGraphiql(): Explorer {
  let loaded: Promise<Graphiql> | undefined;
  // The files are large and rarely requested, so they are loaded at first use.
  const load = () => {
    loaded ??= loadGraphiql();
    return loaded;
  };
  return {
    async sendPage(_request, reply) {
      const { page } = await load();
      reply.headers({ 'content-security-policy': GRAPHIQL_POLICY, 'referrer-policy': 'no-referrer' });
      return reply.type('text/html; charset=utf-8').send(page);
    },
    async sendAsset(request, reply) {
      const { assets } = await load();
      const asset = assets.get((request.params as { file: string }).file);
      if (asset === undefined) return sendHttpError(reply, 'notFound');
      const accepted = new Negotiator(request).encodings(['br', 'gzip']);
      const encoding = accepted.includes('br') ? 'br' : accepted[0];
      const content = await asset.encoded(encoding);
      reply.headers({
        ...(encoding !== undefined && { 'content-encoding': encoding }),
        'content-length': content.length,
        'content-type': asset.type,
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'accept-encoding',
      });
      // Fastify would log each client that disconnects before the end.
      const { raw } = reply.hijack();
      if (raw.destroyed) return undefined;
      raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
      return pipeline(piecesOf(content), raw).catch(() => {});
    },
  };
}

/** GraphiQL's page and files. All responses share their memory. */
interface Graphiql {
  page: string;
  /** By file name. */
  assets: ReadonlyMap<string, Asset>;
}

/** A file that never changes, compressed at first use. */
class Asset {
  readonly name: string;
  readonly #encoded = new Map<string | undefined, Promise<Buffer>>();

  constructor(
    name: string,
    readonly type: string,
    private readonly content: Buffer,
  ) {
    this.name = name.replace('HASH', hash('sha256', content, 'hex').slice(0, 16));
  }

  get path(): string {
    return EXPLORER_ASSET_PATH.replace(':file', this.name);
  }

  /** The content in an encoding, br or gzip; uncompressed without one. */
  encoded(encoding: string | undefined): Promise<Buffer> {
    const known = this.#encoded.get(encoding);
    if (known !== undefined) return known;
    const encoded = this.#encode(encoding);
    this.#encoded.set(encoding, encoded);
    return encoded;
  }

  async #encode(encoding: string | undefined): Promise<Buffer> {
    if (encoding === 'gzip') return promisify(gzip)(this.content);
    // The best quality would take 20 s.
    const params = { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 22 };
    return encoding === 'br' ? promisify(brotliCompress)(this.content, { params }) : this.content;
  }
}

async function loadGraphiql(): Promise<Graphiql> {
  const files = await import('@graphql-yoga/render-graphiql/graphiql');
  const script = (name: string, text: string) =>
    new Asset(`${name}.HASH.js`, 'text/javascript; charset=utf-8', Buffer.from(text));
  const workers = {
    editorWorkerService: script('editor-worker', files.editorWorkerService),
    json: script('json-worker', files.jsonWorker),
    graphql: script('graphql-worker', files.graphqlWorker),
  };
  const workerPaths = Object.fromEntries(Object.entries(workers).map(([label, { path }]) => [label, path]));
  const main = script('graphiql', `${files.js};\n${startScript(workerPaths)}`);
  const style = new Asset('graphiql.HASH.css', 'text/css; charset=utf-8', Buffer.from(files.css + TAB_STYLE));
  const [, icon = ''] = files.favicon.split(',');
  const favicon = new Asset('favicon.HASH.ico', 'image/x-icon', Buffer.from(icon, 'base64'));
  const assets = [main, style, favicon, ...Object.values(workers)];
  return { page: pageOf(main, style, favicon), assets: new Map(assets.map(asset => [asset.name, asset])) };
}

function startScript(workerPaths: Readonly<Record<string, string>>): string {
  const options = {
    endpoint: GRAPHQL_PATH,
    defaultTabs: EXAMPLE_REQUESTS.map(({ query, variables }) => ({
      query,
      variables: JSON.stringify(variables, null, 2),
    })),
    // GraphiQL sends the headers of the page, and so the token, with event streams but not with WebSockets.
    subscriptionsProtocol: 'GRAPHQL_SSE',
    method: 'POST',
  };
  return `const workerPaths = ${JSON.stringify(workerPaths)};
self.MonacoEnvironment = { globalAPI: false, getWorkerUrl: (_module, label) => workerPaths[label] };
const options = ${JSON.stringify(options)};
// GraphiQL restores its tabs from the storage, but of a new first tab it shows only the query.
const isNew = !localStorage.getItem('graphiql:tabState') && !new URL(location).searchParams.has('query');
if (isNew) options.variables = options.defaultTabs[0].variables;
YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), options);`;
}

function pageOf(main: Asset, style: Asset, favicon: Asset): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>DLI gateway</title>
    <link rel="icon" href="${favicon.path}">
    <link rel="stylesheet" href="${style.path}">
  </head>
  <body class="no-focus-outline">
    <noscript>The explorer needs JavaScript.</noscript>
    <div id="root"></div>
    <script src="${main.path}"></script>
  </body>
</html>
`;
}

// In pieces, so that the check for slow clients sees progress.
function* piecesOf(content: Buffer): Iterable<Buffer> {
  for (let start = 0; start < content.length; start += PIECE_BYTES) yield content.subarray(start, start + PIECE_BYTES);
}
