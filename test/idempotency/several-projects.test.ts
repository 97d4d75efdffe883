import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { KEY, LOST, startIdempotencyGateway, UNKNOWN } from '../helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const folder = mkdtempSync(join(tmpdir(), 'dli-gateway-projects-'));

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('gateways of two projects that share a store reconcile only the unknown creates of their own project', async () => {
  const env = { DATA_DIR: folder };
  const other = await startIdempotencyGateway({ env });
  const gateway = await startIdempotencyGateway({ env });
  gateway.emulator.inject(LOST);
  other.emulator.inject(LOST);
  expect(await gateway.create(CALL)).toMatchObject(UNKNOWN);
  expect(await other.create(CALL)).toMatchObject(UNKNOWN);
  expect([gateway.posts(), other.posts()]).toEqual([1, 1]);
  await gateway.logged('settled without trace');
  await other.logged('settled without trace');
  const settled = (log: string) => log.match(/settled without trace/g)?.length;
  expect([settled(gateway.log()), settled(other.log())]).toEqual([1, 1]);
});
