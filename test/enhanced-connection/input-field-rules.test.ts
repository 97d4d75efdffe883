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
import { shareGateway } from '../helpers/shared-gateway.js';
import { CREATE_ENHANCED, VALID_ENHANCED_INPUT } from './helpers/enhanced-gateway.js';

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

const QUERY =
  '{ createEnhancedDatasourceConnectionRules { path required minLength maxLength maxItems pattern example rule } }';
const FILLING = 'k'.repeat(16);
const CHARACTERS = [
  ...['a', 'Z', '0', '_', '-', ' ', '.', ':', '=', '+', '@', ',', '/', '\\', '|', '&', '~', '$', '^', '(', ']', '{'],
  ...['\n', '\r', '\t', '\0', '\u007f', '\u00a0', '\u00fc', '\u90e8', '\u0661', '\u00bd', '\u20ac', '\u0301', '\ufe0f'],
];
const VALUES = [
  ...CHARACTERS.flatMap(character => [`${character}${FILLING}`, `${FILLING}${character}`, `${FILLING}${character}x`]),
  ...['_sys_', `_sys_${FILLING}`, '_sys', 'gw_req', 'gw_req2', '__proto__', 'default', 'DEFAULT', 'default2', '12345'],
  ...['1.2.3.4', '0.0.0.0', '255.255.255.255', '1.2.3.256', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4\n', '::1'],
];

const shared = shareGateway();

async function readRules(): Promise<Rule[]> {
  const { body } = await shared().send({ query: QUERY });
  return body.data?.['createEnhancedDatasourceConnectionRules'] as Rule[];
}

/** An input that is valid if the value is, which is at a path, except for its idempotency key or, for that one, its name. */
function inputWith(path: readonly string[], value: string): Record<string, unknown> {
  const [field = '', position, name = ''] = path;
  const input = { ...VALID_ENHANCED_INPUT, ...(field === 'idempotencyKey' ? { name: '' } : { idempotencyKey: '' }) };
  if (position === undefined) return { ...input, [field]: value };
  const item = {
    resources: { kind: 'QUEUE' },
    hosts: { name: 'a', ip: '192.168.0.22' },
    tags: { key: 'k', value: '' },
  };
  return { ...input, [field]: [{ ...item[field as keyof typeof item], [name]: value }] };
}

/** The codes of the problems that a value has at a path, sorted; empty if it is accepted. */
async function codesFor(path: readonly string[], value: string): Promise<string[]> {
  const { body } = await shared().send({
    query: CREATE_ENHANCED,
    variables: { input: inputWith(path, value) },
  });
  const payload = body.data?.['payload'] as { problems: { path: string[]; code: string }[] };
  const place = path.map(step => (step === '*' ? '0' : step)).join('.');
  return payload.problems
    .filter(problem => problem.path.join('.') === place)
    .map(({ code }) => code)
    .sort();
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
  const input = schema.getType('CreateEnhancedDatasourceConnectionInput') as GraphQLInputObjectType;
  const rules = (await readRules()).map(({ path, required }) => ({ path, required }));

  expect(rules).toEqual(expect.arrayContaining(fieldsOf(input, [])));
  expect(rules).toHaveLength(14);
});

it('every text field accepts its example', async () => {
  const rules = (await readRules()).filter(({ maxLength }) => maxLength !== null);

  expect(rules).toHaveLength(10);
  for (const { path, example } of rules)
    expect({ path, codes: await codesFor(path, example ?? '') }).toEqual({ path, codes: [] });
});

it('the lengths are those that the mutation accepts', async () => {
  // The ip of a host is no text of any length.
  const rules = (await readRules()).filter(({ path, maxLength }) => maxLength !== null && path.at(-1) !== 'ip');
  for (const { path, minLength, maxLength } of rules) {
    const codesOfLength = async (length: number) => ({ path, length, codes: await codesFor(path, 'x'.repeat(length)) });
    const least = minLength ?? 0;
    const most = maxLength ?? 0;
    for (const length of [least, most]) expect(await codesOfLength(length)).toEqual({ path, length, codes: [] });
    const tooLong = most + 1;
    expect(await codesOfLength(tooLong)).toEqual({ path, length: tooLong, codes: ['TOO_LONG'] });
    if (least > 0) expect(await codesOfLength(least - 1)).toEqual({ path, length: least - 1, codes: ['TOO_SHORT'] });
  }
});

it('the patterns match in a browser exactly what the mutation accepts', async () => {
  const rules = (await readRules()).filter(({ pattern }) => pattern !== null);
  const byPattern = new Map(rules.map(rule => [rule.pattern, rule]));
  expect(byPattern.size).toBe(8);
  for (const { path, pattern, minLength, maxLength } of byPattern.values()) {
    const matcher = new RegExp(`^(?:${pattern})$`, 'v');
    const values = VALUES.filter(({ length }) => length >= (minLength ?? 0) && length <= (maxLength ?? 0));
    for (const value of values) {
      const codes = await codesFor(path, value);
      expect({ path, value, isAccepted: codes.length === 0 }).toEqual({ path, value, isAccepted: matcher.test(value) });
    }
  }
});
