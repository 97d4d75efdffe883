import { describe, expect, it } from '@jest/globals';
import { CREATE_MUTATION, VALID_INPUT } from '../helpers/gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { problemOf } from './helpers/input-problem.js';

const CANARY = 'zq7canary';
const CANARY_NUMBER = 907_140_233;
const SERVICES = 'CLOUD_TABLE, CLOUD_TABLE_OPENTSDB, MRS_OPENTSDB, DWS, RDS, CSS';

/** The fields of a valid input, as GraphQL text. */
const VALID_FIELDS = {
  name: '"orders_pg"',
  service: 'RDS',
  securityGroupId: '"sg-1"',
  networkId: '"net-1"',
  url: '"192.168.0.12:5432"',
};

const shared = shareGateway();

describe('a variable of the wrong type', () => {
  it.each<[what: string, changes: Record<string, unknown>, message: string]>([
    ['a number as name', { name: CANARY_NUMBER }, '"input.name" must be of type String!.'],
    ['a boolean as name', { name: true }, '"input.name" must be of type String!.'],
    ['a nested list as name', { name: [[CANARY]] }, '"input.name" must be of type String!.'],
    ['an object as name', { name: { toString: CANARY } }, '"input.name" must be of type String!.'],
    ['null as name', { name: null }, '"input.name" is required.'],
    ['no name', { name: undefined }, '"input.name" is required.'],
    ['an unknown service', { service: CANARY }, `"input.service" must be one of ${SERVICES}.`],
    ['an empty service', { service: '' }, `"input.service" must be one of ${SERVICES}.`],
    ['a padded service', { service: ' RDS ' }, `"input.service" must be one of ${SERVICES}.`],
    ['a service in DLI spelling', { service: 'rds' }, `"input.service" must be one of ${SERVICES}.`],
    ['an inherited name as service', { service: 'constructor' }, `"input.service" must be one of ${SERVICES}.`],
    ['a number as service', { service: CANARY_NUMBER }, `"input.service" must be one of ${SERVICES}.`],
    ['a fraction as id', { securityGroupId: CANARY_NUMBER + 0.5 }, '"input.securityGroupId" must be of type ID!.'],
    ['a list as id', { networkId: [CANARY] }, '"input.networkId" must be of type ID!.'],
    ['a list as url', { url: [CANARY, CANARY] }, '"input.url" must be of type String!.'],
    ['a string as tags', { tags: CANARY }, '"input.tags" must be of type [TagInput!].'],
    ['a string as tag', { tags: [CANARY] }, '"input.tags.0" must be of type TagInput!.'],
    ['null as tag', { tags: [null] }, '"input.tags.0" is required.'],
    ['a list as tag', { tags: [[{ key: CANARY, value: CANARY }]] }, '"input.tags.0" must be of type TagInput!.'],
    ['a tag without value', { tags: [{ key: CANARY }] }, '"input.tags.0.value" is required.'],
    [
      'a number as tag key',
      { tags: [{ key: CANARY_NUMBER, value: '' }] },
      '"input.tags.0.key" must be of type String!.',
    ],
    [
      'an unknown field of a tag',
      { tags: [{ key: 'a', value: 'b', admin: CANARY }] },
      '"input.tags.0.admin" is not a field of TagInput.',
    ],
    ['an unknown field', { is_admin: CANARY }, '"input.is_admin" is not a field of CreateDatasourceConnectionInput.'],
    [
      'an unknown field whose name is no name',
      { [`x ${CANARY}\r\n`]: true },
      '"input.(a name not shown)" is not a field of CreateDatasourceConnectionInput.',
    ],
    [
      'the field __proto__',
      { ['__proto__']: { polluted: CANARY } },
      '"input.__proto__" is not a field of CreateDatasourceConnectionInput.',
    ],
    [
      'the field constructor',
      { constructor: { prototype: { polluted: CANARY } } },
      '"input.constructor" is not a field of CreateDatasourceConnectionInput.',
    ],
  ])('is refused for %s, naming the field, and nothing is sent', async (_what, changes, message) => {
    const gateway = shared();
    const variables = { input: { ...VALID_INPUT, ...changes } };
    const { status, body } = await gateway.send({ query: CREATE_MUTATION, variables });

    expect({ status, body }).toEqual({
      status: 400,
      body: { errors: [errorOf(message)] },
    });
    const shown = JSON.stringify(body) + gateway.log();
    expect(shown).not.toContain(CANARY);
    expect(shown).not.toContain(String(CANARY_NUMBER));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each<[what: string, variables: unknown, messages: string[]]>([
    ['a string as input', { input: CANARY }, ['"input" must be of type CreateDatasourceConnectionInput!.']],
    ['null as input', { input: null }, ['"input" is required.']],
    ['no input', {}, ['"input" is required.']],
    ['no variables', undefined, ['"input" is required.']],
    ['an inherited input', { ['__proto__']: { input: VALID_INPUT } }, ['"input" is required.']],
    [
      'an empty input, with all its problems at once',
      { input: {} },
      ['name', 'service', 'securityGroupId', 'networkId', 'url'].map(field => `"input.${field}" is required.`),
    ],
    [
      'several fields at once',
      { input: { ...VALID_INPUT, name: CANARY_NUMBER, service: CANARY, tags: [{ key: CANARY }] } },
      [
        '"input.name" must be of type String!.',
        `"input.service" must be one of ${SERVICES}.`,
        '"input.tags.0.value" is required.',
      ],
    ],
  ])('is refused for %s', async (_what, variables, messages) => {
    const gateway = shared();
    const { status, body } = await gateway.send({ query: CREATE_MUTATION, variables });

    expect({ status, body }).toEqual({ status: 400, body: { errors: messages.map(errorOf) } });
    expect(JSON.stringify(body) + gateway.log()).not.toContain(CANARY);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each([
    [15, '"input.name" must be of type String!.'],
    [20_000, 'The JSON may be nested at most 20 levels deep.'],
  ])('is refused for lists nested %i deep', async (levels, message) => {
    const gateway = shared();
    const variables = { input: { ...VALID_INPUT, name: 'DEEP' } };
    const text = JSON.stringify({ query: CREATE_MUTATION, variables });
    const { body } = await gateway.send(text.replace('"DEEP"', '['.repeat(levels) + ']'.repeat(levels)));

    expect(body.errors?.map(({ message }) => message)).toEqual([message]);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('is refused with at most 20 problems', async () => {
    const gateway = shared();
    const tags = Array.from({ length: 100 }, () => ({ key: CANARY }));
    const { body } = await gateway.send({
      query: CREATE_MUTATION,
      variables: { input: { ...VALID_INPUT, tags } },
    });

    expect(body.errors).toHaveLength(20);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('an invalid literal in the document', () => {
  it.each<[what: string, changes: Record<string, string>, message: string]>([
    ['a number as name', { name: String(CANARY_NUMBER) }, '"input.name" must be of type String!.'],
    ['a boolean as name', { name: 'true' }, '"input.name" must be of type String!.'],
    ['an enum value as name', { name: CANARY }, '"input.name" must be of type String!.'],
    ['an object as name', { name: `{ ${CANARY}: 1 }` }, '"input.name" must be of type String!.'],
    ['null as name', { name: 'null' }, '"input.name" is required.'],
    ['an unknown service', { service: CANARY }, `"input.service" must be one of ${SERVICES}.`],
    ['a string as service', { service: `"${CANARY}"` }, `"input.service" must be one of ${SERVICES}.`],
    ['a service in DLI spelling', { service: 'rds' }, `"input.service" must be one of ${SERVICES}.`],
    ['a fraction as id', { networkId: `${CANARY_NUMBER}.5` }, '"input.networkId" must be of type ID!.'],
    ['a string as tags', { tags: `"${CANARY}"` }, '"input.tags" must be of type [TagInput!].'],
    ['a tag without value', { tags: `[{ key: "${CANARY}" }]` }, '"input.tags.0.value" is required.'],
    [
      'a number as tag key',
      { tags: `[{ key: ${CANARY_NUMBER}, value: "" }]` },
      '"input.tags.0.key" must be of type String!.',
    ],
    ['a tag without value that is not in a list', { tags: `{ key: "${CANARY}" }` }, '"input.tags.value" is required.'],
    [
      'a second tag without value',
      { tags: `[{ key: "a", value: "b" }, { key: "${CANARY}" }]` },
      '"input.tags.1.value" is required.',
    ],
    ['an unknown field', { is_admin: `"${CANARY}"` }, '"input.is_admin" is not a field of its input type.'],
    [
      'the field __proto__',
      { ['__proto__']: `{ polluted: "${CANARY}" }` },
      '"input.__proto__" is not a field of its input type.',
    ],
    [
      'the field constructor',
      { constructor: `{ prototype: "${CANARY}" }` },
      '"input.constructor" is not a field of its input type.',
    ],
  ])('is refused for %s, naming the field, and nothing is sent', async (_what, changes, message) => {
    const gateway = shared();
    const { status, body } = await gateway.send({ query: mutationWith({ ...VALID_FIELDS, ...changes }) });

    expect({ status, body }).toEqual({
      status: 400,
      body: {
        errors: [
          {
            message,
            locations: [{ line: 1, column: expect.any(Number) }],
            extensions: {
              code: 'BAD_USER_INPUT',
              traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
              problems: [problemOf(message)],
            },
          },
        ],
      },
    });
    const shown = JSON.stringify(body) + gateway.log();
    expect(shown).not.toContain(CANARY);
    expect(shown).not.toContain(String(CANARY_NUMBER));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each<[what: string, changes: Record<string, string>, path: string[]]>([
    ['a name with a space', { name: `"${CANARY} x"` }, ['name']],
    ['a name as a block string', { name: `"""\n${CANARY}\nx\n"""` }, ['name']],
    ['a path as id', { securityGroupId: `"../${CANARY}"` }, ['securityGroupId']],
    ['a number that is too long for an id', { networkId: '1'.repeat(65) }, ['networkId']],
    ['a url with a user', { url: `"${CANARY}:pw@h:1"` }, ['url']],
    ['a reserved tag key', { tags: `{ key: "_sys_${CANARY}", value: "" }` }, ['tags', '0', 'key']],
  ])('that only violates a validation rule is refused in the payload: %s', async (_what, changes, path) => {
    const gateway = shared();
    const { body } = await gateway.send({ query: mutationWith({ ...VALID_FIELDS, ...changes }) });

    expect(body).toEqual({
      data: {
        createDatasourceConnection: {
          __typename: 'InvalidInputError',
          problems: [{ path, message: expect.any(String) }],
        },
      },
    });
    expect(JSON.stringify(body) + gateway.log()).not.toContain(CANARY);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('is refused for every missing field at once', async () => {
    const gateway = shared();
    const { body } = await gateway.send({ query: mutationWith({ name: `"${CANARY}"` }) });

    expect(body.errors?.map(({ message }) => message)).toEqual([
      '"input.service" is required.',
      '"input.securityGroupId" is required.',
      '"input.networkId" is required.',
      '"input.url" is required.',
    ]);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('is named by its variable when it is a default value', async () => {
    const gateway = shared();
    const { body } = await gateway.send({
      query: `query($shown: Boolean = "${CANARY}") { __typename @include(if: $shown) }`,
    });

    expect(body.errors?.map(({ message }) => message)).toEqual(['"shown" must be of type Boolean.']);
  });

  it('is reported as bad input, not as an internal error, when null replaces a default', async () => {
    const gateway = shared();
    const query = `mutation($name: String = "x") ${mutationWith({ ...VALID_FIELDS, name: '$name', url: `"${CANARY}"` }).slice(8)}`;
    const { body } = await gateway.send({ query, variables: { name: null } });

    expect(body.errors).toMatchObject([
      {
        message: '"input" must be of type CreateDatasourceConnectionInput!.',
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
    const shown = JSON.stringify(body) + gateway.log();
    expect(shown).not.toContain(CANARY);
    expect(shown).not.toContain('internal error');
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

function mutationWith(fields: Record<string, string>): string {
  const input = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return `mutation { createDatasourceConnection(input: { ${input.join(', ')} }) { __typename ... on InvalidInputError { problems { path message } } } }`;
}

function errorOf(message: string) {
  const traceId = expect.stringMatching(/^[0-9a-f]{32}$/);
  return { message, extensions: { code: 'BAD_USER_INPUT', traceId, problems: [problemOf(message)] } };
}
