import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';
import type { Gateway } from './gateway.js';
import { startGateway } from './gateway.js';

const require = createRequire(import.meta.url);
const AXE = require.resolve('axe-core/axe.min.js');

const TIMEOUT_MS = 60_000;

/** What has to be closed after a test. */
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Registers what is done after the test, last first. */
export function onEnd(end: () => Promise<unknown>): void {
  ends.push(end);
}

let browser: Promise<Browser> | undefined;
after(async () => (await browser)?.close());

/**
 * Opens a page without internet. The test fails if the page requests anything of another origin, violates its content
 * security policy, or writes an error or a warning, except those that match `expected`.
 */
export async function openPage(
  url: string,
  { expected, ...options }: BrowserContextOptions & { expected?: RegExp } = {},
): Promise<Page> {
  browser ??= launchChromium();
  const page = await (await browser).newPage({ reducedMotion: 'reduce', ...options });
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
  await page.goto(url);
  return page;
}

/** The gateways of this file by their variables: the tests come one after another. */
const gateways = new Map<string, Promise<Gateway>>();
after(async () => {
  for (const gateway of gateways.values()) await (await gateway).kill();
});

/** A gateway whose emulator has forgotten everything, with its own settings. */
export async function freshGateway(env: Record<string, string> = {}): Promise<Gateway> {
  const key = JSON.stringify(env);
  const started = gateways.get(key) ?? startGateway({ FOLLOW_INTERVAL_MS: '100', READ_FRESHNESS_MS: '0', ...env });
  gateways.set(key, started);
  const gateway = await started;
  await gateway.emulator('POST', 'reset');
  return gateway;
}

/** Opens the page of a gateway whose emulator is empty. */
export async function startPage(
  env: Record<string, string> = {},
  options: Parameters<typeof openPage>[1] = {},
): Promise<{ page: Page; gateway: Gateway }> {
  const gateway = await freshGateway(env);
  return { page: await openPage(gateway.pageUrl, options), gateway };
}

/** An input of the form that follows all rules. */
export const VALID = {
  name: 'orders_pg',
  service: 'RDS',
  address: '192.168.0.12:5432',
  networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
  securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
};

/** The form that creates a connection. */
export function formOf(page: Page) {
  const form = page.getByRole('form', { name: 'New connection' });
  return {
    form,
    field: (label: string) => form.getByLabel(label),
    async fill(changes: Partial<typeof VALID> = {}) {
      const input = { ...VALID, ...changes };
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

/** The names in the list, in its order. */
export function namesIn(page: Page): Promise<string[]> {
  return page.getByRole('heading', { level: 3 }).allInnerTexts();
}

/** Expects that axe-core finds nothing, in light and in dark colours. */
export async function expectAccessible(page: Page): Promise<void> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(readFileSync(AXE, 'utf8'));
  const run = (options: string) =>
    page.evaluate(
      `axe.run(${options}).then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]))`,
    );
  assert.deepEqual(await run('document'), []);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await run('document, { runOnly: ["color-contrast"] }'), [], 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
}
