import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DELETED, deletesSentTo, exists, NO_ID, remove, seed } from '../helpers/deletion.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startIdempotencyGateway, startUpstream, until } from './helpers/idempotency-gateway.js';

const NOT_FOUND = { __typename: 'ConnectionNotFoundError' };
const NO_STORE = { __typename: 'DliUnavailableError', code: 'IDEMPOTENCY_STORE_UNAVAILABLE' };
const folder = mkdtempSync(join(tmpdir(), 'once-deletions-'));

afterEach(() => rmSync(folder, { recursive: true, force: true }));

// What is deleted leaves a tombstone, or DLI knows nothing of it any more.
describe.each([Number.POSITIVE_INFINITY, 0])('a repeat, where DLI remembers for %s ms', tombstoneMs => {
  it('succeeds again, and nothing is sent', async () => {
    const gateway = await startIdempotencyGateway({ emulator: { tombstoneMs } });
    const id = seed(gateway.emulator);
    const payload = await remove(gateway, id);

    expect(await remove(gateway, id)).toEqual(payload);
    expect(await remove(gateway, id.toUpperCase())).toMatchObject({ __typename: DELETED });
    expect(deletesSentTo(gateway.emulator)).toBe(1);
  });

  it('succeeds again on the next gateway with the same folder', async () => {
    const { emulator, url } = await startUpstream({ tombstoneMs });
    const id = seed(emulator);
    const env = { DLI_ENDPOINT: url, DATA_DIR: folder };
    const first = await startIdempotencyGateway({ env });
    expect(await remove(first, id)).toMatchObject({ __typename: DELETED });
    await first.close();
    const second = await startIdempotencyGateway({ env });

    expect(await remove(second, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect(await remove(second, NO_ID)).toMatchObject(NOT_FOUND);
    expect(deletesSentTo(emulator)).toBe(1);
  });
});

describe('deletes of one connection at the same moment', () => {
  it('are one delete, and all of them succeed', async () => {
    const gateway = await startIdempotencyGateway();
    const id = seed(gateway.emulator);
    const payloads = await Promise.all(Array.from({ length: 20 }, () => remove(gateway, id)));

    expect(payloads).toEqual(Array(20).fill({ __typename: DELETED, connectionId: id }));
    expect(deletesSentTo(gateway.emulator)).toBe(1);
  });

  it('by another client of DLI are a success of both', async () => {
    const gateway = await startIdempotencyGateway();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', error: 'DLI.0002', apply: true });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    expect(exists(gateway.emulator, id)).toBe(false);
  });
});

it('keeps no name and no id in the folder of its notes', async () => {
  const { emulator, url } = await startUpstream();
  const id = seed(emulator);
  const gateway = await startIdempotencyGateway({ env: { DLI_ENDPOINT: url, DATA_DIR: folder } });
  await remove(gateway, id);
  await gateway.close();
  const stored = readFileSync(join(folder, 'data.mdb'), 'latin1');

  expect(stored).toContain('deletions');
  expect(stored).not.toContain(id);
});

describeWithProgram('redis-server', 'notes of deletions in Redis', program => {
  it('are shared by all its gateways', async () => {
    const { url: REDIS_URL } = await startRedisServer(program);
    const { emulator, url } = await startUpstream({ tombstoneMs: 0 });
    const id = seed(emulator);
    const env = { DLI_ENDPOINT: url, REDIS_URL };
    const [first, second] = [await startIdempotencyGateway({ env }), await startIdempotencyGateway({ env })];
    expect(await remove(first, id)).toMatchObject({ __typename: DELETED });

    expect(await remove(second, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect(deletesSentTo(emulator)).toBe(1);
  });

  it('are written before anything is sent: without Redis nothing is deleted', async () => {
    const redis = await startRedisServer(program);
    const gateway = await startIdempotencyGateway({ env: { REDIS_URL: redis.url } });
    const id = seed(gateway.emulator);
    await redis.kill();

    expect(await remove(gateway, id)).toMatchObject({ ...NO_STORE, retryAfterSeconds: 1 });
    expect(await remove(gateway, NO_ID)).toMatchObject(NO_STORE);
    expect([exists(gateway.emulator, id), deletesSentTo(gateway.emulator)]).toEqual([true, 0]);
    await startRedisServer(program, { port: redis.port });
    const payload = await until(
      () => remove(gateway, id),
      ({ code }) => code !== NO_STORE.code,
    );
    expect(payload).toMatchObject({ __typename: DELETED });
  });
});
