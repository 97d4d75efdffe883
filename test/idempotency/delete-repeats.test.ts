import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DELETED, deletesSentTo, exists, NO_ID, remove, seed } from '../helpers/deletion.js';
import { startIdempotencyGateway, startUpstream, until } from '../helpers/idempotency-gateway.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

const NOT_FOUND = { __typename: 'ConnectionNotFoundError' };
const NO_STORE = { __typename: 'DliUnavailableError', code: 'IDEMPOTENCY_STORE_UNAVAILABLE' };
const folder = mkdtempSync(join(tmpdir(), 'dli-gateway-deletions-'));

afterEach(() => rmSync(folder, { recursive: true, force: true }));

// DLI keeps a tombstone of a deleted connection, or forgets it at once.
describe.each([Number.POSITIVE_INFINITY, 0])('a repeated delete, if DLI keeps tombstones for %s ms,', tombstoneMs => {
  it('succeeds again, and nothing is sent', async () => {
    const gateway = await startIdempotencyGateway({ emulator: { tombstoneMs } });
    const id = seed(gateway.emulator);
    const payload = await remove(gateway, id);

    expect(await remove(gateway, id)).toEqual(payload);
    expect(await remove(gateway, id.toUpperCase())).toMatchObject({ __typename: DELETED });
    expect(deletesSentTo(gateway.emulator)).toBe(1);
  });

  it('succeeds again after a restart on the same folder', async () => {
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

describe('simultaneous deletes of one connection', () => {
  it('are sent once, and all of them succeed', async () => {
    const gateway = await startIdempotencyGateway();
    const id = seed(gateway.emulator);
    const payloads = await Promise.all(Array.from({ length: 20 }, () => remove(gateway, id)));

    expect(payloads).toEqual(Array(20).fill({ __typename: DELETED, connectionId: id }));
    expect(deletesSentTo(gateway.emulator)).toBe(1);
  });

  it('succeed even if another client of DLI is faster', async () => {
    const gateway = await startIdempotencyGateway();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', error: 'DLI.0002', apply: true });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    expect(exists(gateway.emulator, id)).toBe(false);
  });
});

it('the store does not contain the ids of deleted connections in plain text', async () => {
  const { emulator, url } = await startUpstream();
  const id = seed(emulator);
  const gateway = await startIdempotencyGateway({ env: { DLI_ENDPOINT: url, DATA_DIR: folder } });
  await remove(gateway, id);
  await gateway.close();
  const stored = readFileSync(join(folder, 'data.mdb'), 'latin1');

  expect(stored).toContain('deletions');
  expect(stored).not.toContain(id);
});

describeWithProgram('redis-server', 'deletions recorded in Redis', program => {
  it('are shared by all gateways', async () => {
    const { url: REDIS_URL } = await startRedisServer(program);
    const { emulator, url } = await startUpstream({ tombstoneMs: 0 });
    const id = seed(emulator);
    const env = { DLI_ENDPOINT: url, REDIS_URL };
    const [first, second] = [await startIdempotencyGateway({ env }), await startIdempotencyGateway({ env })];
    expect(await remove(first, id)).toMatchObject({ __typename: DELETED });

    expect(await remove(second, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect(deletesSentTo(emulator)).toBe(1);
  });

  it('are written before the delete is sent, so nothing is deleted without Redis', async () => {
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
