import { describe, expect, it } from '@jest/globals';
import { shareGateway } from '../helpers/shared-gateway.js';

const CANARY = 'zq7canary';

const shared = shareGateway();

describe('an input that violates a rule', () => {
  it.each<[what: string, changes: Record<string, unknown>, path: string[], code: string, limit?: number | null]>([
    ['an empty name', { name: '' }, ['name'], 'TOO_SHORT', 1],
    ['a name of 65 characters', { name: CANARY.padEnd(65, 'x') }, ['name'], 'TOO_LONG', 64],
    ['a space in the name', { name: `${CANARY} x` }, ['name'], 'WRONG_FORMAT'],
    ['a space before the name', { name: ` ${CANARY}` }, ['name'], 'WRONG_FORMAT'],
    ['a dot in the name', { name: `${CANARY}.x` }, ['name'], 'WRONG_FORMAT'],
    ['a slash in the name', { name: `../${CANARY}` }, ['name'], 'WRONG_FORMAT'],
    ['a line break in the name', { name: `${CANARY}\r\nx: y` }, ['name'], 'WRONG_FORMAT'],
    ['a line feed after the name', { name: `${CANARY}\n` }, ['name'], 'WRONG_FORMAT'],
    ['a NUL in the name', { name: `${CANARY}\0` }, ['name'], 'WRONG_FORMAT'],
    ['a right-to-left mark in the name', { name: `\u202e${CANARY}` }, ['name'], 'WRONG_FORMAT'],
    ['an emoji in the name', { name: `${CANARY}\u{1f600}` }, ['name'], 'WRONG_FORMAT'],
    ['full-width letters in the name', { name: `${CANARY}\uff41` }, ['name'], 'WRONG_FORMAT'],
    ['a combining mark in the name', { name: `${CANARY}e\u0301` }, ['name'], 'WRONG_FORMAT'],
    ['an empty security group', { securityGroupId: '' }, ['securityGroupId'], 'TOO_SHORT', 1],
    [
      'a security group of 65 characters',
      { securityGroupId: CANARY.padEnd(65, '0') },
      ['securityGroupId'],
      'TOO_LONG',
      64,
    ],
    ['a path as security group', { securityGroupId: `../${CANARY}` }, ['securityGroupId'], 'WRONG_FORMAT'],
    ['an underscore in the security group', { securityGroupId: `${CANARY}_x` }, ['securityGroupId'], 'WRONG_FORMAT'],
    ['an empty network', { networkId: '' }, ['networkId'], 'TOO_SHORT', 1],
    ['a network of 65 characters', { networkId: CANARY.padEnd(65, '0') }, ['networkId'], 'TOO_LONG', 64],
    ['a line feed after the network', { networkId: `${CANARY}\n` }, ['networkId'], 'WRONG_FORMAT'],
    ['an empty url', { url: '' }, ['url'], 'WRONG_FORMAT'],
    ['a url of 513 characters', { url: `${CANARY.padEnd(508, 'x')}:5432` }, ['url'], 'TOO_LONG', 512],
    ['a space in the url', { url: `${CANARY} x:5432` }, ['url'], 'WRONG_FORMAT'],
    ['a line break in the url', { url: `${CANARY}:5432\r\nx: y` }, ['url'], 'WRONG_FORMAT'],
    ['a NUL in the url', { url: `${CANARY}\0:5432` }, ['url'], 'WRONG_FORMAT'],
    ['a user in the url', { url: `${CANARY}:pw@h:5432` }, ['url'], 'WRONG_FORMAT'],
    ['a url that is not ASCII', { url: `${CANARY}\u00fc:5432` }, ['url'], 'WRONG_FORMAT'],
    ['an empty cluster name', { clusterName: '' }, ['clusterName'], 'TOO_SHORT', 1],
    ['a cluster name of 129 characters', { clusterName: CANARY.padEnd(129, 'x') }, ['clusterName'], 'TOO_LONG', 128],
    ['a path as cluster name', { clusterName: `../${CANARY}` }, ['clusterName'], 'WRONG_FORMAT'],
    ['11 tags', { tags: Array.from({ length: 11 }, (_, n) => tag(`${CANARY}${n}`)) }, ['tags'], 'TOO_MANY', 10],
    ['two tags with one key', { tags: [tag(CANARY), tag(CANARY, 'x')] }, ['tags'], 'DUPLICATE'],
    ['an empty tag key', { tags: [tag('a'), tag('', CANARY)] }, ['tags', '1', 'key'], 'TOO_SHORT', 1],
    ['a tag key that begins with _sys_', { tags: [tag(`_sys_${CANARY}`)] }, ['tags', '0', 'key'], 'NOT_ALLOWED'],
    ['the tag key of the marker', { tags: [tag('gw_req', CANARY)] }, ['tags', '0', 'key'], 'NOT_ALLOWED'],
    ['a space before a tag key', { tags: [tag(` ${CANARY}`)] }, ['tags', '0', 'key'], 'WRONG_FORMAT'],
    ['a space after a tag key', { tags: [tag(`${CANARY} `)] }, ['tags', '0', 'key'], 'WRONG_FORMAT'],
    ['a tag key of 129 characters', { tags: [tag(CANARY.padEnd(129, 'x'))] }, ['tags', '0', 'key'], 'TOO_LONG', 128],
    [
      'a combining mark without a letter in a tag key',
      { tags: [tag(`${CANARY}\ufe0f`)] },
      ['tags', '0', 'key'],
      'WRONG_FORMAT',
    ],
    [
      'a tag key of 65 letters of two UTF-16 units',
      { tags: [tag('\u{20000}'.repeat(65))] },
      ['tags', '0', 'key'],
      'TOO_LONG',
      128,
    ],
    ['a line feed in a tag key', { tags: [tag(`${CANARY}\n`)] }, ['tags', '0', 'key'], 'WRONG_FORMAT'],
    ['a comma in a tag key', { tags: [tag(`${CANARY},x`)] }, ['tags', '0', 'key'], 'WRONG_FORMAT'],
    ['a space before a tag value', { tags: [tag('a', ` ${CANARY}`)] }, ['tags', '0', 'value'], 'WRONG_FORMAT'],
    [
      'a tag value of 256 characters',
      { tags: [tag('a', CANARY.padEnd(256, 'x'))] },
      ['tags', '0', 'value'],
      'TOO_LONG',
      255,
    ],
    ['a line break in a tag value', { tags: [tag('a', `${CANARY}\r\nx`)] }, ['tags', '0', 'value'], 'WRONG_FORMAT'],
    ['an emoji in a tag value', { tags: [tag('a', `${CANARY}\u{1f600}`)] }, ['tags', '0', 'value'], 'WRONG_FORMAT'],
    ['an idempotency key of 15 characters', { idempotencyKey: `${CANARY}123456` }, ['idempotencyKey'], 'TOO_SHORT', 16],
    [
      'an idempotency key of 65 characters',
      { idempotencyKey: CANARY.padEnd(65, 'x') },
      ['idempotencyKey'],
      'TOO_LONG',
      64,
    ],
    ['a space in the idempotency key', { idempotencyKey: `${CANARY} 123456789` }, ['idempotencyKey'], 'WRONG_FORMAT'],
    [
      'a line break in the idempotency key',
      { idempotencyKey: `${CANARY}\r\n1234567` },
      ['idempotencyKey'],
      'WRONG_FORMAT',
    ],
  ])('is refused for %s, naming the field, and nothing is sent', async (_what, changes, path, code, limit = null) => {
    const gateway = shared();
    const payload = await gateway.create(changes);

    expect(payload).toEqual({
      __typename: 'InvalidInputError',
      code: 'BAD_USER_INPUT',
      message: 'The input breaks the rules listed in problems. Nothing was sent to DLI.',
      problems: [{ path, code, limit, message: expect.stringMatching(/^.{20,250}\.$/) }],
    });
    expect(JSON.stringify(payload) + gateway.log()).not.toContain(CANARY);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('is refused with the problems of all its fields at once', async () => {
    const gateway = shared();
    const { problems } = await gateway.create({
      name: '',
      securityGroupId: '',
      networkId: '',
      url: '',
      clusterName: '',
      tags: [tag('a'), tag('a', ' ')],
      idempotencyKey: '',
    });

    expect(problems).toEqual([
      { path: ['name'], code: 'TOO_SHORT', message: 'name must be 1 to 64 characters long.', limit: 1 },
      {
        path: ['securityGroupId'],
        code: 'TOO_SHORT',
        message: 'securityGroupId must be 1 to 64 characters long.',
        limit: 1,
      },
      { path: ['networkId'], code: 'TOO_SHORT', message: 'networkId must be 1 to 64 characters long.', limit: 1 },
      {
        path: ['url'],
        code: 'WRONG_FORMAT',
        message: 'For RDS, url must be exactly one host:port, at most 512 characters, for example 192.168.0.12:3306.',
        limit: null,
      },
      { path: ['clusterName'], code: 'TOO_SHORT', message: 'clusterName must be 1 to 128 characters long.', limit: 1 },
      { path: ['tags'], code: 'DUPLICATE', message: 'tags must have different keys.', limit: null },
      {
        path: ['tags', '1', 'value'],
        code: 'WRONG_FORMAT',
        message:
          'A tag value must consist of letters, digits, spaces and _ . : = + - @, without a space at either end.',
        limit: null,
      },
      {
        path: ['idempotencyKey'],
        code: 'TOO_SHORT',
        message: 'idempotencyKey must be 16 to 64 characters long.',
        limit: 16,
      },
    ]);
  });

  it('is refused with every rule that one field violates', async () => {
    const gateway = shared();
    const { problems = [] } = await gateway.create({ tags: [tag('_sys_!'.padEnd(129, 'x'))] });

    expect(problems.toSorted((one, other) => one.code.localeCompare(other.code))).toEqual([
      {
        path: ['tags', '0', 'key'],
        code: 'NOT_ALLOWED',
        message: 'A tag key must not start with _sys_ and must not be gw_req, which the gateway uses itself.',
        limit: null,
      },
      {
        path: ['tags', '0', 'key'],
        code: 'TOO_LONG',
        message: 'A tag key must be 1 to 128 characters long.',
        limit: 128,
      },
      {
        path: ['tags', '0', 'key'],
        code: 'WRONG_FORMAT',
        message: 'A tag key must consist of letters, digits, spaces and _ . : = + - @, without a space at either end.',
        limit: null,
      },
    ]);
  });
});

function tag(key: string, value = 'v') {
  return { key, value };
}
