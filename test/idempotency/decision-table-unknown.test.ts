import { createServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { createEach } from '../helpers/create-each.js';
import type { Payload } from '../helpers/gateway.js';
import { countsOf, IN_PROGRESS, KEY, startIdempotencyGateway, UNKNOWN, until } from '../helpers/idempotency-gateway.js';
import { listen } from '../helpers/listening-server.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const CALL = { idempotencyKey: KEY };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const HTML = '<html><body>Bad Gateway</body></html>';
const ID = '6a2cb1d1-5ecb-4b1e-8a4f-0a5b52d9a1b0';
const NOT_A_UUID = { is_success: true, connection_id: '4711' };

type Row = [what: string, reason: string, answer: Partial<Fault>];

const ROWS: readonly Row[] = [
  ['a reset instead of a response', 'CONNECTION_LOST', { behaviour: 'reset' }],
  ['a closed connection instead of a response', 'CONNECTION_LOST', { behaviour: 'close' }],
  ['502 with an error body', 'UPSTREAM_ERROR', { error: 'APIG.0201', status: 502 }],
  ['503 with another code', 'UPSTREAM_ERROR', { error: 'DLI.0999', status: 503 }],
  ['500 without a body', 'UPSTREAM_ERROR', { status: 500 }],
  ['502 with an HTML page', 'UPSTREAM_ERROR', { status: 502, body: HTML }],
  ['503 without a body', 'UPSTREAM_ERROR', { status: 503 }],
  ['504 with an HTML page', 'UPSTREAM_ERROR', { status: 504, body: HTML }],
  ['400 DLI.0999', 'UPSTREAM_ERROR', { error: 'DLI.0999' }],
  ['500 DLI.0999', 'UPSTREAM_ERROR', { error: 'DLI.0999', status: 500 }],
  ['400 DLI.0019', 'UPSTREAM_ERROR', { error: 'DLI.0019' }],
  ['400 DLI.10001', 'UPSTREAM_ERROR', { error: 'DLI.10001' }],
  ['an unlisted code', 'UPSTREAM_ERROR', { error: 'DLI.22101' }],
  ['201 with truncated JSON', 'UNREADABLE_RESPONSE', { body: '{"is_success":true,' }],
  ['201 with is_success: false and an id', 'UNREADABLE_RESPONSE', { body: { is_success: false, connection_id: ID } }],
  ['200 with an HTML page', 'UNREADABLE_RESPONSE', { status: 200, body: HTML }],
  ['204', 'UNREADABLE_RESPONSE', { status: 204 }],
  ['201 without a body', 'UNREADABLE_RESPONSE', { status: 201 }],
  ['201 without an id', 'UNREADABLE_RESPONSE', { body: { is_success: true, message: '' } }],
  ['201 with an id that is not a UUID', 'UNREADABLE_RESPONSE', { body: NOT_A_UUID }],
  ['a truncated body', 'CONNECTION_LOST', { behaviour: 'truncate', truncateAt: 88 }],
  ['a truncated chunk', 'CONNECTION_LOST', { behaviour: 'truncate', truncateAt: 88, chunked: true }],
  ['a reset during the response', 'CONNECTION_LOST', { behaviour: 'resetDuringAnswer' }],
  ['a body of 2 MB', 'UNREADABLE_RESPONSE', { behaviour: 'huge', hugeBytes: 2_000_000 }],
];

const shared = shareGateway();

/** The shared gateway, with a name and a key that no other test uses. */
function startFresh() {
  const name = freshName();
  const { create, emulator } = shared();
  return { ...countsOf(emulator), create, call: { name, idempotencyKey: `${KEY}-${name}` } };
}

/** Repeats ended creates concurrently, which then share the reads of the list. */
function repeatEach<End extends { repeat(): Promise<Payload> }>(ends: readonly End[]) {
  return Promise.all(
    ends.map(async end => {
      // Background reconciliation may own the record at this moment.
      const repeated = await until(end.repeat, ({ __typename }) => __typename !== IN_PROGRESS.__typename);
      return { ...end, repeated };
    }),
  );
}

describe('a create whose response proves nothing', () => {
  it('is reconciled to a success if DLI executed it, no matter what the response is', async () => {
    const ends = await createEach(shared(), ROWS, ([, , answer]) => ({ ...answer, apply: true }));
    for (const { row, payload, repeat, posts, applied } of ends) {
      const [connectionId, ...others] = applied();
      const expected = expect.objectContaining({ ...RECONCILED, connectionId });
      expect([row, payload, others]).toEqual([row, expected, []]);
      expect([row, await repeat(), posts()]).toEqual([row, payload, 1]);
    }
  });

  it('stays unknown if DLI did not execute it, no matter what the response is', async () => {
    const ends = await createEach(shared(), ROWS, ([, , answer]) => ({ ...answer, apply: false }));
    for (const { row, idempotencyKey, payload, repeated, posts, applied } of await repeatEach(ends)) {
      const expected = expect.objectContaining({ ...UNKNOWN, reason: row[1], idempotencyKey });
      expect([row, payload, repeated]).toEqual([row, expected, expected]);
      expect([row, posts(), applied()]).toEqual([row, 1, []]);
    }
  });
});

describe('a create that is interrupted', () => {
  it('by a reset before DLI has read its body stays unknown', async () => {
    const { create, call, emulator, posts } = startFresh();
    emulator.inject({ operation: 'createConnection', behaviour: 'resetBeforeBody' });
    expect(await create(call)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(await create(call)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(posts()).toBe(1);
  });

  it('by its deadline is found by a repeat, without a response or with one byte per 200 ms', async () => {
    const gateway = await startIdempotencyGateway({ env: { OPERATION_TIMEOUT_MS: '4000' } });
    const answers = [{ behaviour: 'hang' }, { behaviour: 'drip', dripMs: 200 }] as const;
    const ends = await createEach(gateway, answers, answer => ({ ...answer, apply: true }));
    for (const { row, payload, repeated, posts, applied } of await repeatEach(ends)) {
      const unknown = expect.objectContaining({ ...UNKNOWN, reason: 'TIMEOUT_AFTER_SEND' });
      const found = expect.objectContaining({ ...RECONCILED, connectionId: applied()[0] });
      expect([row, payload, repeated]).toEqual([row, unknown, found]);
      expect([row, posts(), applied().length]).toEqual([row, 1, 1]);
    }
  });
});

describe('a redirect', () => {
  it('is not followed, and the outcome is unknown', async () => {
    const { host, connections } = await listen(createServer());
    const ends = await createEach(shared(), [301, 302, 303, 307, 308], status => ({
      status,
      redirectTo: `http://${host}/`,
    }));
    for (const { row, payload, repeated, posts } of await repeatEach(ends)) {
      const expected = expect.objectContaining({ ...UNKNOWN, reason: 'UNEXPECTED_REDIRECT' });
      expect([row, payload, repeated, posts()]).toEqual([row, expected, expected, 1]);
    }
    expect(connections()).toEqual([]);
  });

  it('after the create was executed is reconciled to a success', async () => {
    const ends = await createEach(shared(), [302, 307], status => ({ status, apply: true }));
    for (const { row, payload, posts, applied } of ends) {
      const expected = expect.objectContaining({ ...RECONCILED, connectionId: applied()[0] });
      expect([row, payload, posts()]).toEqual([row, expected, 1]);
    }
  });
});

describe('a 201 response with is_success: false and no id', () => {
  const FAILED = { operation: 'createConnection', body: { is_success: false, message: 'no' } } as const;

  it('is a refusal when the list does not show the connection', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway();
    emulator.inject(FAILED);
    const payload = await create(CALL);
    expect(payload).toMatchObject({ __typename: 'DliRejectedError', dliCode: null });
    expect(emulator.ledger.count('listConnections')).toBe(1);
    expect(await create(CALL)).toEqual(payload);
    expect(posts()).toBe(1);
  });

  it('is a success when the list shows the connection', async () => {
    const { create, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject({ ...FAILED, apply: true });
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });

  it('is unknown while the list cannot be read, and then a success', async () => {
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
