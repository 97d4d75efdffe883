import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';
import type { Gateway } from './gateway.js';
import { startGateway, startStandalone, TIMEOUT_MS } from './gateway.js';
import { startProxy } from './proxy.js';

const require = createRequire(import.meta.url);
const AXE = require.resolve('axe-core/axe.min.js');

/** What has to be closed after a test. */
const ends: (() => Promise<unknown>)[] = [];
/** The gateways that the test has used, whose output is shown if it fails. */
const used = new Set<Pick<Gateway, 'takeOutput'>>();

afterEach(async context => {
  const problems: unknown[] = [];
  for (const end of ends.splice(0).toReversed()) await end().catch(error => problems.push(error));
  const hasFailed = problems.length > 0 || (context as { passed?: boolean }).passed === false;
  for (const gateway of used) {
    const output = gateway.takeOutput();
    if (hasFailed) process.stderr.write(`Output of the gateway:\n${output}\n`);
  }
  used.clear();
  if (problems.length > 0) throw problems[0];
});

/** Registers what is done after the test, last first. */
export function onEnd(end: () => Promise<unknown>): void {
  ends.push(end);
}

/** Starts a gateway as in production, but for the variables, that uses the emulator of another one; returns its URL. */
export async function standaloneGateway(upstream: Gateway, env: Record<string, string>): Promise<string> {
  return (await startedStandalone(upstream, env)).pageUrl;
}

async function startedStandalone(upstream: Gateway, env: Record<string, string>) {
  const gateway = await startStandalone(upstream, env);
  used.add(gateway);
  onEnd(gateway.kill);
  return gateway;
}

/** Starts a gateway behind a proxy that serves the page, and that can be killed and started again with its records. */
export async function restartableGateway(upstream: Gateway) {
  const folder = mkdtempSync(join(tmpdir(), 'dli-gateway-records-'));
  onEnd(async () => rmSync(folder, { recursive: true, force: true }));
  const env = {
    ...ENVIRONMENT,
    NODE_ENV: 'development',
    CALLER_AUTH: 'none',
    DATA_DIR: folder,
    // For so long nobody else may take up the create of a gateway that was killed.
    OPERATION_TIMEOUT_MS: '5000',
  };
  let gateway = await startedStandalone(upstream, env);
  const proxy = await startProxy(gateway.pageUrl);
  return {
    url: proxy.url,
    async restart() {
      await gateway.kill();
      gateway = await startedStandalone(upstream, env);
      proxy.forwardTo(gateway.pageUrl);
    },
  };
}

let browser: Promise<Browser> | undefined;
let browserContext: Promise<BrowserContext> | undefined;

/** All pages are of one context, so that the scripts of the page are compiled once. */
function openContext(): Promise<BrowserContext> {
  browser ??= launchChromium();
  browserContext ??= browser.then(started => started.newContext({ reducedMotion: 'reduce' }));
  return browserContext;
}

interface PageOptions {
  /** Errors and warnings of the console that are no complaint. */
  expected?: RegExp;
  viewport?: { width: number; height: number };
}

/**
 * Opens a page without internet. The test fails if the page requests anything of another origin, violates its content
 * security policy, or writes an error or a warning, except those that match `expected`.
 */
export async function openPage(url: string, { expected, viewport }: PageOptions = {}): Promise<Page> {
  const page = await (await openContext()).newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const complaints: string[] = [];
  page.on('pageerror', error => complaints.push(error.message));
  page.on('request', request => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(`wanted ${request.url()}`);
  });
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type()) && !expected?.test(message.text()))
      complaints.push(message.text());
  });
  onEnd(async () => {
    await page.close();
    assert.deepEqual(complaints, []);
  });
  if (viewport !== undefined) await page.setViewportSize(viewport);
  await page.goto(url);
  return page;
}

const ENVIRONMENT = {
  FOLLOW_INTERVAL_MS: '100',
  READ_FRESHNESS_MS: '0',
  // Soon after the loss of an answer, the page is told that the outcome is unknown.
  RECONCILE_SETTLE_MS: '3000',
  OPERATION_TIMEOUT_MS: String(TIMEOUT_MS),
  LOG_LEVEL: 'info',
};
// In a test that looks at a creation, it takes until `finishCreation`.
const SETTINGS = { creationMs: 0, peeringMs: 0, tagStyle: 'none', classicOffered: true };

/** The gateway of all tests, which come one after another. */
let shared: Promise<Gateway> | undefined;

after(async () => {
  await Promise.allSettled([browser?.then(started => started.close()), shared?.then(gateway => gateway.kill())]);
});

/** A gateway whose emulator has forgotten everything. Its connections are active at once. */
export async function freshGateway(): Promise<Gateway> {
  shared ??= startGateway(ENVIRONMENT);
  const gateway = await shared;
  used.add(gateway);
  await gateway.emulator('POST', 'reset');
  await gateway.emulator('PATCH', 'settings', SETTINGS);
  return gateway;
}

/** Opens the page of a gateway whose emulator is empty. */
export async function startPage(options: PageOptions = {}): Promise<{ page: Page; gateway: Gateway }> {
  // Both take some time to start.
  const [gateway] = await Promise.all([freshGateway(), openContext()]);
  return { page: await openPage(gateway.pageUrl, options), gateway };
}

/** Makes creations take until {@link finishCreation}. */
export async function holdCreations({ emulator }: Gateway): Promise<void> {
  await emulator('PATCH', 'settings', { creationMs: 24 * 60 * 60_000 });
}

/** Changes the only connection of the emulator, which is being created. */
export async function changeCreation({ emulator }: Gateway, changes: object): Promise<void> {
  const { connections } = (await emulator('GET', 'connections')) as { connections: Record<string, unknown>[] };
  const [{ connectionId, name, service, destination, tags, createdAtMs } = {}, ...others] = connections;
  assert.deepEqual(others, []);
  await emulator('POST', 'connections', {
    ...{ connectionId, name, service, destination, tags, createdAtMs },
    ...changes,
  });
}

/** Lets the only connection of the emulator become active, or fail if its name says so. */
export async function finishCreation(gateway: Gateway): Promise<void> {
  await gateway.emulator('PATCH', 'settings', { creationMs: 0 });
  await changeCreation(gateway, {});
}

/** Makes bindings take until {@link finishBindings}. */
export async function holdBindings({ emulator }: Gateway): Promise<void> {
  await emulator('PATCH', 'settings', { peeringMs: 24 * 60 * 60_000 });
}

/** Lets the bindings of the only enhanced connection of the emulator become active, or fail if their ranges overlap. */
export async function finishBindings({ emulator }: Gateway): Promise<void> {
  await emulator('PATCH', 'settings', { peeringMs: 0 });
  const { connections } = (await emulator('GET', 'enhanced-connections')) as {
    connections: (Record<string, unknown> & { bindings: Record<string, unknown>[] })[];
  };
  const [connection, ...others] = connections;
  assert.ok(connection);
  assert.deepEqual(others, []);
  const { connectionId, name, vpcId, networkId, createdAtMs } = connection;
  const bindings = connection.bindings.map(binding => ({ kind: binding['kind'], name: binding['name'] }));
  const seed = { connectionId, name, vpcId, networkId, createdAtMs, bindings };
  await emulator('POST', 'enhanced-connections', seed);
}

/** Waits until an assertion holds; in the end, fails as it does. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
    await delay(20);
  }
}

/** Waits until the focus is on an element with this text. */
export function expectFocusOn(page: Page, text: string | undefined): Promise<void> {
  return eventually(async () => assert.equal(await page.evaluate(() => document.activeElement?.textContent), text));
}

/** Waits until this element has the focus. */
export function expectFocused(element: Locator): Promise<void> {
  return eventually(async () => assert.equal(await element.evaluate(node => node === document.activeElement), true));
}

/** An input of the form that follows all rules. */
export const VALID = {
  name: 'orders_pg',
  service: 'RDS',
  address: '192.168.0.12:5432',
  networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
  securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
};

/** An input of an enhanced connection that follows all rules. */
export const VALID_ENHANCED = {
  name: 'orders_vpc',
  vpcId: '22094d8f-c310-4621-913d-4c4d655d8495',
  networkId: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
};

/** The form that creates a connection. */
export function formOf(page: Page) {
  const form = page.getByRole('form', { name: 'New connection' });
  const chooseClassic = () => form.getByLabel('Classic').check();
  return {
    form,
    chooseClassic,
    /** Fills in an enhanced connection that is bound to these pools. */
    async fillEnhanced(...pools: string[]) {
      await form.getByLabel('Name').fill(VALID_ENHANCED.name);
      await form.getByLabel('VPC id').fill(VALID_ENHANCED.vpcId);
      await form.getByLabel('Network id of the subnet').fill(VALID_ENHANCED.networkId);
      for (const [index, pool] of pools.entries()) {
        await form.getByRole('button', { name: 'Add a pool or queue' }).click();
        await form.getByLabel(`Pool or queue ${index + 1}`).fill(pool);
      }
    },
    field: (label: string) => form.getByLabel(label),
    async fill(changes: Partial<typeof VALID> = {}) {
      const input = { ...VALID, ...changes };
      await chooseClassic();
      await form.getByLabel('Name').fill(input.name);
      await form.getByLabel('Service').selectOption({ label: input.service });
      await form.getByLabel('Address').fill(input.address);
      await form.getByLabel('Network id of the subnet').fill(input.networkId);
      await form.getByLabel('Security group id').fill(input.securityGroupId);
    },
    submit: () => form.getByRole('button', { name: 'Create' }).click(),
  };
}

/** The row of a connection in the list. */
export function rowOf(page: Page, name: string) {
  return page.getByRole('listitem').filter({ has: page.getByRole('heading', { name, exact: true }) });
}

/** What a row shows of a binding. */
export function bindingOf(row: Locator, name: string) {
  return row.getByRole('listitem').filter({ has: row.page().getByText(name, { exact: true }) });
}

/** The names in the list, in its order. */
export function namesIn(page: Page): Promise<string[]> {
  return page.getByRole('heading', { level: 3 }).allInnerTexts();
}

/** Expects that axe-core finds nothing, in light and in dark colours. */
export async function expectAccessible(page: Page): Promise<void> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(readFileSync(AXE, 'utf8'));
  const run = (options: object) =>
    page.evaluate(
      `axe.run(document, ${JSON.stringify({ ...options, resultTypes: ['violations'] })}).then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]))`,
    );
  assert.deepEqual(await run({}), []);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await run({ runOnly: ['color-contrast'] }), [], 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
}
