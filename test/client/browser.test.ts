import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from '@jest/globals';
import { build, stop } from 'esbuild';
import { useChromium } from '../e2e/helpers/browser.js';
import { closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { listen } from '../helpers/listening-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

afterEach(closeGateways);

/** What the page puts into `window`. */
interface PageGlobals {
  createClient: typeof import('../../client/src/index.js').createClient;
}

/** Serves a page with the client package, bundled as for a front end; returns its origin. */
async function startPage(): Promise<string> {
  const contents = "import { createClient } from './index.js'; window.createClient = createClient;";
  const stdin = { contents, resolveDir: fileURLToPath(new URL('../../client/dist', import.meta.url)) };
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

describeWithProgram('chromium', 'the client package in a browser', executablePath => {
  const newPage = useChromium(executablePath);

  it('creates a connection, follows it and deletes it', async () => {
    const origin = await startPage();
    const { graphqlUrl, emulator } = await startGateway({
      env: { CORS_ORIGINS: origin, FOLLOW_INTERVAL_MS: '100' },
      emulator: { creationMs: 500 },
    });
    const page = await newPage();
    await page.goto(origin);
    const seen = await page.evaluate(
      async ([url, input]) => {
        const client = (window as unknown as PageGlobals).createClient({ url });
        const created = await client.createDatasourceConnection(input);
        if (created.__typename !== 'CreateDatasourceConnectionSuccess') return [created.__typename];
        const states: string[] = [];
        for await (const { state } of client.follow(created.connectionId)) states.push(state);
        const deleted = await client.deleteDatasourceConnection(created.connectionId);
        return [created.__typename, states.at(-1), deleted.__typename];
      },
      [graphqlUrl, { ...VALID_INPUT, service: 'RDS' as const }] as const,
    );
    expect(seen).toEqual(['CreateDatasourceConnectionSuccess', 'ACTIVE', 'DeleteDatasourceConnectionSuccess']);
    expect(emulator.ledger.count('createConnection')).toBe(1);
  });
});
