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
      name: 'metrics_hbase',
      service: 'CloudTable',
      destination: 'zk1.mycloudtable.com:2181,zk2.mycloudtable.com:2181,zk3.mycloudtable.com:2181',
      state: 'ACTIVE',
      createdAtMs: atMs,
    },
    {
      name: 'search_css',
      service: 'CSS',
      destination: '192.168.0.240:9200',
      state: 'FAILED',
      message: "Can't get ready router.",
      createdAtMs: atMs + 25 * MINUTE_MS,
    },
    {
      name: 'orders_pg',
      service: 'RDS',
      destination: '192.168.0.12:5432',
      state: 'ACTIVE',
      tags: [
        { key: 'team', value: 'billing' },
        { key: 'stage', value: 'production' },
      ],
      createdAtMs: atMs + 60 * MINUTE_MS,
    },
    {
      name: 'sales_dws',
      service: 'DWS',
      destination: '192.168.1.248:8000',
      state: 'CREATING',
      process: 0.62,
      createdAtMs: atMs + 88 * MINUTE_MS,
    },
  ]);
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 }, locale: 'en-GB', timezoneId: 'UTC' });
  await page.goto(gateway.pageUrl);
  await page.getByText('4 connections').waitFor();
  const form = page.getByRole('form', { name: 'New connection' });
  await form.getByLabel('Name').fill('stock_pg');
  await form.getByLabel('Service').selectOption({ label: 'RDS' });
  await form.getByLabel('Address').fill('jdbc:postgresql://192.168.0.30');
  await form.getByLabel('Network id of the subnet').focus();
  await page.screenshot({ path: TARGET });
} finally {
  await browser.close();
  await gateway.kill();
}
