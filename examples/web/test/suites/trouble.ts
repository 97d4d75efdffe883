import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findChromium } from '../helpers/chromium.js';
import type { Gateway } from '../helpers/gateway.js';
import {
  eventually,
  formOf,
  freshGateway,
  openPage,
  rowOf,
  standaloneGateway,
  startPage,
  VALID,
} from '../helpers/page.js';
import { startProxy } from '../helpers/proxy.js';
import { AUDIENCE, startIssuer } from '../helpers/token-issuer.js';

const skip = findChromium() === undefined && 'chromium is not on this machine';

/** Makes DLI create a connection without an answer, and hide it until the faults are dropped. */
async function loseAnswers({ emulator }: Gateway) {
  await emulator('POST', 'faults', [
    { operation: 'createConnection', behaviour: 'reset', apply: true },
    { operation: 'listConnections', status: 500, times: 0 },
  ]);
}

/** How many creates the emulator has received. */
async function creates({ emulator }: Gateway): Promise<number> {
  const { entries } = (await emulator('GET', 'ledger?operation=createConnection')) as { entries: unknown[] };
  return entries.length;
}

// What browsers themselves write about failed requests.
const FAILED = { expected: /Failed to load resource|net::ERR/ };

describe('the page in trouble', { skip }, () => {
  it('shows an unknown outcome as checking, and resolves it with the same key', async () => {
    const { page, gateway } = await startPage();
    const { form, fill, submit } = formOf(page);
    await loseAnswers(gateway);
    await fill();
    await submit();
    await form.getByText('Checking …').waitFor();
    await form.getByText('There is no clear answer yet.').waitFor();
    assert.equal(await form.getByText(/fail/i).count(), 0);
    await gateway.emulator('DELETE', 'faults');
    await rowOf(page, VALID.name).waitFor();
    await form.getByText('Checking …').waitFor({ state: 'detached' });
    assert.equal(await creates(gateway), 1);
  });

  it('goes on with the same key when it was loaded again meanwhile', async () => {
    const { page, gateway } = await startPage();
    const { form, field, fill, submit } = formOf(page);
    await loseAnswers(gateway);
    await fill();
    await submit();
    await form.getByText('Checking …').waitFor();
    await page.reload();
    await form.getByText('It is not known whether orders_pg was created').waitFor();
    assert.equal(await field('Address').inputValue(), VALID.address);
    await gateway.emulator('DELETE', 'faults');
    await form.getByRole('button', { name: 'Check again' }).click();
    // The list may show the connection before the check has ended.
    await eventually(async () => assert.equal(await field('Name').inputValue(), ''));
    await rowOf(page, VALID.name).waitFor();
    assert.equal(await creates(gateway), 1);
    await page.reload();
    await rowOf(page, VALID.name).waitFor();
    assert.equal(await form.getByText('It is not known').count(), 0);
  });

  it('shows an unknown outcome of a delete as checking, and resolves it', async () => {
    const { page, gateway } = await startPage();
    await gateway.emulator('POST', 'connections', { name: 'old_orders', state: 'ACTIVE' });
    await page.getByRole('button', { name: 'Refresh' }).click();
    await gateway.emulator('POST', 'faults', {
      operation: 'deleteConnection',
      behaviour: 'reset',
      apply: false,
      times: 0,
    });
    await rowOf(page, 'old_orders').getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByText('Checking …').waitFor();
    await gateway.emulator('DELETE', 'faults');
    await page.getByText('No connections yet').waitFor();
  });

  it('shows why DLI refused', async () => {
    const { page, gateway } = await startPage();
    const { form, fill, submit } = formOf(page);
    await gateway.emulator('POST', 'faults', { operation: 'createConnection', error: 'DLI.0009' });
    await fill();
    await submit();
    await form.getByText('Huawei Cloud refused to create it').waitFor();
    await form.getByText(/A restriction of DLI forbids this/).waitFor();
    assert.equal(await form.getByRole('button', { name: 'Create' }).count(), 1);
  });

  it('says so when the gateway is down, and goes on when it is back', async () => {
    const { pageUrl } = await freshGateway();
    const proxy = await startProxy(pageUrl);
    const page = await openPage(proxy.url, FAILED);
    await page.getByText('No connections yet').waitFor();
    proxy.disconnect();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('alert').getByText('The gateway does not answer').waitFor();
    proxy.reconnect();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.getByText('No connections yet').waitFor();
  });

  it('asks for an access token where the gateway needs one, and says what the token does not allow', async () => {
    const upstream = await freshGateway();
    const issuer = await startIssuer();
    const pageUrl = await standaloneGateway(upstream, {
      NODE_ENV: 'development',
      CALLER_AUTH: 'jwt',
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: AUDIENCE,
    });
    const page = await openPage(pageUrl, FAILED);
    const dialog = page.getByRole('dialog', { name: 'Access token' });
    const enter = async (token: string) => {
      await dialog.getByLabel('Token').fill(token);
      await dialog.getByRole('button', { name: 'Use this token' }).click();
    };
    await page.getByRole('alert').getByText('Please sign in').waitFor();
    await page.getByRole('button', { name: 'Enter an access token' }).click();
    await enter(issuer.tokenFor('dli:connection:read'));
    await page.getByText('No connections yet').waitFor();
    const { form, fill, submit } = formOf(page);
    await fill();
    await submit();
    await form.getByRole('alert').getByText('Your access token does not allow this').waitFor();
    await form.getByRole('button', { name: 'Enter an access token' }).click();
    await enter(issuer.tokenFor('dli:connection:read', 'dli:connection:create'));
    await submit();
    await rowOf(page, VALID.name).getByText('Active').waitFor();
    assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })), '{}');
  });
});
