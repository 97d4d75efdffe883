import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { queryConnection, queryPage } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const shared = shareGateway();

afterEach(closeGateways);

const CANARY = 'canary-10-0-0-7';
const OPERATIONS = ['getConnection', 'listConnections'] as const;

const UNKNOWN_ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
/** Responses of DLI to every attempt, and the error code that callers get. */
const ANSWERS: [what: string, fault: Partial<Fault>, code: string][] = [
  ['500 without a body', { status: 500 }, 'UPSTREAM_UNAVAILABLE'],
  ['502 with HTML', { status: 502, body: `<html>${CANARY}</html>` }, 'UPSTREAM_UNAVAILABLE'],
  ['503 of the API gateway', { error: 'APIGW.0613' }, 'UPSTREAM_UNAVAILABLE'],
  ['a server error with status 400', { error: 'DLI.0999' }, 'UPSTREAM_UNAVAILABLE'],
  ['429', { error: 'APIGW.0308', headers: { 'Retry-After': '7' } }, 'UPSTREAM_THROTTLED'],
  ['429 with HTML', { status: 429, body: `<html>${CANARY}</html>` }, 'UPSTREAM_THROTTLED'],
  ['401', { error: 'APIGW.0301' }, 'UPSTREAM_AUTH_FAILED'],
  ['403', { error: 'APIGW.0302' }, 'UPSTREAM_AUTH_FAILED'],
  ['nothing: the connection is lost', { behaviour: 'reset' }, 'UPSTREAM_UNAVAILABLE'],
  ['a truncated body', { behaviour: 'truncate', apply: true }, 'UPSTREAM_UNAVAILABLE'],
  ['200 with HTML', { status: 200, body: `<html>${CANARY}</html>` }, 'UPSTREAM_UNAVAILABLE'],
  ['200 without a body', { status: 200, body: '' }, 'UPSTREAM_UNAVAILABLE'],
  ['null', { status: 200, body: 'null' }, 'UPSTREAM_UNAVAILABLE'],
  ['is_success only', { status: 200, body: '{"is_success": true}' }, 'UPSTREAM_UNAVAILABLE'],
  [
    'that it went wrong',
    { status: 200, body: `{"is_success": false, "message": "${CANARY}"}` },
    'UPSTREAM_UNAVAILABLE',
  ],
  [
    'of another connection',
    { status: 200, body: '{"connection_id": "68233202-63bf-4f27-a99b-fa5f5a2dbae1", "connections": 1}' },
    'UPSTREAM_UNAVAILABLE',
  ],
  [
    'that it went well, with an error code',
    {
      status: 200,
      body: '{"is_success": true, "state": "ACTIVE", "connections": [], "error_code": "DLI.0999"}',
    },
    'UPSTREAM_UNAVAILABLE',
  ],
  ['a redirect', { behaviour: 'answer', redirectTo: 'http://127.0.0.2:1/' }, 'UPSTREAM_UNAVAILABLE'],
];

describe.each(OPERATIONS)('a response to %s', operation => {
  it.each(ANSWERS)('%j becomes an error with a code, and none of it is shown', async (_what, fault, code) => {
    const gateway = shared();
    const { connectionId } = gateway.emulator.seedConnection({ state: 'ACTIVE' });
    gateway.emulator.inject({ operation, times: 0, ...fault });
    const { status, body } =
      operation === 'getConnection' ? await queryConnection(gateway, connectionId) : await queryPage(gateway);
    expect(status).toBe(200);
    expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual([code]);
    expect(JSON.stringify(body)).not.toMatch(/canary|10\.0\.0\.7|127\.0\.0|DLI\.|APIGW/);
    expect(gateway.emulator.ledger.count(operation)).toBeLessThanOrEqual(2);
    expect(gateway.log()).not.toContain(CANARY);
  });

  it('that the API is unavailable becomes an error if that of enhanced connections is unavailable too', async () => {
    const gateway = shared();
    const enhanced = operation === 'getConnection' ? 'getEnhancedConnection' : 'listEnhancedConnections';
    for (const each of [operation, enhanced] as const)
      gateway.emulator.inject({ operation: each, times: 0, error: 'APIGW.0101' });
    const { body } =
      operation === 'getConnection' ? await queryConnection(gateway, UNKNOWN_ID) : await queryPage(gateway);
    expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual(['UPSTREAM_REJECTED']);
  });

  it('that is lost is retried once, and the caller gets a result', async () => {
    const gateway = shared();
    const { connectionId } = gateway.emulator.seedConnection({ state: 'ACTIVE' });
    gateway.emulator.inject({ operation, behaviour: 'reset' });
    const { body } =
      operation === 'getConnection' ? await queryConnection(gateway, connectionId) : await queryPage(gateway);
    expect(body.errors).toBeUndefined();
    expect(JSON.stringify(body.data)).toContain(connectionId);
    expect(gateway.emulator.ledger.count(operation)).toBe(2);
  });

  it('that refuses an expired token is retried once with a new token', async () => {
    const gateway = await startGateway({ env: { ...IAM_USER, READ_FRESHNESS_MS: '0' } });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'ACTIVE' });
    const ask = () => (operation === 'getConnection' ? queryConnection(gateway, connectionId) : queryPage(gateway));
    await ask();
    gateway.emulator.expireTokens();
    expect((await ask()).body.errors).toBeUndefined();
    expect(gateway.emulator.ledger.entries(operation).map(({ status }) => status)).toEqual([200, 401, 200]);
  });

  it('passes on its Retry-After', async () => {
    const gateway = shared();
    gateway.emulator.inject({ operation, error: 'APIGW.0308', headers: { 'Retry-After': '7' }, times: 0 });
    const { headers, body } =
      operation === 'getConnection' ? await queryConnection(gateway, UNKNOWN_ID) : await queryPage(gateway);
    expect(body.errors?.[0]?.extensions).toMatchObject({ retryAfterSeconds: 7 });
    expect(headers.get('retry-after')).toBe('7');
  });
});

describe('a connection that does not exist', () => {
  it.each<[what: string, fault: Partial<Fault> | undefined]>([
    ['with the error of enhanced connections', undefined],
    ['by DLI.0002', { error: 'DLI.0002' }],
    ['by 404', { status: 404, body: '{"error_code": "DLI.0023", "error_msg": "none"}' }],
  ])('is reported as null: %s', async (_what, fault) => {
    const gateway = shared();
    if (fault !== undefined) gateway.emulator.inject({ operation: 'getConnection', ...fault });
    const { body } = await queryConnection(gateway, UNKNOWN_ID);
    expect(body).toEqual({ data: { datasourceConnection: null } });
  });

  it.each(['', 'x', '../emulator/ledger', '68233202-63bf-4f27-a99b-fa5f5a2dbae1/..', 'x'.repeat(256)])(
    'is null without a call to DLI when %j cannot be an id',
    async id => {
      const gateway = shared();
      expect((await queryConnection(gateway, id)).body).toEqual({ data: { datasourceConnection: null } });
      expect((await queryConnection(gateway, id, 'waitSeconds: 5')).body).toEqual({
        data: { datasourceConnection: null },
      });
      expect(gateway.emulator.ledger.count()).toBe(0);
    },
  );

  it('is not reported as null if neither the get nor the list can be read', async () => {
    const gateway = shared();
    const body = '{"error_code": "DLI.0001", "error_msg": "Parameter project_id is invalid."}';
    gateway.emulator.inject({ operation: 'any', status: 400, body, times: 0 });
    const answer = await queryConnection(gateway, UNKNOWN_ID);
    expect(answer.body.errors?.map(({ extensions }) => extensions.code)).toEqual(['UPSTREAM_REJECTED']);
  });
});
