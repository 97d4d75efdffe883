import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { openConnection } from '../helpers/raw-connection.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startTokenGateway } from '../helpers/token-gateway.js';
import { useChromium } from './helpers/browser.js';

afterEach(closeGateways);

const gateways: Record<string, TestGateway> = {};
const gatewayWith = (explorer: string): TestGateway => {
  const gateway = gateways[explorer];
  if (gateway === undefined) throw new Error(`No gateway has the explorer ${explorer}.`);
  return gateway;
};

// Shared, because GraphiQL takes long to load and to compress.
beforeAll(async () => {
  // The default in development.
  const graphiql = { NODE_ENV: 'development', FOLLOW_INTERVAL_MS: '100' };
  gateways['graphiql'] = await startGateway({ env: graphiql, emulator: { creationMs: 500 } });
  for (const explorer of ['sandbox', 'none']) gateways[explorer] = await startGateway({ env: { EXPLORER: explorer } });
});

const SLOW_BYTES_PER_MS = 3_000;
const IDLE_READERS = 20;

/** Loads a file without decompressing it, as `fetch` would. */
async function load(url: string, acceptEncoding: string) {
  const outgoing = get(url, { headers: { 'accept-encoding': acceptEncoding } });
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const { headers } = response;
  return { headers, encoding: headers['content-encoding'], body: await buffer(response) };
}

/** The address of the largest file that the explorer's page loads. */
async function scriptOf(graphqlUrl: string): Promise<string> {
  const page = await fetch(graphqlUrl, { headers: { accept: 'text/html' } });
  const [, path = ''] = /<script src="([^"]+)"/.exec(await page.text()) ?? [];
  return new URL(path, graphqlUrl).href;
}

/** The text of a request for that file over a raw connection. */
async function scriptRequest(graphqlUrl: string): Promise<string> {
  return `GET ${new URL(await scriptOf(graphqlUrl)).pathname} HTTP/1.1\r\nhost: gw.test\r\n\r\n`;
}

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('the explorer over HTTP', () => {
  const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

  it('may be Apollo Sandbox', async () => {
    const { graphqlUrl } = gatewayWith('sandbox');
    const response = await fetch(graphqlUrl, asBrowser);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await response.text()).toContain('embeddable-sandbox');
  });

  it.each(['graphiql', 'sandbox'])(
    'is the page of %s and executes nothing for an unauthenticated request',
    async explorer => {
      const { graphqlUrl, log } = await startTokenGateway({ EXPLORER: explorer });
      const response = await fetch(`${graphqlUrl}?query=${encodeURIComponent('{ __typename }')}`, {
        headers: { accept: 'application/json, text/html;q=0.1', 'apollo-require-preflight': '1' },
      });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^text\/html/);
      expect(await response.text()).toMatch(/^\s*<!doctype html>/i);
      expect(log()).not.toContain('internal error');
    },
  );

  it('is a small page whose files are compressed for clients that accept it', async () => {
    const { graphqlUrl } = gatewayWith('graphiql');
    const script = await scriptOf(graphqlUrl);
    const accepted = ['gzip, deflate, br', 'GZIP;q=0.5', 'gzip, br;q=0', 'x-gzip', 'gzip;q=0, identity', 'identity'];
    const files = await Promise.all(accepted.map(encodings => load(script, encodings)));
    const plain = files.at(-1)?.body;
    const decode = { br: brotliDecompressSync, gzip: gunzipSync };
    expect(files.map(({ encoding }) => encoding)).toEqual(['br', 'gzip', 'gzip', ...Array(3).fill(undefined)]);
    expect(
      files.map(({ encoding, body }) => plain?.equals(encoding ? decode[encoding as keyof typeof decode](body) : body)),
    ).toEqual(accepted.map(() => true));
    expect(files[0]?.body.length).toBeLessThan(2_700_000);
  });

  it('is loaded once by each browser, because its file names contain hashes', async () => {
    const { graphqlUrl } = gatewayWith('graphiql');
    const script = await scriptOf(graphqlUrl);
    const { headers } = await load(script, 'br');
    expect(headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': 'text/javascript; charset=utf-8',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
    });
    expect((await fetch(graphqlUrl, asBrowser)).headers.get('cache-control')).toBe('no-store');
    expect((await fetch(script.replace(/\.[0-9a-f]+\.js/, '.js'))).status).toBe(404);
  });

  it('reaches clients that read it slowly but steadily', async () => {
    const clientTimeouts = { ...CLIENT_TIMEOUTS, responseMs: 1_000, checkIntervalMs: 100 };
    const { graphqlUrl } = await startGateway({ env: { EXPLORER: 'graphiql' }, limits: { clientTimeouts } });
    const { body } = await load(await scriptOf(graphqlUrl), 'identity');
    const request = await scriptRequest(graphqlUrl);
    const socket = (await openConnection(graphqlUrl)).pause();
    socket.write(request);
    const startedMs = performance.now();
    let received = 0;
    while (!socket.readableEnded && received < body.length) {
      await delay(5);
      const due = (performance.now() - startedMs) * SLOW_BYTES_PER_MS;
      for (let chunk = received < due && socket.read(); chunk; chunk = received < due && socket.read())
        received += chunk.length;
    }
    socket.destroy();
    expect(received).toBeGreaterThanOrEqual(body.length);
  });

  it('is in memory once, however many clients do not read it', async () => {
    const { graphqlUrl } = gatewayWith('graphiql');
    const { body } = await load(await scriptOf(graphqlUrl), 'identity');
    const request = await scriptRequest(graphqlUrl);
    const before = memoryInUse();
    const sockets = await Promise.all(Array.from({ length: IDLE_READERS }, () => openConnection(graphqlUrl)));
    for (const socket of sockets) socket.pause().write(request);
    await Promise.all(sockets.map(socket => once(socket, 'readable')));
    const rise = memoryInUse() - before;
    for (const socket of sockets) socket.destroy();
    expect(rise).toBeLessThan((IDLE_READERS / 4) * body.length);
  });

  it('may be off, in which case a browser gets JSON', async () => {
    const { graphqlUrl } = gatewayWith('none');
    const response = await fetch(graphqlUrl, asBrowser);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
  });

  it.each(['graphiql', 'sandbox'])('%s is not served without Accept: text/html', async explorer => {
    const { graphqlUrl } = gatewayWith(explorer);
    const response = await fetch(graphqlUrl, { headers: { accept: 'application/json' } });
    expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/json; charset=utf-8']);
  });

  it.each([
    ['graphiql', true],
    ['sandbox', true],
    ['none', false],
  ])('with %s enables introspection: %s', async (explorer, isAllowed) => {
    const { body } = await gatewayWith(explorer).send({ query: '{ __schema { queryType { name } } }' });
    expect(body.data !== undefined && body.data !== null).toBe(isAllowed);
  });
});

// Last, because an open page keeps a processor busy.
describeWithProgram('chromium', 'the explorer in a browser without internet', executablePath => {
  const newPage = useChromium(executablePath);

  /** Opens the explorer; requests to other hosts are refused and recorded, like all errors of the page. */
  async function openExplorer() {
    const { graphqlUrl, emulator } = gatewayWith('graphiql');
    const page = await newPage({ viewport: { width: 1400, height: 1000 } });
    const complaints: string[] = [];
    await page.route('**/*', async route => {
      const url = route.request().url();
      if (new URL(url).origin === new URL(graphqlUrl).origin) return route.continue();
      complaints.push(`wanted ${url}`);
      return route.abort();
    });
    page.on('websocket', socket => complaints.push(`wanted ${socket.url()}`));
    page.on('pageerror', error => complaints.push(error.message));
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(graphqlUrl);
    return { page, complaints, emulator };
  }

  // Shared, because the page takes seconds to load.
  let explorer: Awaited<ReturnType<typeof openExplorer>>;
  beforeAll(async () => {
    explorer = await openExplorer();
  });
  beforeEach(() => explorer.emulator.reset());

  const editorOf = (page: Page) => page.locator('.graphiql-query-editor');
  const resultOf = (page: Page) => page.locator('.result-window');
  /** Shows the example of an operation such as `query ListConnections`. */
  async function openTab(page: Page, operation: string): Promise<void> {
    const [, name = ''] = operation.split(' ');
    await page.locator('.graphiql-tab-button', { hasText: new RegExp(`^${name}$`) }).click();
    await editorOf(page).getByText(operation).waitFor();
  }
  /** Runs the shown example until its result has a text. */
  async function execute(page: Page, expected: string): Promise<void> {
    // GraphiQL shows another tab before it knows the operation there, and then looks for the one of the last tab.
    // The editor separates words by no-break spaces.
    const isTooEarly = /Cannot\sinfer\soperation/;
    const result = resultOf(page);
    do {
      await page.getByRole('button', { name: 'Execute query' }).click();
      await result.getByText(isTooEarly).or(result.getByText(expected)).first().waitFor();
    } while (isTooEarly.test(await result.innerText()));
    await result.getByText(expected).waitFor();
  }

  it('shows an example of each step in a tab, with its variables', async () => {
    const { page } = explorer;
    const tabs = page.getByRole('tab');
    await tabs.first().waitFor();
    expect(await tabs.allInnerTexts()).toEqual([
      'CreateConnection',
      'CreateEnhancedConnection',
      'ListConnections',
      'FollowConnection',
      'BindConnection',
      'DeleteConnection',
    ]);
    await editorOf(page).getByText('mutation CreateConnection').waitFor();
    const variables = page.locator('.graphiql-editor-tool');
    await variables.getByText('192.168.0.12:5432').waitFor();
    expect(await variables.innerText()).toContain('idempotencyKey');
  });

  it('runs it with the button and shows the new id; a repeat with Ctrl+Enter creates no other connection', async () => {
    const { page, complaints, emulator } = explorer;
    await editorOf(page).getByText('mutation CreateConnection').click();
    await page.getByRole('button', { name: 'Execute query' }).click();
    await emulator.ledger.waitFor('createConnection', 1);
    const id = String(emulator.connections()[0]?.connectionId);
    await resultOf(page).getByText(id).waitFor();
    await editorOf(page).getByText('mutation CreateConnection').click();
    const repeated = page.waitForResponse(response => response.request().method() === 'POST');
    await page.keyboard.press('Control+Enter');
    expect(await (await repeated).text()).toContain(id);
    expect(emulator.ledger.count('createConnection')).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('lists with the example of another tab', async () => {
    const { page, complaints, emulator } = explorer;
    emulator.seedConnection({ name: 'orders_1' });
    await openTab(page, 'query ListConnections');
    await execute(page, 'orders_1');
    expect(complaints).toEqual([]);
  });

  it('creates an enhanced connection with the example of another tab, and binds it to both pools', async () => {
    const { page, complaints, emulator } = explorer;
    await openTab(page, 'mutation CreateEnhancedConnection');
    await execute(page, 'CreateEnhancedDatasourceConnectionSuccess');
    const [connection] = emulator.enhancedConnections();
    expect(connection?.bindings.map(({ name }) => name).sort()).toEqual(['pool_a', 'pool_b']);
    expect(complaints).toEqual([]);
  });

  it('watches a connection until it is active', async () => {
    const { page, complaints, emulator } = explorer;
    // The id in the variables of the example.
    emulator.seedConnection({ connectionId: '68233202-63bf-4f27-a99b-fa5f5a2dbae1' });
    await openTab(page, 'subscription FollowConnection');
    await execute(page, 'ACTIVE');
    expect(complaints).toEqual([]);
  });

  it('starts its editor workers, and marks an unknown field', async () => {
    const { page, complaints } = explorer;
    await openTab(page, 'mutation CreateConnection');
    await editorOf(page).getByText('reconciled').click();
    await page.keyboard.press('End');
    await page.keyboard.type(' nonsense');
    await editorOf(page).locator('.squiggly-error').first().waitFor();
    const workers = page.workers().map(worker => new URL(worker.url()).pathname);
    expect(workers).toContainEqual(expect.stringMatching(/^\/graphql\/explorer\/graphql-worker\.[0-9a-f]{16}\.js$/));
    expect(complaints).toEqual([]);
  });

  it('shows the descriptions of the schema', async () => {
    const { page, complaints } = explorer;
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    const docs = page.locator('.graphiql-doc-explorer');
    await docs.getByText('Mutation', { exact: true }).click();
    await docs.getByRole('link', { name: 'createDatasourceConnection', exact: true }).click();
    await docs.getByText('through which DLI reaches a service in your network').waitFor();
    await docs.getByRole('link', { name: 'CreateDatasourceConnectionInput' }).click();
    await docs.getByText('securityGroupId').waitFor();
    expect(await docs.innerText()).toContain('security group');
    expect(complaints).toEqual([]);
  });
});
