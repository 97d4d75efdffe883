import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { IAM_USER, NO_TOKEN } from '../helpers/iam-user.js';
import { KEY, startIdempotencyGateway, startUpstream } from '../helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const NO_IAM = { HUAWEICLOUD_SDK_IAM_ENDPOINT: 'http://127.0.0.1:9' };

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

it('a create does not reserve its name while the gateway signs in', async () => {
  const { create, emulator, posts } = await startIdempotencyGateway({
    env: { ...IAM_USER, OPERATION_TIMEOUT_MS: '1000' },
  });
  emulator.inject({ operation: 'issueToken', behaviour: 'hang', times: 0 });
  const first = create(CALL);
  await emulator.ledger.waitFor('issueToken', 1);
  expect(await create({ idempotencyKey: `${KEY}-other` })).toMatchObject(NO_TOKEN);
  expect(await first).toMatchObject(NO_TOKEN);
  expect(posts()).toBe(0);
});

it('a create succeeds with the same key and name after a failed sign-in', async () => {
  const { create, emulator, posts, advance } = await startIdempotencyGateway({ env: IAM_USER });
  emulator.inject({ operation: 'issueToken', status: 503 });
  expect(await create(CALL)).toMatchObject(NO_TOKEN);
  // Past the pause after a failed sign-in.
  advance(1_100);
  expect(await create(CALL)).toMatchObject(SUCCESS);
  expect(posts()).toBe(1);
});

it('a recorded create is replayed while the gateway cannot sign in', async () => {
  const { url, posts } = await startUpstream();
  const folder = await mkdtemp(join(tmpdir(), 'sign-in-first-'));
  folders.push(folder);
  const env = { ...IAM_USER, DLI_ENDPOINT: url, DATA_DIR: folder };
  const first = await startIdempotencyGateway({ env: { ...env, HUAWEICLOUD_SDK_IAM_ENDPOINT: url } });
  const payload = await first.create(CALL);
  expect(payload).toMatchObject(SUCCESS);
  await first.close();
  const second = await startIdempotencyGateway({ env: { ...env, ...NO_IAM } });
  expect(await second.create(CALL)).toEqual(payload);
  expect(await second.create({ name: 'other' })).toMatchObject(NO_TOKEN);
  expect(posts()).toBe(1);
});

it('a create whose name is reserved releases the credential, so that other creates proceed', async () => {
  const { create, emulator, posts } = await startIdempotencyGateway();
  emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
  const first = create(CALL);
  await emulator.ledger.waitFor('createConnection', 1);
  expect(await create({ idempotencyKey: `${KEY}-other` })).toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS' });
  expect(await create({ name: 'other' })).toMatchObject(SUCCESS);
  expect(posts()).toBe(2);
  // Ends the create that hangs.
  await emulator.close();
  await first;
});
