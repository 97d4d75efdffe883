import assert from 'node:assert/strict';
import { it } from 'node:test';
import { freshGateway, standaloneGateway } from '../helpers/page.js';

it('the gateway serves the page in development: assets for ever, the page itself never from a cache', async () => {
  const { pageUrl } = await freshGateway();
  const page = await fetch(pageUrl);
  const text = await page.text();
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self';/);
  const assets = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  assert.equal(assets.length, 2);
  for (const path of assets) {
    const { status, headers } = await fetch(new URL(path, pageUrl));
    assert.deepEqual([status, headers.get('cache-control')], [200, 'public, max-age=31536000, immutable']);
  }
});

it('the gateway serves no other file', async () => {
  const { pageUrl } = await freshGateway();
  for (const path of ['index.html', 'assets/', 'package.json', 'assets/..%2f..%2fREADME.md']) {
    const { status } = await fetch(`${pageUrl}${path}`);
    assert.equal(status, 404, path);
  }
});

it('the gateway does not serve it in production', async () => {
  const upstream = await freshGateway();
  const pageUrl = await standaloneGateway(upstream, { CALLER_AUTH: 'none' });
  const response = await fetch(pageUrl);
  assert.equal(response.status, 404);
  assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
});
