import { hash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createEach } from '../helpers/create-each.js';
import { KEY, startIdempotencyGateway, UNKNOWN } from '../helpers/idempotency-gateway.js';
import { linesWith } from '../helpers/log-lines.js';

const CALL = { idempotencyKey: KEY };
const AUTH_FAILED = { __typename: 'DliUnavailableError', code: 'UPSTREAM_AUTH_FAILED', retryAfterSeconds: 60 };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: false };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';

const DENIAL = {
  operation: 'createConnection',
  status: 403,
  body: { error_code: 'PDP5.403', error_msg: 'no' },
} as const;

/** Forms of a refusal, and the code that is logged. */
const FORMS: readonly (readonly [form: string, body: string | object, upstreamCode: string | undefined])[] = [
  ['a code of another service', { error_code: 'PDP5.403', error_msg: 'no' }, 'PDP5.403'],
  ['a code of DLI', { error_code: 'DLI.10005', error_msg: 'no' }, 'DLI.10005'],
  ['a code of the API gateway', { error_code: 'APIGW.0404', error_msg: 'no' }, 'APIGW.0404'],
  ['the form of IAM', { error: { code: 'IAM.0003', message: 'no', title: 'Forbidden' } }, 'IAM.0003'],
  ['a number as its code', { error: { code: 403, message: 'no' } }, '403'],
  ['a policy denial', { error_code: 'EPS.0003', error_msg: 'no', encoded_authorization_message: 'x' }, 'EPS.0003'],
  ['a code in lower case', { code: 'forbidden.by-policy', message: 'no' }, 'forbidden.by-policy'],
  ['a code of Chinese words', { error_code: '无权限', error_msg: '无权限' }, '无权限'],
  ['a long code with control characters', { error_code: `A\n\u202eB${'c'.repeat(200)}` }, `AB${'c'.repeat(62)}`],
  ['a code followed by a key', { error_code: 'IAM.0003 EMULATORACCESSKEY001' }, 'IAM.0003'],
  ['a key as its code', { error_code: 'TESTAKNOTREAL0000001' }, 'TEST…'],
  ['an address as its code', { error_code: '192.168.0.12:5432' }, undefined],
  ['an id as its code', { error_code: ID }, undefined],
  [
    'details that have their own code',
    { error_code: 'PAP5.0001', error_msg: 'no', details: [{ error_code: 'PAP5.0002' }] },
    'PAP5.0001',
  ],
  ['an HTML page', '<html>Forbidden</html>', undefined],
  ['no body', '', undefined],
];

describe('a 403 of a create that is not a listed refusal', () => {
  it('is a missing right if the list does not show the connection', async () => {
    // Long enough that a slow machine does not use up a quarter of it, after which a single list read is enough.
    const { create, emulator, posts } = await startIdempotencyGateway({ env: { RECONCILE_SETTLE_MS: '12000' } });
    emulator.inject(DENIAL);
    expect(await create(CALL)).toMatchObject(AUTH_FAILED);
    expect([posts(), emulator.ledger.count('listConnections')]).toEqual([1, 2]);
  });

  it('is a missing right regardless of its form, and its code is logged', async () => {
    const gateway = await startIdempotencyGateway({ env: { RECONCILE_SETTLE_MS: '12000' } });
    // Identifies the log line.
    const requestIdOf = (form: string) => hash('sha256', form).slice(0, 32);
    const ends = await createEach(gateway, FORMS, ([form, body]) => ({
      status: 403,
      body,
      headers: { 'X-Request-Id': requestIdOf(form) },
    }));
    const codesOf = (form: string) => {
      const call = { operation: 'createConnection', upstreamRequestId: requestIdOf(form) };
      return linesWith(gateway.log(), 'upstream', call).map(line => line['upstreamCode']);
    };
    expect(ends.map(({ row: [form], payload, posts }) => [form, payload, posts(), codesOf(form)])).toEqual(
      FORMS.map(([form, , code]) => [form, expect.objectContaining(AUTH_FAILED), 1, [code]]),
    );
  });

  it('is a success if the list shows the connection', async () => {
    const { create, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject({ ...DENIAL, apply: true });
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });

  it('is a success if the list shows the connection later', async () => {
    const { create, createUntil, advance, emulator, posts, applied } = await startIdempotencyGateway({
      emulator: { listLagMs: 10_000 },
      env: { RECONCILE_SETTLE_MS: '60000' },
    });
    emulator.inject({ ...DENIAL, apply: true });
    expect(await create(CALL)).toMatchObject(AUTH_FAILED);
    advance(10_000);
    const payload = await createUntil(RECONCILED.__typename, CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });

  it('is not sent again until the connection can no longer appear, and then with the same key', async () => {
    const { create, createUntil, advance, emulator, posts, logged } = await startIdempotencyGateway();
    emulator.inject(DENIAL);
    expect(await create(CALL)).toMatchObject(AUTH_FAILED);
    expect(await create(CALL)).toMatchObject(AUTH_FAILED);
    expect(posts()).toBe(1);
    advance(1_000);
    await logged('"outcome":"refused"');
    expect(await createUntil(SUCCESS.__typename, CALL)).toMatchObject(SUCCESS);
    expect(posts()).toBe(2);
  });

  it('is unknown while the list is refused too, and a missing right once it can be read', async () => {
    const { create, createUntil, advance, emulator, posts, logged } = await startIdempotencyGateway();
    emulator.inject(DENIAL);
    emulator.inject({ operation: 'listConnections', status: 403, times: 0 });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    // Past the time after which an unreadable list settles a create.
    advance(8_000);
    await logged('settled without trace');
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    emulator.clearFaults();
    expect(await createUntil(AUTH_FAILED.__typename, CALL)).toMatchObject(AUTH_FAILED);
    expect(posts()).toBe(1);
    expect(await createUntil(SUCCESS.__typename, CALL)).toMatchObject(SUCCESS);
  });

  it('is unknown if it contradicts itself', async () => {
    const bodies = [
      ['an id', `{"error_code":"PDP5.403","connection_id":"${ID}"}`],
      ['is_success: true', '{"error_code":"PDP5.403","is_success":true}'],
      ['two codes', '{"error_code":"PDP5.403","error_code":"PDP5.404"}'],
      ['the code of a server-side error', '{"error_code":"DLI.0999"}'],
    ] as const;
    const ends = await createEach(await startIdempotencyGateway(), bodies, ([, body]) => ({ status: 403, body }));
    expect(ends.map(({ row: [what], payload }) => [what, payload])).toEqual(
      bodies.map(([what]) => [what, expect.objectContaining(UNKNOWN)]),
    );
  });
});
