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
// The last row below is a refusal; all others leave the outcome open.
const REFUSED = { __typename: 'DliRejectedError', code: 'UPSTREAM_REJECTED', dliCode: null };
const UNSUCCESSFUL = { body: { is_success: false, message: 'no' } };

const ROWS: readonly [what: string, reason: string, answer: Partial<Fault>][] = [
  ['500', 'UPSTREAM_ERROR', { status: 500 }],
  ['502 and an HTML page', 'UPSTREAM_ERROR', { status: 502, body: HTML }],
  ['504 and an HTML page', 'UPSTREAM_ERROR', { status: 504, body: HTML }],
  ['400 DLI.0999', 'UPSTREAM_ERROR', { error: 'DLI.0999' }],
  ['404 without a body', 'UPSTREAM_ERROR', { status: 404 }],
  ['429 and an HTML page', 'UPSTREAM_ERROR', { status: 429, body: HTML }],
  ['a redirect', 'UNEXPECTED_REDIRECT', { status: 302, redirectTo: 'http://127.0.0.1:9/' }],
  ['a reset', 'CONNECTION_LOST', { behaviour: 'reset' }],
  ['a closed connection', 'CONNECTION_LOST', { behaviour: 'close' }],
  ['a truncated response', 'CONNECTION_LOST', { behaviour: 'truncate', truncateAt: 9, body: '{"is_success":true}' }],
  ['200 and an HTML page', 'UNREADABLE_RESPONSE', { status: 200, body: HTML }],
  ['200 and more than 1 MiB', 'UNREADABLE_RESPONSE', { status: 200, body: 'x'.repeat(1_100_000) }],
  ['200 and an error code', 'UNREADABLE_RESPONSE', { body: { is_success: true, error_code: 'DLI.0999' } }],
  ['200 and is_success: false', 'refused', UNSUCCESSFUL],
];

/** Asserts that a payload does not contradict whether the connection exists. */
function expectConsistent({ __typename }: Payload, isPresent: boolean): void {
  if (__typename === DELETED) expect(isPresent).toBe(false);
  else if (__typename !== UNKNOWN.__typename) expect(isPresent).toBe(true);
}

describe('a delete that is answered with', () => {
  it.each(ROWS)('%s after it was executed is a success', async (_what, _reason, answer) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', apply: true, ...answer });

    expect(await remove(gateway, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect(exists(gateway.emulator, id)).toBe(false);
  });

  it.each(ROWS)(
    '%s once without being executed is sent again, unless it was refused',
    async (_what, reason, answer) => {
      const gateway = shared();
      const id = seed(gateway.emulator);
      gateway.emulator.inject({ operation: 'deleteConnection', apply: false, ...answer });
      const payload = await remove(gateway, id);

      expect(payload).toMatchObject(reason === 'refused' ? REFUSED : { __typename: DELETED });
      expectConsistent(payload, exists(gateway.emulator, id));
    },
  );

  it.each(ROWS)(
    '%s every time without being executed fails, and succeeds when it is repeated later',
    async (_what, reason, answer) => {
      const gateway = shared();
      const id = seed(gateway.emulator);
      gateway.emulator.inject({ operation: 'deleteConnection', apply: false, times: 0, ...answer });
      const payload = await remove(gateway, id);

      expect(payload).toMatchObject(reason === 'refused' ? REFUSED : { ...UNKNOWN, reason });
      expect(exists(gateway.emulator, id)).toBe(true);
      expect(deletesSentTo(gateway.emulator)).toBeLessThanOrEqual(2);
      gateway.emulator.clearFaults();
      expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    },
  );

  it.each(ROWS)(
    '%s while the connection cannot be read is unknown, and succeeds when it is repeated later',
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
        expectConsistent(payload, exists(gateway.emulator, id));
      }
      gateway.emulator.clearFaults();
      for (const id of [done, undone]) expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    },
  );
});

describe('a delete without a response', () => {
  it.each([
    [true, { __typename: DELETED }],
    [false, { ...UNKNOWN, reason: 'TIMEOUT_AFTER_SEND', retryAfterSeconds: 2, requestId: null }],
  ] as const)('leaves time to read the connection: executed %s', async (apply, answer) => {
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
    ['is_success: false', UNSUCCESSFUL],
  ] as const)('with %s leaves the outcome of the first one unknown', async (_what, answer) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', error: 'DLI.0999', times: 1 });
    gateway.emulator.inject({ operation: 'deleteConnection', times: 0, ...answer });

    expect(await remove(gateway, id)).toMatchObject(UNKNOWN);
    expect([exists(gateway.emulator, id), deletesSentTo(gateway.emulator)]).toEqual([true, 2]);
  });

  it.each([
    ['429', { error: 'APIGW.0308' }],
    ['is_success: false', UNSUCCESSFUL],
  ] as const)('with %s immediately after a 500 also leaves the outcome unknown', async (_what, answer) => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', status: 500, times: 1 });
    gateway.emulator.inject({ operation: 'deleteConnection', times: 0, ...answer });

    expect(await remove(gateway, id)).toMatchObject(UNKNOWN);
    expect(exists(gateway.emulator, id)).toBe(true);
  });
});

describe('a token that DLI refuses', () => {
  it.each(['DLI.0013', 'DLI.0015', 'APIGW.0301'])('with %s is replaced, and the delete is sent again', async error => {
    const gateway = await startGateway({ env: IAM_USER });
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', error });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
    expect([deletesSentTo(gateway.emulator), gateway.emulator.ledger.count('issueToken')]).toEqual([2, 2]);
  });

  it.each(['DLI.0013', 'DLI.0015', 'APIGW.0301'])(
    'with %s is replaced, and the read before the delete is repeated',
    async error => {
      const gateway = await startGateway({ env: IAM_USER });
      gateway.emulator.inject({ operation: 'getConnection', error });

      expect(await remove(gateway, seed(gateway.emulator))).toMatchObject({ __typename: DELETED });
      expect(gateway.emulator.ledger.count('issueToken')).toBe(2);
    },
  );
});

describe('a refusal without an error code', () => {
  it.each([401, 403])('with %s does not hide that the connection is gone', async status => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', status, apply: true, times: 0 });

    expect(await remove(gateway, id)).toMatchObject({ __typename: DELETED });
  });

  it('is returned as a refusal while the connection exists', async () => {
    const gateway = shared();
    const id = seed(gateway.emulator);
    gateway.emulator.inject({ operation: 'deleteConnection', status: 403, times: 0 });

    expect(await remove(gateway, id)).toMatchObject({ code: 'UPSTREAM_AUTH_FAILED' });
    expect(exists(gateway.emulator, id)).toBe(true);
  });
});
