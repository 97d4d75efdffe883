import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findChromium } from '../helpers/chromium.js';
import {
  changeCreation,
  eventually,
  expectFocused,
  expectFocusOn,
  finishCreation,
  formOf,
  holdCreations,
  namesIn,
  rowOf,
  startPage,
  VALID,
} from '../helpers/page.js';

const skip = findChromium() === undefined && 'chromium is not on this machine';

describe('the page', { skip }, () => {
  it('shows the form with the examples of the gateway, and an empty list', async () => {
    const { page } = await startPage();
    await page.getByText('No connections yet').waitFor();
    const { field, chooseClassic } = formOf(page);
    assert.equal(await field('VPC id').getAttribute('placeholder'), '22094d8f-c310-4621-913d-4c4d655d8495');
    await chooseClassic();
    assert.equal(await field('Name').getAttribute('placeholder'), 'orders_pg');
    await field('Service').selectOption({ label: 'DWS' });
    assert.equal(await field('Address').getAttribute('placeholder'), '192.168.1.248:8000');
    await page.getByText('One private IP of the cluster and its port; not a JDBC address.').waitFor();
  });

  it('shows a problem beside each field, and moves the focus to the first', async () => {
    const { page } = await startPage();
    const { form, field, fill, submit, chooseClassic } = formOf(page);
    await submit();
    await eventually(async () => assert.equal(await form.getByText('This field is required.').count(), 3));
    await chooseClassic();
    assert.equal(await form.getByText('This field is required.').count(), 0);
    await submit();
    await eventually(async () => assert.equal(await form.getByText('This field is required.').count(), 5));
    await fill({ name: 'orders pg', address: 'jdbc:postgresql://192.168.0.12', networkId: 'x'.repeat(65) });
    await form.getByRole('button', { name: 'Add a tag' }).click();
    await field('Key of tag 1').fill('_sys_team');
    await submit();
    await eventually(async () => {
      const problems = await form
        .locator('[aria-invalid="true"]')
        .evaluateAll(controls =>
          controls.map(control => [
            (control as HTMLInputElement).labels?.[0]?.textContent,
            control.ariaDescribedByElements?.[0]?.textContent,
          ]),
        );
      assert.deepEqual(
        problems.map(([label]) => label),
        ['Name', 'Address', 'Network id of the subnet', 'Key of tag 1'],
      );
      assert.match(problems[0]?.[1] ?? '', /letters, digits, _ and -/);
      assert.match(problems[1]?.[1] ?? '', /exactly one host:port/);
      assert.match(problems[2]?.[1] ?? '', /At most 64 characters/);
      assert.match(problems[3]?.[1] ?? '', /_sys_/);
    });
    await expectFocused(field('Name'));
    await field('Name').fill('orders_pg');
    await eventually(async () => assert.equal(await field('Name').getAttribute('aria-invalid'), 'false'));
  });

  it('shows what only the gateway can know beside its field, too', async () => {
    const { page, gateway } = await startPage();
    await gateway.emulator('POST', 'connections', { name: 'orders_pg', state: 'ACTIVE' });
    const { form, field, fill, submit } = formOf(page);
    await fill();
    await submit();
    await form.getByText('A connection of this name exists already. Choose another name.').waitFor();
    await expectFocused(field('Name'));
  });

  it('creates a connection with tags, follows it until it is active, and deletes it', async () => {
    const { page, gateway } = await startPage();
    await gateway.emulator('PATCH', 'settings', { tagStyle: 'objects' });
    await holdCreations(gateway);
    const { field, fill, form, submit } = formOf(page);
    await fill();
    await form.getByRole('button', { name: 'Add a tag' }).click();
    await field('Key of tag 1').fill('team');
    await field('Value of tag 1').fill('billing');
    await submit();
    const row = rowOf(page, 'orders_pg');
    await row.getByText('Creating').waitFor();
    await expectFocused(row.getByRole('heading'));
    assert.equal(await row.getByRole('button').count(), 0);
    await changeCreation(gateway, { state: 'CREATING', process: 0.4 });
    await page.waitForFunction(() => document.querySelector('progress')?.value === 0.4);
    await finishCreation(gateway);
    await row.getByText('Active').waitFor();
    await row.getByText(/^to-rds-\d+-\w+\.datasource\.com:5432$/).waitFor();
    await row.getByText('team: billing').waitFor();
    await page.getByRole('status').getByText('orders_pg is active.').waitFor();
    await eventually(async () => assert.equal(await field('Name').inputValue(), ''));

    await row.getByRole('button', { name: 'Delete orders_pg' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete orders_pg?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expectFocused(row.getByRole('button', { name: 'Delete' }));
    await row.getByRole('button', { name: 'Delete orders_pg' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No connections yet').waitFor();
    const { connections } = (await gateway.emulator('GET', 'connections')) as { connections: { state: string }[] };
    assert.deepEqual(
      connections.map(({ state }) => state),
      ['DELETED'],
    );
  });

  it('shows why a creation failed', async () => {
    const { page, gateway } = await startPage();
    await holdCreations(gateway);
    const { fill, submit } = formOf(page);
    await fill({ name: 'fail_orders' });
    await submit();
    const row = rowOf(page, 'fail_orders');
    await row.getByText('Creating').waitFor();
    await finishCreation(gateway);
    await row.getByText('Failed').waitFor();
    await row.getByText("Can't get ready router.").waitFor();
  });

  it('loads more connections, and filters them by name, state and service', async () => {
    const { page, gateway } = await startPage();
    await gateway.emulator('POST', 'connections', { name: 'many', state: 'ACTIVE', count: 44 });
    await gateway.emulator('POST', 'connections', { name: 'lonely_dws', state: 'FAILED', service: 'DWS' });
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('45 connections').waitFor();
    await eventually(async () => assert.equal((await namesIn(page)).length, 20));
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('40 of 45 shown').waitFor();
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByRole('button', { name: 'Load more' }).waitFor({ state: 'detached' });
    const names = await namesIn(page);
    assert.equal(new Set(names).size, 45);
    // The first of the connections that were added.
    await expectFocusOn(page, names[40]);

    const filter = page.getByRole('search');
    await filter.getByLabel('Name contains').fill('LONELY');
    await page.getByText('1 connection', { exact: true }).waitFor();
    await eventually(async () => assert.deepEqual(await namesIn(page), ['lonely_dws']));
    await filter.getByLabel('Name contains').fill('');
    await page.getByText('45 connections').waitFor();
    await filter.getByLabel('State').selectOption('Failed');
    await page.getByText('1 connection', { exact: true }).waitFor();
    await filter.getByLabel('Service').selectOption('RDS');
    await page.getByText('No connection matches').waitFor();
    await filter.getByLabel('State').selectOption('Active');
    await page.getByText('44 connections').waitFor();
  });

  it('shows a created connection whatever the filter', async () => {
    const { page } = await startPage();
    await page.getByRole('search').getByLabel('Name contains').fill('nothing');
    await page.getByText('No connection matches').waitFor();
    const { fill, submit } = formOf(page);
    await fill();
    await submit();
    await rowOf(page, VALID.name).waitFor();
    await eventually(async () =>
      assert.equal(await page.getByRole('search').getByLabel('Name contains').inputValue(), ''),
    );
  });
});
