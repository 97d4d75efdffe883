import { expect, it } from '@jest/globals';
import { DONE_BUT_LOST, KEY, startOnce, UNKNOWN } from './helpers/once-gateway.js';

it('the settle time runs from the last request, however long after the first one that was sent', async () => {
  const gateway = await startOnce({
    env: { RECONCILE_SETTLE_MS: '1000', OPERATION_TIMEOUT_MS: '8000' },
    emulator: { listLagMs: 900 },
  });
  const headers = { 'retry-after': '2' };
  gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0308', headers });
  gateway.emulator.inject(DONE_BUT_LOST);
  expect(await gateway.create({ idempotencyKey: KEY })).toMatchObject(UNKNOWN);
  await gateway.logged('create reconciled');
  expect(gateway.log()).toContain('"outcome":"found"');
  expect(gateway.posts()).toBe(2);
});
