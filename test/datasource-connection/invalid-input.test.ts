import { describe, expect, it } from '@jest/globals';
import { shareGateway } from '../helpers/shared-gateway.js';

const CANARY = 'zq7canary';

const shared = shareGateway();

describe('an input that violates a rule', () => {
  it.each<[what: string, changes: Record<string, unknown>, path: string[]]>([
    ['an empty name', { name: '' }, ['name']],
    ['a name of 65 characters', { name: CANARY.padEnd(65, 'x') }, ['name']],
    ['a space in the name', { name: `${CANARY} x` }, ['name']],
    ['a space before the name', { name: ` ${CANARY}` }, ['name']],
    ['a dot in the name', { name: `${CANARY}.x` }, ['name']],
    ['a slash in the name', { name: `../${CANARY}` }, ['name']],
    ['a line break in the name', { name: `${CANARY}\r\nx: y` }, ['name']],
    ['a line feed after the name', { name: `${CANARY}\n` }, ['name']],
    ['a NUL in the name', { name: `${CANARY}\0` }, ['name']],
    ['a right-to-left mark in the name', { name: `\u202e${CANARY}` }, ['name']],
    ['an emoji in the name', { name: `${CANARY}\u{1f600}` }, ['name']],
    ['full-width letters in the name', { name: `${CANARY}\uff41` }, ['name']],
    ['a combining mark in the name', { name: `${CANARY}e\u0301` }, ['name']],
    ['an empty security group', { securityGroupId: '' }, ['securityGroupId']],
    ['a security group of 65 characters', { securityGroupId: CANARY.padEnd(65, '0') }, ['securityGroupId']],
    ['a path as security group', { securityGroupId: `../${CANARY}` }, ['securityGroupId']],
    ['an underscore in the security group', { securityGroupId: `${CANARY}_x` }, ['securityGroupId']],
    ['an empty network', { networkId: '' }, ['networkId']],
    ['a network of 65 characters', { networkId: CANARY.padEnd(65, '0') }, ['networkId']],
    ['a line feed after the network', { networkId: `${CANARY}\n` }, ['networkId']],
    ['an empty url', { url: '' }, ['url']],
    ['a url of 513 characters', { url: `${CANARY.padEnd(508, 'x')}:5432` }, ['url']],
    ['a space in the url', { url: `${CANARY} x:5432` }, ['url']],
    ['a line break in the url', { url: `${CANARY}:5432\r\nx: y` }, ['url']],
    ['a NUL in the url', { url: `${CANARY}\0:5432` }, ['url']],
    ['a user in the url', { url: `${CANARY}:pw@h:5432` }, ['url']],
    ['a url that is not ASCII', { url: `${CANARY}\u00fc:5432` }, ['url']],
    ['an empty cluster name', { clusterName: '' }, ['clusterName']],
    ['a cluster name of 129 characters', { clusterName: CANARY.padEnd(129, 'x') }, ['clusterName']],
    ['a path as cluster name', { clusterName: `../${CANARY}` }, ['clusterName']],
    ['11 tags', { tags: Array.from({ length: 11 }, (_, n) => tag(`${CANARY}${n}`)) }, ['tags']],
    ['two tags with one key', { tags: [tag(CANARY), tag(CANARY, 'x')] }, ['tags']],
    ['an empty tag key', { tags: [tag('a'), tag('', CANARY)] }, ['tags', '1', 'key']],
    ['a tag key that begins with _sys_', { tags: [tag(`_sys_${CANARY}`)] }, ['tags', '0', 'key']],
    ['the tag key of the marker', { tags: [tag('gw_req', CANARY)] }, ['tags', '0', 'key']],
    ['a space before a tag key', { tags: [tag(` ${CANARY}`)] }, ['tags', '0', 'key']],
    ['a space after a tag key', { tags: [tag(`${CANARY} `)] }, ['tags', '0', 'key']],
    ['a tag key of 129 characters', { tags: [tag(CANARY.padEnd(129, 'x'))] }, ['tags', '0', 'key']],
    ['a combining mark without a letter in a tag key', { tags: [tag(`${CANARY}\ufe0f`)] }, ['tags', '0', 'key']],
    ['a tag key of 65 letters of two UTF-16 units', { tags: [tag('\u{20000}'.repeat(65))] }, ['tags', '0', 'key']],
    ['a line feed in a tag key', { tags: [tag(`${CANARY}\n`)] }, ['tags', '0', 'key']],
    ['a comma in a tag key', { tags: [tag(`${CANARY},x`)] }, ['tags', '0', 'key']],
    ['a space before a tag value', { tags: [tag('a', ` ${CANARY}`)] }, ['tags', '0', 'value']],
    ['a tag value of 256 characters', { tags: [tag('a', CANARY.padEnd(256, 'x'))] }, ['tags', '0', 'value']],
    ['a line break in a tag value', { tags: [tag('a', `${CANARY}\r\nx`)] }, ['tags', '0', 'value']],
    ['an emoji in a tag value', { tags: [tag('a', `${CANARY}\u{1f600}`)] }, ['tags', '0', 'value']],
    ['an idempotency key of 15 characters', { idempotencyKey: `${CANARY}123456` }, ['idempotencyKey']],
    ['an idempotency key of 65 characters', { idempotencyKey: CANARY.padEnd(65, 'x') }, ['idempotencyKey']],
    ['a space in the idempotency key', { idempotencyKey: `${CANARY} 123456789` }, ['idempotencyKey']],
    ['a line break in the idempotency key', { idempotencyKey: `${CANARY}\r\n1234567` }, ['idempotencyKey']],
  ])('is refused for %s, naming the field, and nothing is sent', async (_what, changes, path) => {
    const gateway = shared();
    const payload = await gateway.create(changes);

    expect(payload).toEqual({
      __typename: 'InvalidInputError',
      code: 'BAD_USER_INPUT',
      message: 'The input breaks the rules listed in problems. Nothing was sent to DLI.',
      problems: [{ path, message: expect.stringMatching(/^.{20,250}\.$/) }],
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
      { path: ['name'], message: 'name must be 1 to 64 letters, digits, _ and -.' },
      { path: ['securityGroupId'], message: 'securityGroupId must be 1 to 64 letters, digits and -.' },
      { path: ['networkId'], message: 'networkId must be 1 to 64 letters, digits and -.' },
      {
        path: ['url'],
        message: 'For RDS, url must be exactly one host:port, at most 512 characters, for example 192.168.0.12:3306.',
      },
      { path: ['clusterName'], message: 'clusterName must be 1 to 128 letters, digits, _ and -.' },
      { path: ['tags'], message: 'tags must have different keys.' },
      {
        path: ['tags', '1', 'value'],
        message:
          'A tag value must consist of letters, digits, spaces and _ . : = + - @, without a space at either end.',
      },
      { path: ['idempotencyKey'], message: 'idempotencyKey must be 16 to 64 letters, digits, _ and -.' },
    ]);
  });

  it('is refused with every rule that one field violates', async () => {
    const gateway = shared();
    const { problems = [] } = await gateway.create({ tags: [tag('_sys_!'.padEnd(129, 'x'))] });

    expect(problems.map(({ message }) => message).sort()).toEqual([
      'A tag key must be 1 to 128 characters long.',
      'A tag key must consist of letters, digits, spaces and _ . : = + - @, without a space at either end.',
      'A tag key must not start with _sys_.',
    ]);
  });
});

function tag(key: string, value = 'v') {
  return { key, value };
}
