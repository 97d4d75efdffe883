import { fileURLToPath } from 'node:url';
import { launchChromium } from './helpers/chromium.js';
import { startGateway } from './helpers/gateway.js';

// Writes the picture of the page that the README shows.

const TARGET = fileURLToPath(new URL('../../../docs/web-example.png', import.meta.url));
const MINUTE_MS = 60_000;

const gateway = await startGateway();
const browser = await launchChromium();
try {
  await gateway.emulator('PATCH', 'settings', { tagStyle: 'objects' });
  const atMs = Date.now() - 90 * MINUTE_MS;
  await gateway.emulator('POST', 'connections', [
    {
      name: 'search_css',
      service: 'CSS',
      destination: '192.168.0.240:9200',
      state: 'ACTIVE',
      tags: [
        { key: 'team', value: 'billing' },
        { key: 'stage', value: 'production' },
      ],
      createdAtMs: atMs,
    },
  ]);
  await gateway.emulator('POST', 'enhanced-connections', [
    {
      name: 'orders_vpc',
      createdAtMs: atMs + 60 * MINUTE_MS,
      bindings: [
        { kind: 'pool', name: 'pool_a', status: 'ACTIVE' },
        { kind: 'pool', name: 'pool_overlapping', status: 'FAILED', errorMessage: 'The CIDR overlaps with the VPC.' },
      ],
    },
    {
      name: 'sales_vpc',
      createdAtMs: atMs + 88 * MINUTE_MS,
      bindings: [{ kind: 'pool', name: 'pool_b', status: 'CREATING' }],
    },
  ]);
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 }, locale: 'en-GB', timezoneId: 'UTC' });
  await page.goto(gateway.pageUrl);
  await page.getByText('3 connections').waitFor();
  const form = page.getByRole('form', { name: 'New connection' });
  await form.getByLabel('Name').fill('stock_vpc');
  await form.getByLabel('VPC id').fill('22094d8f-c310-4621-913d-4c4d655d8495');
  await form.getByRole('button', { name: 'Add a pool or queue' }).click();
  await form.getByLabel('Pool or queue 1').fill('_pool');
  await form.getByLabel('Network id of the subnet').focus();
  await page.screenshot({ path: TARGET });
} finally {
  await browser.close();
  await gateway.kill();
}
