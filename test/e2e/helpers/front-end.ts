import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { transform } from '@swc/core';
import { readDocuments } from '../../helpers/documents.js';
import { listen } from '../../helpers/listening-server.js';

const CLIENT_FOLDER = dirname(createRequire(import.meta.url).resolve('graphql-ws/client'));

const PAGE = `<!doctype html>
<title>Front end</title>
<link rel="icon" href="data:,">
<progress id="progress" max="1" value="0"></progress>
<output id="state"></output> <output id="reason"></output>
<script type="importmap">{"imports": {"graphql-ws": "/graphql-ws/client.js"}}</script>
<script type="module" src="/page.js"></script>`;

const PAGE_CODE = `
import { watch } from '/watch.js';
const $ = id => document.getElementById(id);
window.seen = [];
const query = \`mutation ($input: CreateDatasourceConnectionInput!) {
  createDatasourceConnection(input: $input) {
    ... on CreateDatasourceConnectionSuccess { connectionId } ... on UserError { code }
  }
}\`;
window.createAndWatch = async (graphqlUrl, input) => {
  const response = await fetch(graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { data } = await response.json();
  window.watchShown(data.createDatasourceConnection.connectionId);
};
window.watchShown = id =>
  watch(id, (state, progress, reason) => {
    window.seen.push({ id, state, progress });
    $('progress').value = progress;
    $('state').value = state;
    $('reason').value = reason ?? '';
  });`;

/** The browser code of the README, with the address of a gateway, and optionally with tokens as described there. */
async function browserCode(graphqlUrl: string, hasTokens: boolean): Promise<string> {
  const source = [...readDocuments().matchAll(/^```ts\n(.*?)^```$/gms)].find(([, text = '']) =>
    text.includes('graphql-ws'),
  )?.[1];
  if (source === undefined) throw new Error('The README prints no code for browsers.');
  const [, params] = /With access tokens: (connectionParams: .*)\.$/m.exec(source) ?? [];
  if (params === undefined) throw new Error('The README does not say how to send tokens.');
  const complete = hasTokens ? source.replace('createClient({', `createClient({ ${params},`) : source;
  const { code } = await transform(complete, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  });
  return code.replace('ws://127.0.0.1:4000/graphql', graphqlUrl.replace('http:', 'ws:'));
}

/**
 * Serves a page that creates a connection and shows its progress, from an origin of its own.
 *
 * @param graphqlUrlOf returns the address of the gateway when the page is loaded
 * @param options `hasTokens`: the page has a function `getToken`
 * @returns the page's origin
 */
export async function startFrontEnd(graphqlUrlOf: () => string, { hasTokens = false } = {}): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    const isScript = path !== '/';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    if (path === '/') response.end(PAGE);
    else if (path === '/page.js') response.end(PAGE_CODE);
    else if (path === '/watch.js') response.end(await browserCode(graphqlUrlOf(), hasTokens));
    else response.end(readFileSync(join(CLIENT_FOLDER, path.replace('/graphql-ws/', ''))));
  });
  const { host } = await listen(server);
  return `http://${host}`;
}
