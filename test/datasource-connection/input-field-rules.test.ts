import { expect, it } from '@jest/globals';
import type { GraphQLInputObjectType } from 'graphql';
import {
  buildSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isRequiredInputField,
} from 'graphql';
import { printGatewaySchema } from '../../src/graphql/schema.js';
import { VALID_INPUT } from '../helpers/gateway.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

interface Rule {
  path: string[];
  required: boolean;
  minLength: number | null;
  maxLength: number | null;
  maxItems: number | null;
  pattern: string | null;
  example: string | null;
  rule: string;
}

const QUERY = '{ createDatasourceConnectionRules { path required minLength maxLength maxItems pattern example rule } }';
const FILLING = 'k'.repeat(16);
const CHARACTERS = [
  ...['a', 'Z', '0', '_', '-', ' ', '.', ':', '=', '+', '@', ',', '/', '\\', '|', '&', '~', '$', '^', '(', ']', '{'],
  ...['\n', '\r', '\t', '\0', '\u007f', '\u00a0', '\u00fc', '\u90e8', '\u0661', '\u00bd', '\u20ac', '\u0301', '\ufe0f'],
  ...['\uff41', '\u202e', '\u2028', '\u{1f600}', '\u{20000}'],
];
const VALUES = [
  ...CHARACTERS.flatMap(character => [
    `${character}${FILLING}`,
    `${FILLING}${character}`,
    `${FILLING}${character}${FILLING}`,
  ]),
  ...['_sys_', `_sys_${FILLING}`, `x_sys_${FILLING}`, '_sys', 'gw_req', 'gw_req2', ' gw_req', 'xgw_req', '__proto__'],
];

const shared = shareGateway();

async function readRules(): Promise<Rule[]> {
  const { body } = await shared().send({ query: QUERY });
  return body.data?.['createDatasourceConnectionRules'] as Rule[];
}

async function readTextRules(): Promise<Rule[]> {
  const rules = (await readRules()).filter(({ maxLength }) => maxLength !== null);
  expect(rules.map(({ path }) => path.join('.'))).toEqual(
    expect.arrayContaining(['name', 'url', 'tags.*.key', 'tags.*.value', 'idempotencyKey']),
  );
  return rules;
}

/** An input that is valid if the value is, which is at a path. */
function inputWith(path: readonly string[], value: string): Record<string, unknown> {
  const [field = '', position, name = ''] = path;
  const input = { ...VALID_INPUT, name: freshName() };
  if (position === undefined) return { ...input, [field]: value };
  return { ...input, [field]: [{ key: 'k', value: 'v', [name]: value }] };
}

/** The codes of the problems that a value has at a path, sorted; empty if it is accepted. */
async function codesFor(path: readonly string[], value: string): Promise<string[]> {
  const { __typename, problems = [] } = await shared().create(inputWith(path, value));
  if (problems.length === 0) expect(__typename).toBe('CreateDatasourceConnectionSuccess');
  for (const problem of problems) expect(problem.path).toEqual(path.map(step => (step === '*' ? '0' : step)));
  return problems.map(({ code }) => code).sort();
}

it('the rules cover every field of the input, and say which must be set', async () => {
  const schema = buildSchema(printGatewaySchema());
  const fieldsOf = (type: GraphQLInputObjectType, parents: string[]): object[] =>
    Object.values(type.getFields()).flatMap(field => {
      const path = [...parents, field.name];
      const named = getNamedType(field.type);
      const steps = isListType(getNullableType(field.type)) ? [...path, '*'] : path;
      const below = isInputObjectType(named) ? fieldsOf(named, steps) : [];
      return [{ path, required: isRequiredInputField(field) }, ...below];
    });
  const input = schema.getType('CreateDatasourceConnectionInput') as GraphQLInputObjectType;
  const rules = (await readRules()).map(({ path, required }) => ({ path, required }));

  expect(rules).toEqual(expect.arrayContaining(fieldsOf(input, [])));
  expect(rules).toHaveLength(10);
});

it('every text field accepts its example', async () => {
  for (const { path, example } of await readTextRules())
    expect({ path, codes: await codesFor(path, example ?? '') }).toEqual({ path, codes: [] });
});

it('the lengths are those that the mutation accepts', async () => {
  for (const { path, minLength, maxLength } of (await readTextRules()).filter(({ pattern }) => pattern !== null)) {
    const codesOfLength = async (length: number) => ({ path, length, codes: await codesFor(path, 'x'.repeat(length)) });
    const least = minLength ?? 0;
    const most = maxLength ?? 0;
    for (const length of [least, most]) expect(await codesOfLength(length)).toEqual({ path, length, codes: [] });
    const tooLong = most + 1;
    expect(await codesOfLength(tooLong)).toEqual({ path, length: tooLong, codes: ['TOO_LONG'] });
    if (least > 0) expect(await codesOfLength(least - 1)).toEqual({ path, length: least - 1, codes: ['TOO_SHORT'] });
  }
});

it('the maximum number of tags is that which the mutation accepts', async () => {
  const { maxItems } = (await readRules()).find(({ path }) => path.join() === 'tags') ?? {};
  const tags = Array.from({ length: (maxItems ?? 0) + 1 }, (_, index) => ({ key: `k${index}`, value: '' }));

  expect(await shared().create({ tags: tags.slice(1) })).toMatchObject({
    __typename: 'CreateDatasourceConnectionSuccess',
  });
  expect(await shared().create({ tags })).toMatchObject({ problems: [{ code: 'TOO_MANY', limit: maxItems }] });
});

it('the patterns match in a browser exactly what the mutation accepts', async () => {
  const rules = (await readTextRules()).filter(({ pattern }) => pattern !== null);
  // Fields of the same pattern have the same validator.
  const byPattern = new Map(rules.map(rule => [rule.pattern, rule]));
  expect(byPattern.size).toBeGreaterThan(3);
  for (const { path, pattern, minLength, maxLength } of byPattern.values()) {
    const matcher = new RegExp(`^(?:${pattern})$`, 'v');
    const values = VALUES.filter(({ length }) => length >= (minLength ?? 0) && length <= (maxLength ?? 0));
    for (const value of values) {
      const codes = await codesFor(path, value);
      expect({ path, value, isAccepted: codes.length === 0 }).toEqual({ path, value, isAccepted: matcher.test(value) });
    }
  }
});

it('the rule for url has no pattern, because that depends on the service', async () => {
  expect((await readRules()).find(({ path }) => path.join() === 'url')).toEqual({
    path: ['url'],
    required: true,
    minLength: null,
    maxLength: 512,
    maxItems: null,
    pattern: null,
    example: '192.168.0.12:3306',
    rule: 'At most 512 characters: host:port, for CLOUD_TABLE one or more of them separated by commas.',
  });
});
