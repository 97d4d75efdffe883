import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';
import { startTokenGateway } from '../auth/helpers/token-gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { openConnection } from '../http/helpers/raw-connection.js';
import { useChromium } from './helpers/browser.js';

afterEach(closeGateways);

describeWithProgram('chromium', 'the explorer in a browser without internet', executablePath => {
  const newPage = useChromium(executablePath);

  /** Opens the explorer; requests to other hosts are refused and recorded, like all errors of the page. */
  async function openExplorer(queryFor?: (connectionId: string) => string) {
    const { graphqlUrl, emulator } = await startGateway({
      env: { NODE_ENV: 'development', FOLLOW_INTERVAL_MS: '100' },
    });
    const search =
      queryFor === undefined ? '' : `?query=${encodeURIComponent(queryFor(emulator.seedConnection().connectionId))}`;
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
    await page.goto(`${graphqlUrl}${search}`);
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

  it('shows the example mutation, filled in', async () => {
    const { page } = explorer;
    await editorOf(page).getByText('securityGroupId').waitFor();
    const text = (await editorOf(page).innerText()).replaceAll('\u00a0', ' ');
    expect(text).toContain('mutation CreateConnection {');
    expect(text).toContain('url: "192.168.0.12:5432"');
  });

  it.each([
    ['the button', (page: Page) => page.getByRole('button', { name: 'Execute query' }).click()],
    ['Ctrl+Enter', (page: Page) => page.keyboard.press('Control+Enter')],
  ])('runs it with %s and shows the id of the new connection', async (_what, run) => {
    const { page, complaints, emulator } = explorer;
    await editorOf(page).getByText('securityGroupId').click();
    await run(page);
    await emulator.ledger.waitFor('createConnection', 1);
    await resultOf(page).getByText(String(emulator.connections()[0]?.connectionId)).waitFor();
    expect(emulator.ledger.count('createConnection')).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('watches a connection until it is active', async () => {
    const { page, complaints } = await openExplorer(
      id => `subscription { datasourceConnection(id: "${id}") { state } }`,
    );
    await page.getByRole('button', { name: 'Execute query' }).click();
    await resultOf(page).getByText('ACTIVE').waitFor();
    expect(complaints).toEqual([]);
  });

  it('starts its editor workers, and marks an unknown field', async () => {
    const { page, complaints } = explorer;
    await editorOf(page).getByText('connectionId').click();
    await page.keyboard.press('End');
    await page.keyboard.type(' nonsense');
    await editorOf(page).locator('.squiggly-error').first().waitFor();
    expect(page.workers().map(worker => new URL(worker.url()).protocol)).toContain('blob:');
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

/** Requests the explorer over a raw connection. */
const PAGE_REQUEST = 'GET /graphql HTTP/1.1\r\nhost: gw.test\r\naccept: text/html\r\n\r\n';
const SLOW_BYTES_PER_MS = 3_000;
const IDLE_READERS = 20;

/** Loads the explorer without decompressing it, as `fetch` would. */
async function load(url: string, acceptEncoding: string): Promise<{ encoding: string | undefined; body: Buffer }> {
  const outgoing = get(url, { headers: { accept: 'text/html', 'accept-encoding': acceptEncoding } });
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { encoding: response.headers['content-encoding'], body: await buffer(response) };
}

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('the explorer over HTTP', () => {
  const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

  it('may be Apollo Sandbox', async () => {
    const { graphqlUrl } = await startGateway({ env: { EXPLORER: 'sandbox' } });
    const response = await fetch(graphqlUrl, asBrowser);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await response.text()).toContain('embeddable-sandbox');
  });

  it.each(['graphiql', 'sandbox'])(
    'is the page of %s and executes nothing of an unauthenticated request',
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

  it('is compressed for those who accept gzip', async () => {
    const { graphqlUrl } = await startGateway({ env: { EXPLORER: 'graphiql' } });
    const encodings = ['gzip, deflate, br', 'GZIP;q=0.5', 'x-gzip', 'br', 'gzip;q=0, identity', 'identity'];
    const pages = await Promise.all(encodings.map(encoding => load(graphqlUrl, encoding)));
    const plain = pages.at(-1)?.body;
    expect(pages.map(({ encoding }) => encoding)).toEqual(['gzip', 'gzip', ...Array(4).fill(undefined)]);
    expect(pages.map(({ encoding, body }) => plain?.equals(encoding === undefined ? body : gunzipSync(body)))).toEqual(
      encodings.map(() => true),
    );
  });

  it('reaches those who read it slowly but steadily', async () => {
    const clientTimeouts = { ...CLIENT_TIMEOUTS, responseMs: 1_000, checkIntervalMs: 100 };
    const { graphqlUrl } = await startGateway({ env: { EXPLORER: 'graphiql' }, limits: { clientTimeouts } });
    const { body } = await load(graphqlUrl, 'identity');
    const socket = (await openConnection(graphqlUrl)).pause();
    socket.write(PAGE_REQUEST);
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

  it('is in memory once, however many do not read it', async () => {
    const { graphqlUrl } = await startGateway({ env: { EXPLORER: 'graphiql' } });
    const { body } = await load(graphqlUrl, 'identity');
    const before = memoryInUse();
    const sockets = await Promise.all(Array.from({ length: IDLE_READERS }, () => openConnection(graphqlUrl)));
    for (const socket of sockets) socket.pause().write(PAGE_REQUEST);
    await Promise.all(sockets.map(socket => once(socket, 'readable')));
    const rise = memoryInUse() - before;
    for (const socket of sockets) socket.destroy();
    expect(rise).toBeLessThan((IDLE_READERS / 4) * body.length);
  });

  it('may be off, so that a browser gets JSON', async () => {
    const { graphqlUrl } = await startGateway({ env: { EXPLORER: 'none' } });
    const response = await fetch(graphqlUrl, asBrowser);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await response.json()).toMatchObject({
      errors: [{ message: 'Send GraphQL requests with POST.', extensions: { code: 'METHOD_NOT_ALLOWED' } }],
    });
  });

  it.each(['graphiql', 'sandbox'])('%s is not served without Accept: text/html', async explorer => {
    const { graphqlUrl } = await startGateway({ env: { EXPLORER: explorer } });
    const response = await fetch(graphqlUrl, { headers: { accept: 'application/json' } });
    expect([response.status, response.headers.get('content-type')]).toEqual([405, 'application/json; charset=utf-8']);
  });

  it.each([
    ['graphiql', true],
    ['sandbox', true],
    ['none', false],
  ])('with %s enables introspection: %s', async (explorer, isAllowed) => {
    const { send } = await startGateway({ env: { EXPLORER: explorer } });
    const { body } = await send({ query: '{ __schema { queryType { name } } }' });
    expect(body.data !== undefined && body.data !== null).toBe(isAllowed);
  });
});
