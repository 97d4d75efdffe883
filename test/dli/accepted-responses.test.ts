import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const OTHER_ID = '378eb1e6-521d-41a4-a41c-bbb58f34a6d6';
const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };

const gateway = shareGateway();

/** Creates against a DLI that answers like this; returns the calls that it received too. */
async function createAgainst(answer: Partial<Fault>) {
  const { emulator, create } = gateway();
  emulator.inject({ operation: 'createConnection', times: 0, ...answer });
  return {
    payload: await create({ name: freshName() }),
    calls: emulator.ledger.entries().map(entry => entry.operation),
  };
}

describe('an answer that names the new connection', () => {
  it.each<[form: string, answer: Partial<Fault>]>([
    ['as documented', { body: { is_success: true, message: '', connection_id: ID } }],
    ['without is_success, which counts as true', { body: { message: '', connection_id: ID } }],
    ['without a message', { body: { is_success: true, connection_id: ID } }],
    ['with nothing but the id', { body: { connection_id: ID } }],
    ['with unknown fields', { body: { connection_id: ID, count: 1, extra: { a: [] } } }],
    ['with status 200', { status: 200, body: { is_success: true, message: '', connection_id: ID } }],
    ['with status 202', { status: 202, body: { is_success: true, message: '', connection_id: ID } }],
    ['in plain text', { body: `{"connection_id":"${ID}"}`, headers: { 'Content-Type': 'text/plain' } }],
    ['slowly', { body: { connection_id: ID }, behaviour: 'drip', dripMs: 1 }],
  ])('is a success %s', async (_form, answer) => {
    const { payload, calls } = await createAgainst(answer);
    expect(payload).toEqual({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: ID,
      hint: null,
      reconciled: false,
    });
    expect(calls).toEqual(['createConnection']);
  });

  it('in capital letters is passed on as it is', async () => {
    const { payload } = await createAgainst({ body: { connection_id: ID.toUpperCase() } });
    expect(payload.connectionId).toBe('68233202-63BF-4F27-A99B-FA5F5A2DBAE1');
  });
});

describe('a success that cannot be trusted is an unknown outcome', () => {
  it.each<[form: string, answer: Partial<Fault>]>([
    ['broken JSON', { body: `{"is_success":true,"connection_id":"${ID}"` }],
    ['an HTML page', { body: `<html><body>${ID}</body></html>` }],
    ['an empty body', { status: 201 }],
    ['an empty object', { body: {} }],
    ['null', { body: 'null' }],
    ['a list', { body: [{ is_success: true, connection_id: ID }] }],
    ['a text', { body: JSON.stringify(ID) }],
    ['204', { status: 204 }],
    ['205', { status: 205 }],
    ['no id', { body: { is_success: true, message: '' } }],
    ['an id that is null', { body: { is_success: true, connection_id: null } }],
    ['an empty id', { body: { is_success: true, connection_id: '' } }],
    ['an id that is a number', { body: { is_success: true, connection_id: 68233202 } }],
    ['an id that is no UUID', { body: { is_success: true, connection_id: 'connection-1' } }],
    ['an id with a line break behind it', { body: { is_success: true, connection_id: `${ID}\n` } }],
    ['an id that is a script', { body: { is_success: true, connection_id: '<script>alert(1)</script>' } }],
    ['an id of 5 KB', { body: { is_success: true, connection_id: 'a'.repeat(5 * 1024) } }],
    ['two ids', { body: `{"is_success":true,"connection_id":"${ID}","connection_id":"${OTHER_ID}"}` }],
    ['two ids, one spelled with an escape', { body: `{"connection_id":"${ID}","connection\\u005fid":"${OTHER_ID}"}` }],
    ['an id and an error code', { body: { is_success: true, connection_id: ID, error_code: 'DLI.0999' } }],
    ['is_success twice', { body: `{"is_success":false,"is_success":true,"connection_id":"${ID}"}` }],
    ['is_success as text', { body: { is_success: 'true', connection_id: ID } }],
    ['is_success null', { body: { is_success: null, connection_id: ID } }],
    ['text behind the JSON', { body: `{"connection_id":"${ID}"}{}` }],
  ])('with %s', async (_form, answer) => {
    const { payload, calls } = await createAgainst(answer);
    expect(payload).toMatchObject(UNKNOWN);
    expect(calls.filter(call => call === 'createConnection')).toHaveLength(1);
  });
});

describe("DLI's hint", () => {
  it.each([
    ['Creating the connection takes a few minutes.'],
    ['The queue "sales" has 2 connections, 3 are allowed.'],
    ['创建连接需要几分钟。'],
    ['x'.repeat(15)],
  ])('is shown when it is plain text: %s', async message => {
    const { payload } = await createAgainst({ body: { message, connection_id: ID } });
    expect(payload.hint).toBe(message);
  });

  it.each([
    ['is empty', ''],
    ['is blank', ' \t '],
    ['holds a URL', 'See https://dli.example.com/help for more.'],
    ['holds a host name', 'Created by dli.cn-north-4.myhuaweicloud.com for you.'],
    ['holds an id of 32 hex digits', 'Project 48cc2c48765f481480c7db940d6409d1 has one connection more.'],
    ['holds a UUID', `Connection ${OTHER_ID} waits for its router.`],
    ['holds an access key', 'Signed with EMULATORACCESSKEY001.'],
    ['holds an IP address', 'Port created at 192.168.0.12.'],
    ['holds an IPv6 address', 'Port created at fe80::1c2a:3bff:fe4d.'],
    ['spans lines', 'Created.\nThe router is not ready.'],
    ['holds markup', 'Created <b>now</b>.'],
    ['holds a control character', 'Created.\u0000'],
    ['turns the direction of writing', 'Created \u202e.won'],
    ['is 5 KB long', 'long '.repeat(1024)],
    ['is 900 KB of digits', '7'.repeat(900 * 1024)],
  ])('is withheld when it %s', async (_case, message) => {
    const { payload } = await createAgainst({ body: { message, connection_id: ID } });
    expect(payload).toEqual({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: ID,
      hint: null,
      reconciled: false,
    });
  });
});
