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

/** A value for the field of a rule. */
type Trial = readonly [rule: Rule, value: string];

/** An input that is valid if these values are. */
function inputWith(trials: readonly Trial[]): Record<string, unknown> {
  const input: Record<string, unknown> = { ...VALID_INPUT, name: freshName() };
  const tag: Record<string, string> = { key: 'k', value: 'v' };
  for (const [{ path }, value] of trials) {
    const [field = '', , name] = path;
    if (name === undefined) {
      input[field] = value;
    } else {
      tag[name] = value;
      input[field] = [tag];
    }
  }
  return input;
}

/** The codes of the problems that a create has at each path, sorted; none where it accepts the value. */
async function codesOf(trials: readonly Trial[]): Promise<Record<string, string[]>> {
  const { __typename, problems = [] } = await shared().create(inputWith(trials));
  if (problems.length === 0) expect(__typename).toBe('CreateDatasourceConnectionSuccess');
  const codes: Record<string, string[]> = {};
  for (const [{ path }] of trials) {
    const place = path.join('.').replace('*', '0');
    const own = problems.filter(problem => problem.path.join('.') === place);
    codes[path.join('.')] = own.map(({ code }) => code).sort();
  }
  expect(Object.values(codes).flat()).toHaveLength(problems.length);
  return codes;
}

/** These codes at the path of every rule. */
function everywhere(rules: readonly Rule[], codes: string[]): Record<string, string[]> {
  return Object.fromEntries(rules.map(({ path }) => [path.join('.'), codes]));
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
  const rules = await readTextRules();
  expect(await codesOf(rules.map(rule => [rule, rule.example ?? '']))).toEqual(everywhere(rules, []));
});

it('the lengths are those that the mutation accepts', async () => {
  const rules = (await readTextRules()).filter(({ pattern }) => pattern !== null);
  const codesOfLengths = (some: readonly Rule[], lengthOf: (rule: Rule) => number) =>
    codesOf(some.map(rule => [rule, 'x'.repeat(lengthOf(rule))]));
  const least = ({ minLength }: Rule) => minLength ?? 0;
  const most = ({ maxLength }: Rule) => maxLength ?? 0;
  for (const lengthOf of [least, most]) expect(await codesOfLengths(rules, lengthOf)).toEqual(everywhere(rules, []));
  expect(await codesOfLengths(rules, rule => most(rule) + 1)).toEqual(everywhere(rules, ['TOO_LONG']));
  const withMinimum = rules.filter(rule => least(rule) > 0);
  expect(await codesOfLengths(withMinimum, rule => least(rule) - 1)).toEqual(everywhere(withMinimum, ['TOO_SHORT']));
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
  const rules = (await readTextRules()).flatMap(rule =>
    rule.pattern === null ? [] : [{ rule, matcher: new RegExp(`^(?:${rule.pattern})$`, 'v') }],
  );
  expect(new Set(rules.map(({ matcher }) => matcher.source)).size).toBeGreaterThan(3);
  for (const value of VALUES) {
    const fitting = rules.filter(
      ({ rule: { minLength, maxLength } }) => value.length >= (minLength ?? 0) && value.length <= (maxLength ?? 0),
    );
    const matching = fitting.filter(({ matcher }) => matcher.test(value));
    const codes = await codesOf(fitting.map(({ rule }) => [rule, value]));
    const accepted = Object.keys(codes).filter(path => codes[path]?.length === 0);
    expect({ value, accepted }).toEqual({ value, accepted: matching.map(({ rule }) => rule.path.join('.')) });
    // Where it was refused because of other fields, the accepted values are sent to DLI by themselves.
    if (matching.length > 0 && matching.length < fitting.length)
      expect(await codesOf(matching.map(({ rule }) => [rule, value]))).toEqual(
        everywhere(
          matching.map(({ rule }) => rule),
          [],
        ),
      );
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
