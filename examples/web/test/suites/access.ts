import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { findChromium } from '../helpers/chromium.js';
import {
  expectAccessible,
  expectFocused,
  expectFocusOn,
  formOf,
  rowOf,
  startPage,
  VALID,
  VALID_ENHANCED,
} from '../helpers/page.js';

const skip = findChromium() === undefined && 'chromium is not on this machine';

const PHONE = { viewport: { width: 360, height: 740 } };

/** Bindings in every state, with long names. */
const ENHANCED_SEED = {
  name: 'enhanced',
  bindings: [
    { kind: 'pool', name: 'p'.repeat(128), status: 'ACTIVE' },
    { kind: 'pool', name: 'pool_b', status: 'CREATING', updatedAtMs: 0 },
    { kind: 'queue', name: 'q', status: 'FAILED', errorMessage: `The CIDR ${'x'.repeat(60)} overlaps with another.` },
  ],
};

/** Presses Tab until the focused element has this name. */
async function tabTo(page: Page, name: string) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const text = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement | null;
      return element?.labels?.[0]?.textContent ?? element?.textContent;
    });
    if (text?.trim() === name) return;
  }
  throw new Error(`The focus does not reach ${name}.`);
}

/** Opens a dialog with the button that has the focus, until the focus is on its harmless answer. */
async function openByEnter(page: Page, button: string) {
  await expectFocusOn(page, button);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await expectFocusOn(page, 'Cancel');
}

describe('the page for everybody', { skip }, () => {
  it('can be used with the keyboard alone', async () => {
    const { page } = await startPage();
    await page.getByText('No connections yet').waitFor();
    await tabTo(page, 'New connection');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Enhanced (recommended)');
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.getByRole('radio', { name: 'Classic' }).isChecked(), true);
    await tabTo(page, 'Name');
    await page.keyboard.type(VALID.name);
    await tabTo(page, 'Service');
    await page.keyboard.type(VALID.service);
    await tabTo(page, 'Address');
    await page.keyboard.type(VALID.address);
    await tabTo(page, 'Network id of the subnet');
    await page.keyboard.type(VALID.networkId);
    await tabTo(page, 'Security group id');
    await page.keyboard.type(VALID.securityGroupId);
    await tabTo(page, 'Add a tag');
    await page.keyboard.press('Enter');
    // The focus is in the new tag, and after it was removed at the button again.
    await expectFocused(page.getByLabel('Key of tag 1'));
    await page.keyboard.type('team');
    assert.equal(await page.getByLabel('Key of tag 1').inputValue(), 'team');
    await tabTo(page, 'Remove tag 1');
    await page.keyboard.press('Enter');
    await expectFocusOn(page, 'Add a tag');
    await tabTo(page, 'Create');
    await page.keyboard.press('Enter');
    await rowOf(page, VALID.name).getByText('Active').waitFor();
    await expectFocusOn(page, VALID.name);
    await tabTo(page, `Delete ${VALID.name}`);
    await openByEnter(page, `Delete ${VALID.name}`);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await openByEnter(page, `Delete ${VALID.name}`);
    await tabTo(page, 'Delete');
    await page.keyboard.press('Enter');
    await page.getByText('No connections yet').waitFor();
    await expectFocusOn(page, 'Connections');
  });

  it('can be used with the keyboard alone for an enhanced connection', async () => {
    const { page } = await startPage();
    await page.getByText('No connections yet').waitFor();
    for (const [label, text] of [
      ['Name', VALID_ENHANCED.name],
      ['VPC id', VALID_ENHANCED.vpcId],
      ['Network id of the subnet', VALID_ENHANCED.networkId],
    ] as const) {
      await tabTo(page, label);
      await page.keyboard.type(text);
    }
    await tabTo(page, 'Add a pool or queue');
    await page.keyboard.press('Enter');
    await expectFocused(page.getByLabel('Pool or queue 1'));
    await page.keyboard.type('pool_a');
    await tabTo(page, 'Create');
    await page.keyboard.press('Enter');
    await expectFocusOn(page, VALID_ENHANCED.name);
    await rowOf(page, VALID_ENHANCED.name).getByText('Ready', { exact: true }).waitFor();
    await tabTo(page, `Unbind pool_a from ${VALID_ENHANCED.name}`);
    await openByEnter(page, `Unbind pool_a from ${VALID_ENHANCED.name}`);
    await tabTo(page, 'Unbind');
    await page.keyboard.press('Enter');
    await expectFocusOn(page, `Bind ${VALID_ENHANCED.name}`);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await expectFocused(page.getByLabel('Pool or queue 1'));
    await page.keyboard.press('Escape');
    await expectFocusOn(page, `Bind ${VALID_ENHANCED.name}`);
  });

  for (const way of ['cancel', 'Escape'] as const) {
    it(`opens a dialog again at once after ${way}`, async () => {
      const { page, gateway } = await startPage();
      await gateway.emulator('POST', 'connections', { name: 'orders', state: 'ACTIVE' });
      await page.getByRole('button', { name: 'Refresh' }).click();
      await page.getByRole('button', { name: 'Delete orders' }).click();
      await page.getByRole('dialog').waitFor();
      // In one step, as if the second press came before the page has handled the first one.
      await page.evaluate(isEscape => {
        const dialog = document.querySelector('dialog');
        const open = document.querySelector<HTMLButtonElement>('li > button.danger');
        if (isEscape) dialog?.requestClose();
        else dialog?.querySelector<HTMLButtonElement>('button.quiet')?.click();
        open?.click();
      }, way === 'Escape');
      // The event `close`, if there is one, comes before a later task.
      await page.evaluate(() => new Promise(resolve => setTimeout(resolve)));
      await page.getByRole('dialog').getByText('Delete orders?').waitFor();
    });
  }

  it('fits on a phone without horizontal scrolling', async () => {
    const { page, gateway } = await startPage(PHONE);
    const fits = async () =>
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.viewport.width);
    await gateway.emulator('POST', 'connections', [
      {
        name: 'n'.repeat(64),
        state: 'ACTIVE',
        destination: `${'host-'.repeat(20)}x:1`,
        connectionUrl: 'a'.repeat(120),
      },
      { name: 'creating', state: 'CREATING', process: 0.4 },
      { name: 'failed', state: 'FAILED', message: 'x'.repeat(100) },
    ]);
    await gateway.emulator('POST', 'enhanced-connections', ENHANCED_SEED);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await rowOf(page, 'failed').waitFor();
    await fits();
    await rowOf(page, ENHANCED_SEED.name).getByRole('button', { name: 'Bind enhanced' }).click();
    await page.getByRole('dialog').waitFor();
    await fits();
    await page.keyboard.press('Escape');
    const { form, submit, chooseClassic } = formOf(page);
    await form.getByRole('button', { name: 'Add a tag' }).click();
    await form.getByRole('button', { name: 'Add a pool or queue' }).click();
    await submit();
    await fits();
    await chooseClassic();
    await submit();
    await fits();
    await rowOf(page, 'failed').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').waitFor();
    await fits();
  });

  it('leaves nothing for axe-core to find, in any view', async () => {
    const { page, gateway } = await startPage();
    const { form, fill, submit } = formOf(page);
    await page.getByText('No connections yet').waitFor();
    await expectAccessible(page);
    await form.getByRole('button', { name: 'Add a tag' }).click();
    await submit();
    await gateway.emulator('POST', 'connections', [
      { name: 'active', state: 'ACTIVE', tags: [{ key: 'team', value: 'billing' }] },
      { name: 'creating', state: 'CREATING', process: 0.4 },
      { name: 'failed', state: 'FAILED' },
      { name: 'other', state: 'FROZEN' },
    ]);
    await gateway.emulator('POST', 'enhanced-connections', ENHANCED_SEED);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('5 connections').waitFor();
    await form.getByText('This field is required.').first().waitFor();
    await expectAccessible(page);
    await rowOf(page, ENHANCED_SEED.name).getByRole('button', { name: 'Bind enhanced' }).click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await rowOf(page, ENHANCED_SEED.name).getByRole('button', { name: 'Unbind' }).click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await rowOf(page, 'active').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Access token' }).click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await form.getByRole('button', { name: 'Remove' }).click();
    await gateway.emulator('POST', 'faults', [
      { operation: 'createConnection', behaviour: 'reset' },
      { operation: 'listConnections', status: 500, times: 0 },
    ]);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('Connections are missing here').waitFor();
    await expectAccessible(page);
    await gateway.emulator('POST', 'faults', { operation: 'listEnhancedConnections', status: 500, times: 0 });
    // Of a name of its own, because its outcome stays unknown.
    await fill({ name: 'undecided_pg' });
    await submit();
    await form.getByText('Checking …').waitFor();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('alert').waitFor();
    await form.getByText('Checking …').waitFor();
    await expectAccessible(page);
  });
});
