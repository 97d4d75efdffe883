import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findChromium } from '../helpers/chromium.js';
import type { Gateway } from '../helpers/gateway.js';
import {
  bindingOf,
  eventually,
  expectFocused,
  finishBindings,
  formOf,
  freshGateway,
  holdBindings,
  openPage,
  restartableGateway,
  rowOf,
  startPage,
  VALID_ENHANCED,
} from '../helpers/page.js';

const skip = findChromium() === undefined && 'chromium is not on this machine';

// What browsers themselves write about failed requests.
const FAILED = { expected: /Failed to load resource|net::ERR/ };

/** The creates that the emulator has received. */
async function creates({ emulator }: Gateway): Promise<unknown[]> {
  const { entries } = (await emulator('GET', 'ledger?operation=createEnhancedConnection')) as { entries: unknown[] };
  return entries;
}

describe('the page and enhanced connections', { skip }, () => {
  it('creates one with two pools, and follows both bindings until it is ready', async () => {
    const { page, gateway } = await startPage();
    await holdBindings(gateway);
    const { field, fillEnhanced, submit } = formOf(page);
    await fillEnhanced('pool_a', 'pool_b');
    await submit();
    const row = rowOf(page, VALID_ENHANCED.name);
    await row.getByText('Enhanced', { exact: true }).waitFor();
    for (const pool of ['pool_a', 'pool_b']) await bindingOf(row, pool).getByText('Being bound').waitFor();
    await expectFocused(row.getByRole('heading'));
    assert.equal(await row.getByRole('button', { name: 'Delete' }).count(), 0);
    await eventually(async () => assert.equal(await field('Name').inputValue(), ''));
    await finishBindings(gateway);
    await row.getByText('Ready', { exact: true }).waitFor();
    for (const pool of ['pool_a', 'pool_b']) await bindingOf(row, pool).getByText('Bound', { exact: true }).waitFor();
    await page.getByRole('status').getByText('orders_vpc is ready.').waitFor();
  });

  it('shows why a binding failed and what to do', async () => {
    const { page, gateway } = await startPage();
    await holdBindings(gateway);
    const { fillEnhanced, submit } = formOf(page);
    await fillEnhanced('pool_a', 'pool_overlapping');
    await submit();
    const row = rowOf(page, VALID_ENHANCED.name);
    await bindingOf(row, 'pool_overlapping').getByText('Being bound').waitFor();
    await finishBindings(gateway);
    await row.getByText('Partly ready').waitFor();
    const failed = bindingOf(row, 'pool_overlapping');
    await failed.getByText('Address ranges overlap').waitFor();
    await failed.getByText('Use a pool or queue whose address range overlaps neither').waitFor();
    await page.getByRole('status').getByText('orders_vpc could not be bound to everything.').waitFor();
    assert.equal(await failed.getByRole('button').count(), 0);
  });

  it('creates one and follows it although the gateway is killed and restarted twice', async () => {
    const upstream = await freshGateway();
    const { url, restart } = await restartableGateway(upstream);
    await holdBindings(upstream);
    const fault = { operation: 'createEnhancedConnection', behaviour: 'hang', apply: true };
    await upstream.emulator('POST', 'faults', fault);
    const page = await openPage(url, FAILED);
    const { fillEnhanced, submit } = formOf(page);
    await fillEnhanced('pool_a', 'pool_b');
    await submit();
    await eventually(async () => assert.equal((await creates(upstream)).length, 1));
    await restart();
    const row = rowOf(page, VALID_ENHANCED.name);
    for (const pool of ['pool_a', 'pool_b']) await bindingOf(row, pool).getByText('Being bound').waitFor();
    await restart();
    await finishBindings(upstream);
    await row.getByText('Ready', { exact: true }).waitFor();
    assert.equal((await creates(upstream)).length, 1);
  });

  it('names what could not be bound', async () => {
    const { page } = await startPage();
    const { form, fillEnhanced, submit } = formOf(page);
    await fillEnhanced('no_such_pool');
    await submit();
    await form.getByRole('alert').getByText('orders_vpc exists, but is not bound').waitFor();
    await form.getByText('no_such_pool: DLI has no pool or queue of this name.').waitFor();
    await rowOf(page, VALID_ENHANCED.name).getByText('Not bound').waitFor();
  });

  it('shows a problem beside the pool or queue that has it', async () => {
    const { page } = await startPage();
    const { form, field, fillEnhanced, submit } = formOf(page);
    await fillEnhanced('pool_a', 'POOL_A', '_pool');
    await submit();
    await expectFocused(field('Pool or queue 2'));
    const invalid = form.locator('[aria-invalid="true"]');
    const paths = await invalid.evaluateAll(fields => fields.map(each => each.getAttribute('data-path')));
    assert.deepEqual(paths, ['resources.1.name', 'resources.2.name']);
    await form.getByRole('button', { name: 'Remove pool or queue 3' }).click();
    await field('Pool or queue 2').fill('pool_b');
    await submit();
    await rowOf(page, VALID_ENHANCED.name).getByText('Ready', { exact: true }).waitFor();
  });

  it('binds, unbinds and deletes one, and deletes none that is bound unless told to', async () => {
    const { page, gateway } = await startPage();
    await gateway.emulator('POST', 'enhanced-connections', VALID_ENHANCED);
    await page.getByRole('button', { name: 'Refresh' }).click();
    const row = rowOf(page, VALID_ENHANCED.name);
    await row.getByText('Not bound').waitFor();

    await row.getByRole('button', { name: 'Bind orders_vpc' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Bind' }).click();
    await dialog.getByText('This field is required.').waitFor();
    await dialog.getByLabel('Pool or queue 1').fill('queue_dedicated');
    await dialog.getByLabel('Kind 1').selectOption('Queue');
    await dialog.getByRole('button', { name: 'Bind' }).click();
    await bindingOf(row, 'queue_dedicated').getByText('Bound', { exact: true }).waitFor();

    await row.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('alert').getByText('Not deleted').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();

    await row.getByRole('button', { name: 'Unbind queue_dedicated' }).click();
    await dialog.getByRole('button', { name: 'Unbind' }).click();
    await row.getByText('Not bound').waitFor();
    await expectFocused(row.getByRole('button', { name: 'Bind orders_vpc' }));

    await gateway.emulator('POST', 'faults', { operation: 'associateQueue', error: 'DLI.0009' });
    await row.getByRole('button', { name: 'Bind orders_vpc' }).click();
    await dialog.getByLabel('Pool or queue 1').fill('pool_a');
    await dialog.getByRole('button', { name: 'Bind' }).click();
    await dialog.getByRole('alert').getByText('Not bound').waitFor();
    await dialog.getByRole('button', { name: 'Bind' }).click();
    await row.getByText('Ready', { exact: true }).waitFor();

    await row.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByLabel('Only if no pool or queue is bound to it').uncheck();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No connections yet').waitFor();
  });

  it('lists both kinds, and says so when one of them cannot be listed', async () => {
    const { page, gateway } = await startPage();
    await gateway.emulator('POST', 'connections', { name: 'old_orders', state: 'ACTIVE' });
    await gateway.emulator('POST', 'enhanced-connections', VALID_ENHANCED);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('2 connections').waitFor();
    await page.getByRole('search').getByLabel('Kind').selectOption('Classic');
    await page.getByText('1 connection', { exact: true }).waitFor();
    await rowOf(page, 'old_orders').waitFor();
    await page.getByRole('search').getByLabel('Kind').selectOption('All');
    await gateway.emulator('PATCH', 'settings', { classicOffered: false });
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('DLI does not list classic connections at the moment.').waitFor();
    await rowOf(page, VALID_ENHANCED.name).waitFor();
  });
});
