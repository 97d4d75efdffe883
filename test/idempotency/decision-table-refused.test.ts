import { describe, expect, it } from '@jest/globals';
import { IAM_USER } from '../helpers/iam-user.js';
import {
  freshCall,
  KEY_REUSED,
  NAME_TAKEN,
  shareIdempotencyGateway,
  startIdempotencyGateway,
  UNAVAILABLE,
} from '../helpers/idempotency-gateway.js';

const shared = shareIdempotencyGateway();
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: false };

describe('a temporary refusal', () => {
  it('with 503 APIG.0613 is retried once, and the same key can be used again', async () => {
    const { create, emulator, posts, applied } = shared();
    const call = freshCall();
    emulator.inject({ operation: 'createConnection', error: 'APIG.0613', times: 2 });
    expect(await create(call)).toMatchObject(UNAVAILABLE);
    expect(posts()).toBe(2);
    expect(await create(call)).toMatchObject(SUCCESS);
    expect([posts(), applied().length]).toEqual([3, 1]);
  });

  it('with 429 and a short Retry-After is retried once, after that time', async () => {
    const { create, emulator, applied } = shared();
    const call = freshCall();
    emulator.inject({
      operation: 'createConnection',
      error: 'APIG.0308',
      headers: { 'retry-after': '1' },
    });
    expect(await create(call)).toMatchObject({ ...SUCCESS, connectionId: applied()[0] });
    const [first, second, ...more] = emulator.ledger.entries('createConnection').map(({ atMs }) => atMs);
    expect(more).toEqual([]);
    expect(Number(second) - Number(first)).toBeGreaterThanOrEqual(1_000);
  });

  it('with 429 and a long Retry-After returns it, capped at 300 s, and the same key can be used again', async () => {
    const { create, emulator, posts, applied } = shared();
    const call = freshCall();
    const headers = { 'retry-after': '86400' };
    emulator.inject({ operation: 'createConnection', error: 'APIG.0308', headers });
    expect(await create(call)).toMatchObject({
      __typename: 'DliUnavailableError',
      code: 'UPSTREAM_THROTTLED',
      retryAfterSeconds: 300,
    });
    expect(posts()).toBe(1);
    expect(await create(call)).toMatchObject(SUCCESS);
    expect([posts(), applied().length]).toEqual([2, 1]);
  });

  it.each(['APIG.0307', 'DLI.0013', 'DLI.0015'])('of a token with %s is retried once with a new token', async error => {
    const { create, emulator, posts, applied } = await startIdempotencyGateway({ env: IAM_USER });
    const call = freshCall();
    emulator.inject({ operation: 'createConnection', error });
    const payload = await create(call);
    expect(payload).toMatchObject({ ...SUCCESS, connectionId: applied()[0] });
    expect([posts(), emulator.ledger.count('issueToken')]).toEqual([2, 2]);
    expect(await create(call)).toEqual(payload);
    expect(posts()).toBe(2);
  });

  it.each(['APIG.0301', 'DLI.0015'])('of two tokens with %s fails, and the same key can be used again', async error => {
    const { create, emulator, posts } = await startIdempotencyGateway({ env: IAM_USER });
    const call = freshCall();
    // A token that has never worked would be suspended for a minute.
    await create(freshCall());
    emulator.inject({ operation: 'createConnection', error, times: 2 });
    expect(await create(call)).toMatchObject({
      __typename: 'DliUnavailableError',
      code: 'UPSTREAM_AUTH_FAILED',
    });
    expect(posts()).toBe(3);
    expect(await create(call)).toMatchObject(SUCCESS);
    expect(posts()).toBe(4);
  });
});

describe('a permanent refusal', () => {
  it.each([
    ['DLI.0001', 400],
    ['DLI.0002', 400],
    ['DLI.0007', 400],
    ['DLI.0009', 400],
    ['DLI.0012', 400],
    ['DLI.0016', 400],
    ['DLI.1028', 400],
    ['DLI.10003', 400],
    ['APIG.0101', 404],
    ['APIG.0201', 413],
  ])('with %s and status %i is replayed unchanged to every repeat, without another request', async (error, status) => {
    const { create, emulator, posts } = shared();
    const call = freshCall();
    emulator.inject({ operation: 'createConnection', error, status });
    const payload = await create(call);
    expect(payload).toMatchObject({
      __typename: 'DliRejectedError',
      code: 'UPSTREAM_REJECTED',
      dliCode: error,
      requestId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(await create(call)).toEqual(payload);
    expect(await create({ ...call, name: freshCall().name })).toMatchObject(KEY_REUSED);
    expect(posts()).toBe(1);
  });

  it('of a name that another connection has is replayed to every repeat, without another request', async () => {
    const { create, emulator, posts, applied } = shared();
    const call = freshCall();
    emulator.seedConnection({ name: call.name });
    const payload = await create(call);
    expect(payload).toEqual({
      ...NAME_TAKEN,
      name: call.name,
      message: 'A connection of this name exists already. Choose another name.',
    });
    expect(await create(call)).toEqual(payload);
    expect([posts(), applied()]).toEqual([1, []]);
  });

  it('of a name does not affect another key once DLI accepts the name', async () => {
    const { create, emulator, posts } = shared();
    const call = freshCall();
    emulator.inject({ operation: 'createConnection', error: 'DLI.0006' });
    expect(await create(call)).toMatchObject(NAME_TAKEN);
    expect(await create({ ...freshCall(), name: call.name })).toMatchObject(SUCCESS);
    expect(posts()).toBe(2);
  });
});
