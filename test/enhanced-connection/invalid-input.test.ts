import { describe, expect, it } from '@jest/globals';
import { CREATE_ENHANCED, VALID_ENHANCED_INPUT } from '../helpers/enhanced-gateway.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const CANARY = 'zq7canary';
const ID = '4c693ecc-bab8-4113-a838-129cedc9a563';

const shared = shareGateway();

async function create(changes: Record<string, unknown>) {
  const input = { ...VALID_ENHANCED_INPUT, name: freshName().replace('-', '_'), ...changes };
  const { body } = await shared().send({ query: CREATE_ENHANCED, variables: { input } });
  return body.data?.['payload'] as {
    __typename: string;
    problems: { path: string[]; code: string; message: string; limit: number | null }[];
  };
}

function host(name: string, ip = '192.168.0.22') {
  return { name, ip };
}

function pool(name: string) {
  return { kind: 'ELASTIC_RESOURCE_POOL', name };
}

function queue(name: string) {
  return { kind: 'QUEUE', name };
}

function tag(key: string, value = '') {
  return { key, value };
}

describe('an input for an enhanced connection that violates a rule', () => {
  it.each<[what: string, changes: Record<string, unknown>, path: string[], code: string, limit?: number | null]>([
    ['an empty name', { name: '' }, ['name'], 'TOO_SHORT', 1],
    ['a name of 65 characters', { name: CANARY.padEnd(65, 'x') }, ['name'], 'TOO_LONG', 64],
    ['a hyphen in the name', { name: `${CANARY}-x` }, ['name'], 'WRONG_FORMAT'],
    ['a line feed after the name', { name: `${CANARY}\n` }, ['name'], 'WRONG_FORMAT'],
    ['an empty VPC', { vpcId: '' }, ['vpcId'], 'TOO_SHORT', 1],
    ['a VPC of 65 characters', { vpcId: CANARY.padEnd(65, '0') }, ['vpcId'], 'TOO_LONG', 64],
    ['a path as VPC', { vpcId: `../${CANARY}` }, ['vpcId'], 'WRONG_FORMAT'],
    ['an empty network', { networkId: '' }, ['networkId'], 'TOO_SHORT', 1],
    ['an underscore in the network', { networkId: `${CANARY}_` }, ['networkId'], 'WRONG_FORMAT'],
    ['an empty route table', { routeTableId: '' }, ['routeTableId'], 'TOO_SHORT', 1],
    ['a path as route table', { routeTableId: `../${CANARY}` }, ['routeTableId'], 'WRONG_FORMAT'],
    [
      '21 resources',
      { resources: Array.from({ length: 21 }, (_, index) => pool(`${CANARY}${index}`)) },
      ['resources'],
      'TOO_MANY',
      20,
    ],
    ['an empty name of a resource', { resources: [pool('a'), queue('')] }, ['resources', '1', 'name'], 'TOO_SHORT', 1],
    [
      'a name of a resource of 129 characters',
      { resources: [pool(CANARY.padEnd(129, 'x'))] },
      ['resources', '0', 'name'],
      'TOO_LONG',
      128,
    ],
    [
      'a hyphen in the name of a resource',
      { resources: [pool(`${CANARY}-x`)] },
      ['resources', '0', 'name'],
      'WRONG_FORMAT',
    ],
    ['the default queue', { resources: [queue('Default')] }, ['resources', '0', 'name'], 'NOT_ALLOWED'],
    ['a queue of digits only', { resources: [queue('12345')] }, ['resources', '0', 'name'], 'NOT_ALLOWED'],
    ['a queue that begins with _', { resources: [queue(`_${CANARY}`)] }, ['resources', '0', 'name'], 'NOT_ALLOWED'],
    [
      'one pool twice, in different case',
      { resources: [pool(CANARY), pool(CANARY.toUpperCase())] },
      ['resources', '1', 'name'],
      'DUPLICATE',
    ],
    ['an empty name of a host', { hosts: [host('a'), host('')] }, ['hosts', '1', 'name'], 'TOO_SHORT', 1],
    [
      'a name of a host of 129 characters',
      { hosts: [host(CANARY.padEnd(129, 'x'))] },
      ['hosts', '0', 'name'],
      'TOO_LONG',
      128,
    ],
    ['a digit before the name of a host', { hosts: [host(`1${CANARY}`)] }, ['hosts', '0', 'name'], 'WRONG_FORMAT'],
    ['a space in the name of a host', { hosts: [host(`${CANARY} x`)] }, ['hosts', '0', 'name'], 'WRONG_FORMAT'],
    ['an empty ip', { hosts: [host('a', '')] }, ['hosts', '0', 'ip'], 'WRONG_FORMAT'],
    ['an ip with a port', { hosts: [host('a', '192.168.0.22:80')] }, ['hosts', '0', 'ip'], 'WRONG_FORMAT'],
    ['an ip of three numbers', { hosts: [host('a', '192.168.0')] }, ['hosts', '0', 'ip'], 'WRONG_FORMAT'],
    ['an ip above 255', { hosts: [host('a', '192.168.0.256')] }, ['hosts', '0', 'ip'], 'WRONG_FORMAT'],
    ['an ip with a leading zero', { hosts: [host('a', '192.168.0.022')] }, ['hosts', '0', 'ip'], 'WRONG_FORMAT'],
    ['an IPv6 address', { hosts: [host('a', 'fd00::1')] }, ['hosts', '0', 'ip'], 'WRONG_FORMAT'],
    [
      'one host twice, in different case',
      { hosts: [host(CANARY), host('b'), host(CANARY.toUpperCase())] },
      ['hosts', '2', 'name'],
      'DUPLICATE',
    ],
    ['11 tags', { tags: Array.from({ length: 11 }, (_, n) => tag(`${CANARY}${n}`)) }, ['tags'], 'TOO_MANY', 10],
    ['two tags with one key', { tags: [tag(CANARY), tag(CANARY, 'x')] }, ['tags', '1', 'key'], 'DUPLICATE'],
    ['an empty tag key', { tags: [tag('a'), tag('', CANARY)] }, ['tags', '1', 'key'], 'TOO_SHORT', 1],
    ['an equals sign in a tag key', { tags: [tag(`${CANARY}=x`)] }, ['tags', '0', 'key'], 'WRONG_FORMAT'],
    ['a tag key that begins with _sys_', { tags: [tag(`_sys_${CANARY}`)] }, ['tags', '0', 'key'], 'NOT_ALLOWED'],
    ['the tag key of the marker', { tags: [tag('gw_req', CANARY)] }, ['tags', '0', 'key'], 'NOT_ALLOWED'],
    ['an equals sign in a tag value', { tags: [tag('a', `${CANARY}=x`)] }, ['tags', '0', 'value'], 'WRONG_FORMAT'],
    [
      'a tag value of 256 characters',
      { tags: [tag('a', CANARY.padEnd(256, 'x'))] },
      ['tags', '0', 'value'],
      'TOO_LONG',
      255,
    ],
    ['an idempotency key of 15 characters', { idempotencyKey: `${CANARY}123456` }, ['idempotencyKey'], 'TOO_SHORT', 16],
    ['a space in the idempotency key', { idempotencyKey: `${CANARY} 123456789` }, ['idempotencyKey'], 'WRONG_FORMAT'],
  ])('is refused for %s, naming the field, and nothing is sent', async (_what, changes, path, code, limit = null) => {
    const gateway = shared();
    const payload = await create(changes);

    expect(payload).toEqual({
      __typename: 'InvalidInputError',
      code: 'BAD_USER_INPUT',
      message: 'The input breaks the rules listed in problems. Nothing was sent to DLI.',
      problems: [{ path, code, limit, message: expect.stringMatching(/^.{20,250}\.$/) }],
    });
    expect((JSON.stringify(payload) + gateway.log()).toLowerCase()).not.toContain(CANARY);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('is refused with the problems of all its fields at once', async () => {
    const { problems } = await create({
      name: '',
      vpcId: '',
      networkId: '',
      routeTableId: '',
      resources: [pool('')],
      hosts: [host('', '')],
      tags: [tag('')],
      idempotencyKey: '',
    });

    expect(problems.map(({ path, code }) => `${path.join('.')} ${code}`).sort()).toEqual([
      'hosts.0.ip WRONG_FORMAT',
      'hosts.0.name TOO_SHORT',
      'idempotencyKey TOO_SHORT',
      'name TOO_SHORT',
      'networkId TOO_SHORT',
      'resources.0.name TOO_SHORT',
      'routeTableId TOO_SHORT',
      'tags.0.key TOO_SHORT',
      'vpcId TOO_SHORT',
    ]);
  });

  it('is refused with the first 20 of its problems', async () => {
    const { problems } = await create({ hosts: Array.from({ length: 100 }, (_, index) => host(`a${index}`, 'x')) });

    expect(problems.map(({ path }) => path)).toEqual(
      Array.from({ length: 20 }, (_, index) => ['hosts', String(index), 'ip']),
    );
  });

  it('may have pools and queues of the same name', async () => {
    const { problems } = await create({ name: '', resources: [pool('a'), queue('a')] });

    expect(problems).toMatchObject([{ path: ['name'] }]);
  });
});

describe.each(['bind', 'unbind'])('an input that violates a rule of %sDatasourceConnection', action => {
  const field = `${action}DatasourceConnection`;

  it.each<[what: string, changes: Record<string, unknown>, path: string[], code: string, limit?: number | null]>([
    ['an id that is not a UUID', { connectionId: 'orders' }, ['connectionId'], 'WRONG_FORMAT'],
    ['no resources', { resources: [] }, ['resources'], 'REQUIRED'],
    [
      '21 resources',
      { resources: Array.from({ length: 21 }, (_, index) => ({ kind: 'QUEUE', name: `q${index}` })) },
      ['resources'],
      'TOO_MANY',
      20,
    ],
    [
      'the default queue',
      { resources: [{ kind: 'QUEUE', name: 'default' }] },
      ['resources', '0', 'name'],
      'NOT_ALLOWED',
    ],
    [
      'a name with a slash',
      { resources: [{ kind: 'QUEUE', name: '../q' }] },
      ['resources', '0', 'name'],
      'WRONG_FORMAT',
    ],
  ])('is refused for %s, and nothing is sent', async (_what, changes, path, code, limit = null) => {
    const gateway = shared();
    const input = { connectionId: ID, resources: [{ kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_a' }], ...changes };
    const { body } = await gateway.send({
      query: `mutation ($input: ConnectionResourcesInput!) {
        ${field}(input: $input) { __typename ... on InvalidInputError { problems { path code limit } } }
      }`,
      variables: { input },
    });

    expect(body.data?.[field]).toEqual({ __typename: 'InvalidInputError', problems: [{ path, code, limit }] });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('a read with resources that violate a rule', () => {
  it.each<[what: string, query: string, path: string[], code: string]>([
    [
      'no resources to wait for',
      `{ datasourceConnection(id: "${ID}", waitSeconds: 1, untilBound: []) { id } }`,
      ['untilBound'],
      'REQUIRED',
    ],
    [
      'a malformed resource to wait for',
      `{ datasourceConnection(id: "${ID}", waitSeconds: 1, untilBound: [{ kind: QUEUE, name: "a-b" }]) { id } }`,
      ['untilBound', '0', 'name'],
      'WRONG_FORMAT',
    ],
    [
      'a malformed resource in the filter',
      '{ datasourceConnections(filter: { boundTo: { kind: QUEUE, name: "a-b" } }) { totalCount } }',
      ['filter', 'boundTo', 'name'],
      'WRONG_FORMAT',
    ],
    [
      'a VPC of 65 characters in the filter',
      `{ datasourceConnections(filter: { vpcId: "${'0'.repeat(65)}" }) { totalCount } }`,
      ['filter', 'vpcId'],
      'TOO_LONG',
    ],
  ])('is refused for %s, and nothing is sent', async (_what, query, path, code) => {
    const gateway = shared();
    const { body } = await gateway.send({ query });

    expect(body.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', problems: [{ path, code }] } }]);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each([
    ['datasourceConnection', `datasourceConnection(id: "${ID}", untilBound: []) { id }`],
    ['datasourceConnections', 'datasourceConnections(filter: { boundTo: { kind: QUEUE, name: "a-b" } }) { kind }'],
  ])('is refused as a subscription: %s', async (_name, field) => {
    const gateway = shared();
    const response = await fetch(gateway.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: `subscription { ${field} }` }),
    });

    expect(await response.text()).toContain('"code":"BAD_USER_INPUT"');
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});
