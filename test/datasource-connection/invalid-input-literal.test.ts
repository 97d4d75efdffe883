import { describe, expect, it } from '@jest/globals';
import { shareGateway } from '../helpers/shared-gateway.js';
import { problemOf } from './helpers/input-problem.js';

const CANARY = 'zq7canary';
const CANARY_NUMBER = '907140233';
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

describe('an invalid literal in the document', () => {
  it.each<[what: string, changes: Record<string, string>, message: string]>([
    ['a number as name', { name: CANARY_NUMBER }, '"input.name" must be of type String!.'],
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
    expect(shown).not.toContain(CANARY_NUMBER);
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

  it('is reported as bad input, not as internal error, when null replaces a default', async () => {
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
