import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { createEach } from '../helpers/create-each.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const OTHER_ID = '378eb1e6-521d-41a4-a41c-bbb58f34a6d6';
const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };

const gateway = shareGateway();

/** Creates against a DLI with this response; returns the payload and the calls that DLI received. */
async function createAgainst(answer: Partial<Fault>) {
  const { emulator, create } = gateway();
  emulator.inject({ operation: 'createConnection', times: 0, ...answer });
  return {
    payload: await create({ name: freshName() }),
    calls: emulator.ledger.entries().map(entry => entry.operation),
  };
}

describe('a response with the id of the new connection', () => {
  it.each<[form: string, answer: Partial<Fault>]>([
    ['as documented', { body: { is_success: true, message: '', connection_id: ID } }],
    ['without is_success, which counts as true', { body: { message: '', connection_id: ID } }],
    ['without a message', { body: { is_success: true, connection_id: ID } }],
    ['with the id only', { body: { connection_id: ID } }],
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
      message: '',
      reconciled: false,
    });
    expect(calls).toEqual(['createConnection']);
  });

  it('in capital letters is returned unchanged', async () => {
    const { payload } = await createAgainst({ body: { connection_id: ID.toUpperCase() } });
    expect(payload.connectionId).toBe('68233202-63BF-4F27-A99B-FA5F5A2DBAE1');
  });
});

describe('a success', () => {
  it('is an unknown outcome if its response is unusual', async () => {
    const rows: readonly (readonly [form: string, answer: Partial<Fault>])[] = [
      ['is broken JSON', { body: `{"is_success":true,"connection_id":"${ID}"` }],
      ['is an HTML page', { body: `<html><body>${ID}</body></html>` }],
      ['has an empty body', { status: 201 }],
      ['is an empty object', { body: {} }],
      ['is null', { body: 'null' }],
      ['is a list', { body: [{ is_success: true, connection_id: ID }] }],
      ['is a string', { body: JSON.stringify(ID) }],
      ['has status 204', { status: 204 }],
      ['has status 205', { status: 205 }],
      ['has no id', { body: { is_success: true, message: '' } }],
      ['has an id that is null', { body: { is_success: true, connection_id: null } }],
      ['has an empty id', { body: { is_success: true, connection_id: '' } }],
      ['has an id that is a number', { body: { is_success: true, connection_id: 68233202 } }],
      ['has an id that is not a UUID', { body: { is_success: true, connection_id: 'connection-1' } }],
      ['has an id with a trailing line break', { body: { is_success: true, connection_id: `${ID}\n` } }],
      ['has an id that is a script', { body: { is_success: true, connection_id: '<script>alert(1)</script>' } }],
      ['has an id of 5 KB', { body: { is_success: true, connection_id: 'a'.repeat(5 * 1024) } }],
      ['has two ids', { body: `{"is_success":true,"connection_id":"${ID}","connection_id":"${OTHER_ID}"}` }],
      [
        'has two ids, one key of which is escaped',
        { body: `{"connection_id":"${ID}","connection\\u005fid":"${OTHER_ID}"}` },
      ],
      ['has an id and an error code', { body: { is_success: true, connection_id: ID, error_code: 'DLI.0999' } }],
      ['has is_success twice', { body: `{"is_success":false,"is_success":true,"connection_id":"${ID}"}` }],
      ['has is_success as a string', { body: { is_success: 'true', connection_id: ID } }],
      ['has is_success null', { body: { is_success: null, connection_id: ID } }],
      ['has text after the JSON', { body: `{"connection_id":"${ID}"}{}` }],
    ];
    const ends = await createEach(gateway(), rows, ([, answer]) => answer);
    expect(ends.map(({ row: [form], payload, posts }) => [form, payload, posts()])).toEqual(
      rows.map(([form]) => [form, expect.objectContaining(UNKNOWN), 1]),
    );
  });
});

describe("DLI's message", () => {
  it.each([
    ['Creating the connection takes a few minutes.'],
    ['The queue "sales" has 2 connections, 3 are allowed.'],
    ['创建连接需要几分钟。'],
    ['x'.repeat(15)],
  ])('is shown when it is plain text: %s', async message => {
    const { payload } = await createAgainst({ body: { message, connection_id: ID } });
    expect(payload.message).toBe(message);
  });

  it.each([
    ['is empty', ''],
    ['is blank', ' \t '],
    ['contains a URL', 'See https://dli.example.com/help for more.'],
    ['contains a host name', 'Created by dli.cn-north-4.myhuaweicloud.com for you.'],
    ['contains an id of 32 hex digits', 'Project 48cc2c48765f481480c7db940d6409d1 has one connection more.'],
    ['contains a UUID', `Connection ${OTHER_ID} waits for its router.`],
    ['contains an access key', 'Signed with EMULATORACCESSKEY001.'],
    ['contains an IP address', 'Port created at 192.168.0.12.'],
    ['contains an IPv6 address', 'Port created at fe80::1c2a:3bff:fe4d.'],
    ['has several lines', 'Created.\nThe router is not ready.'],
    ['contains markup', 'Created <b>now</b>.'],
    ['contains a control character', 'Created.\u0000'],
    ['changes the direction of the text', 'Created \u202e.won'],
    ['is 5 KB long', 'long '.repeat(1024)],
    ['is 900 KB of digits', '7'.repeat(900 * 1024)],
  ])('is withheld when it %s', async (_case, message) => {
    const { payload } = await createAgainst({ body: { message, connection_id: ID } });
    expect(payload).toEqual({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: ID,
      message: '',
      reconciled: false,
    });
  });
});
