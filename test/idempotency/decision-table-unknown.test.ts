import { createServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { listen } from '../helpers/listening-server.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';
import { KEY, startIdempotencyGateway, UNKNOWN, witnessOf } from './helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const HTML = '<html><body>Bad Gateway</body></html>';
const ID = '6a2cb1d1-5ecb-4b1e-8a4f-0a5b52d9a1b0';
const NOT_A_UUID = { is_success: true, connection_id: '4711' };

type Row = [row: string, what: string, reason: string, answer: Partial<Fault>];

const ROWS: readonly Row[] = [
  ['D6', 'a reset instead of an answer', 'CONNECTION_LOST', { behaviour: 'reset' }],
  ['D6', 'an end instead of an answer', 'CONNECTION_LOST', { behaviour: 'close' }],
  ['D8', '502 with an error body', 'UPSTREAM_ERROR', { error: 'APIG.0201', status: 502 }],
  ['D8', '503 with another code', 'UPSTREAM_ERROR', { error: 'DLI.0999', status: 503 }],
  ['D9', '500 without a body', 'UPSTREAM_ERROR', { status: 500 }],
  ['D9', '502 with a page', 'UPSTREAM_ERROR', { status: 502, body: HTML }],
  ['D9', '503 without a body', 'UPSTREAM_ERROR', { status: 503 }],
  ['D9', '504 with a page', 'UPSTREAM_ERROR', { status: 504, body: HTML }],
  ['D14', '400 DLI.0999', 'UPSTREAM_ERROR', { error: 'DLI.0999' }],
  ['D14', '500 DLI.0999', 'UPSTREAM_ERROR', { error: 'DLI.0999', status: 500 }],
  ['D14', '400 DLI.0019', 'UPSTREAM_ERROR', { error: 'DLI.0019' }],
  ['D14', '400 DLI.10001', 'UPSTREAM_ERROR', { error: 'DLI.10001' }],
  ['D14', 'an unlisted code', 'UPSTREAM_ERROR', { error: 'DLI.22101' }],
  ['D15', '201 with half a JSON text', 'UNREADABLE_RESPONSE', { body: '{"is_success":true,' }],
  ['D16', '201 that failed and has an id', 'UNREADABLE_RESPONSE', { body: { is_success: false, connection_id: ID } }],
  ['D17', '200 with a page', 'UNREADABLE_RESPONSE', { status: 200, body: HTML }],
  ['D17', '204', 'UNREADABLE_RESPONSE', { status: 204 }],
  ['D17', '201 without a body', 'UNREADABLE_RESPONSE', { status: 201 }],
  ['D17', '201 without an id', 'UNREADABLE_RESPONSE', { body: { is_success: true, message: '' } }],
  ['D17', '201 with an odd id', 'UNREADABLE_RESPONSE', { body: NOT_A_UUID }],
  ['D18', 'a body that ends too early', 'CONNECTION_LOST', { behaviour: 'truncate', truncateAt: 88 }],
  ['D18', 'a chunk that ends too early', 'CONNECTION_LOST', { behaviour: 'truncate', truncateAt: 88, chunked: true }],
  ['D18', 'a reset within the answer', 'CONNECTION_LOST', { behaviour: 'resetDuringAnswer' }],
  ['D19', 'a body of 2 MB', 'UNREADABLE_RESPONSE', { behaviour: 'huge', hugeBytes: 2_000_000 }],
];

const shared = shareGateway();

/** The shared gateway, with the name and the key of a create that no other test repeats. */
function startFresh() {
  const name = freshName();
  const { create, emulator } = shared();
  return { ...witnessOf(emulator), create, call: { name, idempotencyKey: `${KEY}-${name}` } };
}

describe('an answer that proves nothing', () => {
  it.each(ROWS)('%s: %s after the create was done ends as its success', async (_row, _what, _reason, answer) => {
    const { create, call, emulator, posts, applied } = startFresh();
    emulator.inject({ operation: 'createConnection', apply: true, ...answer });
    const payload = await create(call);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(await create(call)).toEqual(payload);
    expect([posts(), applied().length]).toEqual([1, 1]);
  });

  it.each(ROWS)('%s: %s of a create that was not done stays unknown', async (_row, _what, reason, answer) => {
    const { create, call, emulator, posts } = startFresh();
    emulator.inject({ operation: 'createConnection', apply: false, ...answer });
    const unknown = { ...UNKNOWN, reason, idempotencyKey: call.idempotencyKey };
    expect(await create(call)).toMatchObject(unknown);
    expect(await create(call)).toMatchObject(unknown);
    expect(posts()).toBe(1);
  });
});

describe('a create that breaks off', () => {
  it('D7: within its own body stays unknown, although DLI has read nothing', async () => {
    const { create, call, emulator, posts } = startFresh();
    emulator.inject({ operation: 'createConnection', behaviour: 'resetBeforeBody' });
    expect(await create(call)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(await create(call)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(posts()).toBe(1);
  });

  it.each([
    ['D5', 'no answer', { behaviour: 'hang' }],
    ['D19', 'one byte per 200 ms', { behaviour: 'drip', dripMs: 200 }],
  ] as const)('%s: for want of time with %s is found by the repeat', async (_row, _what, answer) => {
    const { create, emulator, posts, applied } = await startIdempotencyGateway({
      env: { OPERATION_TIMEOUT_MS: '4000' },
    });
    emulator.inject({ operation: 'createConnection', apply: true, ...answer });
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'TIMEOUT_AFTER_SEND' });
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect([posts(), applied().length]).toEqual([1, 1]);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('D20: %i is not followed and proves nothing', async status => {
    const { host, connections } = await listen(createServer());
    const { create, call, emulator, posts } = startFresh();
    emulator.inject({ operation: 'createConnection', status, redirectTo: `http://${host}/` });
    expect(await create(call)).toMatchObject({ ...UNKNOWN, reason: 'UNEXPECTED_REDIRECT' });
    expect(await create(call)).toMatchObject({ ...UNKNOWN, reason: 'UNEXPECTED_REDIRECT' });
    expect([posts(), connections().length]).toEqual([1, 0]);
  });

  it.each([302, 307])('D20: %i after the create was done ends as its success', async status => {
    const { create, call, emulator, posts, applied } = startFresh();
    emulator.inject({ operation: 'createConnection', status, apply: true });
    expect(await create(call)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });
});

describe('201 that says it failed, without an id', () => {
  const FAILED = { operation: 'createConnection', body: { is_success: false, message: 'no' } } as const;

  it('D16: is a refusal when the list does not show the connection', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway();
    emulator.inject(FAILED);
    const payload = await create(CALL);
    expect(payload).toMatchObject({ __typename: 'DliRejectedError', dliCode: null });
    expect(emulator.ledger.count('listConnections')).toBe(1);
    expect(await create(CALL)).toEqual(payload);
    expect(posts()).toBe(1);
  });

  it('D16: is a success when the list shows the connection', async () => {
    const { create, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject({ ...FAILED, apply: true });
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });

  it('D16: is unknown when the list cannot be read, and found once it can', async () => {
    const { create, createUntil, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject({ ...FAILED, apply: true });
    emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'UNREADABLE_RESPONSE' });
    emulator.clearFaults();
    const payload = await createUntil('CreateDatasourceConnectionSuccess', CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });
});
