import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { DELETED, deletesSentTo, exists, remove, seed } from '../helpers/deletion.js';
import type { Payload } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { shareGateway } from '../helpers/shared-gateway.js';

afterEach(closeGateways);

const shared = shareGateway();
const sharedWithoutTombstones = shareGateway({ emulator: { tombstoneMs: 0 } });

const HTML = '<html><body>Bad Gateway</body></html>';
const UNKNOWN = { __typename: 'DeleteOutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
// All but one of the answers below leave it open what was done; that one says that nothing was.
const REFUSED = { __typename: 'DliRejectedError', code: 'UPSTREAM_REJECTED', dliCode: null };
const UNSUCCESSFUL = { body: { is_success: false, message: 'no' } };

const ROWS: readonly [what: string, reason: string, answer: Partial<Fault>][] = [
  ['500', 'UPSTREAM_ERROR', { status: 500 }],
  ['502 with a page', 'UPSTREAM_ERROR', { status: 502, body: HTML }],
  ['504 with a page', 'UPSTREAM_ERROR', { status: 504, body: HTML }],
  ['400 DLI.0999', 'UPSTREAM_ERROR', { error: 'DLI.0999' }],
  ['404 without a body', 'UPSTREAM_ERROR', { status: 404 }],
  ['a redirect', 'UPSTREAM_ERROR', { status: 302, redirectTo: 'http://127.0.0.1:9/' }],
  ['a reset', 'CONNECTION_LOST', { behaviour: 'reset' }],
  ['an end', 'CONNECTION_LOST', { behaviour: 'close' }],
  ['half an answer', 'CONNECTION_LOST', { behaviour: 'truncate', truncateAt: 9, body: '{"is_success":true}' }],
  ['200 with a page', 'UNREADABLE_RESPONSE', { status: 200, body: HTML }],
  ['200 that says it failed', 'refused', UNSUCCESSFUL],
];

/** Fails when an answer is not true. */
function expectTrue({ __typename }: Payload, isThere: boolean): void {
  if (__typename === DELETED) expect(isThere).toBe(false);
  else if (__typename !== UNKNOWN.__typename) expect(isThere).toBe(true);
}

describe('a delete that is answered with', () => {
  it.each(ROWS)('%s after it was done is a success', async (_what, _reason, answer) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', apply: true, ...answer });

    expect(await remove(gateway, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect(exists(gateway.emulator, id)).toBe(false);
  });

  it.each(ROWS)('%s once and not done is sent again, unless it was refused', async (_what, reason, answer) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', apply: false, ...answer });
    const payload = await remove(gateway, id);

    expect(payload).toMatchObject(reason === 'refused' ? REFUSED : { __typename: DELETED });
    expectTrue(payload, exists(gateway.emulator, id));
  });

  it.each(ROWS)('%s and never done is no success, and ends when it is repeated', async (_what, reason, answer) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', apply: false, times: 0, ...answer });
    const payload = await remove(gateway, id);

    expect(payload).toMatchObject(reason === 'refused' ? REFUSED : { ...UNKNOWN, reason });
    expect(exists(gateway.emulator, id)).toBe(true);
    expect(deletesSentTo(gateway.emulator)).toBeLessThanOrEqual(2);
    gateway.emulator.clearFaults();
    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
  });

  it.each(ROWS)(
    '%s, by a DLI that no longer shows the connection, is answered as far as it is known',
    async (_what, _reason, answer) => {
      const gateway = sharedWithoutTombstones();
      const [done, undone] = [seed(gateway.emulator), seed(gateway.emulator)];
      for (const [id, apply] of [
        [done, true],
        [undone, false],
      ] as const) {
        gateway.emulator.clearFaults();
        gateway.emulator.inject({ operation: 'deleteConnection', apply, times: 0, ...answer });
        gateway.emulator.inject({ operation: 'getConnection', status: 500, skip: 1, times: 0 });
        const payload = await remove(gateway, id);
        expect(payload).toMatchObject(UNKNOWN);
        expectTrue(payload, exists(gateway.emulator, id));
      }
      gateway.emulator.clearFaults();
      for (const id of [done, undone]) expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    },
  );
});

describe('a delete without an answer', () => {
  it.each([
    [true, { __typename: DELETED }],
    [false, { ...UNKNOWN, reason: 'TIMEOUT_AFTER_SEND', retryAfterSeconds: 2, requestId: null }],
  ] as const)('leaves time to look: done %s', async (apply, answer) => {
    const gateway = await startGateway({ env: { OPERATION_TIMEOUT_MS: '4000' } });
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', behaviour: 'hang', apply });
    const startMs = performance.now();

    expect(await remove(gateway, id)).toMatchObject(answer);
    expect(performance.now() - startMs).toBeLessThan(40_000);
    expect(deletesSentTo(gateway.emulator)).toBe(1);
    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
  });

  it('is sent once more while there is time', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({
      operation: 'deleteConnection',
      behaviour: 'drip',
      dripMs: 10,
      status: 200,
      body: HTML,
    });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    expect([exists(gateway.emulator, id), deletesSentTo(gateway.emulator)]).toEqual([false, 2]);
  });
});

describe('a second delete that is refused', () => {
  it.each([
    ['429', { error: 'APIGW.0308' }],
    ['a listed refusal', { error: 'DLI.0009' }],
    ['a failure', UNSUCCESSFUL],
  ] as const)('with %s says nothing about the first, which stays unknown', async (_what, answer) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', error: 'DLI.0999', times: 1 });
    gateway.emulator.inject({ operation: 'deleteConnection', times: 0, ...answer });

    expect(await remove(gateway, id)).toMatchObject(UNKNOWN);
    expect([exists(gateway.emulator, id), deletesSentTo(gateway.emulator)]).toEqual([true, 2]);
  });

  it.each([
    ['429', { error: 'APIGW.0308' }],
    ['a failure', UNSUCCESSFUL],
  ] as const)('with %s, sent at once after 500, leaves it unknown too', async (_what, answer) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', status: 500, times: 1 });
    gateway.emulator.inject({ operation: 'deleteConnection', times: 0, ...answer });

    expect(await remove(gateway, id)).toMatchObject(UNKNOWN);
    expect(exists(gateway.emulator, id)).toBe(true);
  });
});

describe('a token that DLI refuses', () => {
  it.each(['DLI.0013', 'DLI.0015', 'APIGW.0301'])('with %s is replaced, and the delete sent again', async error => {
    const gateway = await startGateway({ env: IAM_USER });
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', error });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    expect([deletesSentTo(gateway.emulator), gateway.emulator.ledger.count('issueToken')]).toEqual([2, 2]);
  });

  it.each(['DLI.0013', 'DLI.0015', 'APIGW.0301'])('with %s is replaced, and the look repeated', async error => {
    const gateway = await startGateway({ env: IAM_USER });
    gateway.emulator.inject({ operation: 'getConnection', error });

    expect(await remove(gateway, seed(gateway.emulator))).toMatchObject({ __typename: DELETED });
    expect(gateway.emulator.ledger.count('issueToken')).toBe(2);
  });
});

describe('a refusal that proves nothing', () => {
  it.each([401, 403])('such as a bare %s does not hide that the connection is gone', async status => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', status, apply: true, times: 0 });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
  });

  it('is answered as a refusal while the connection is present', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', status: 403, times: 0 });

    expect(await remove(gateway, id)).toMatchObject({ code: 'UPSTREAM_AUTH_FAILED' });
    expect(exists(gateway.emulator, id)).toBe(true);
  });
});
