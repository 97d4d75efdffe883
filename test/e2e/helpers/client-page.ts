import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';
import { listen } from '../../helpers/listening-server.js';

/** The globals of the page. */
export interface ClientPage {
  createClient: typeof import('../../../client/src/index.js').createClient;
}

/** Serves a page with the client package, bundled as for a front end; returns its origin. */
export async function startClientPage(): Promise<string> {
  const contents = "import { createClient } from './index.js'; window.createClient = createClient;";
  const stdin = { contents, resolveDir: fileURLToPath(new URL('../../../client/dist', import.meta.url)) };
  const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', platform: 'browser', write: false });
  // Ends the process in which esbuild bundles.
  await stop();
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? outputFiles[0]?.text : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  return `http://${(await listen(server)).host}`;
}
