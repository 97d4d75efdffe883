import { expect, it } from '@jest/globals';
import type { FieldRule, FieldValue } from '../helpers/field-rules.js';
import { codesAtEveryPath, codesByPath, expectLengths, fieldsOfInput } from '../helpers/field-rules.js';
import { VALID_INPUT } from '../helpers/gateway.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const QUERY = '{ createDatasourceConnectionRules { path required minLength maxLength maxItems pattern example rule } }';
const PADDING = 'k'.repeat(16);
const CHARACTERS = [
  ...['a', 'Z', '0', '_', '-', ' ', '.', ':', '=', '+', '@', ',', '/', '\\', '|', '&', '~', '$', '^', '(', ']', '{'],
  ...['\n', '\r', '\t', '\0', '\u007f', '\u00a0', '\u00fc', '\u90e8', '\u0661', '\u00bd', '\u20ac', '\u0301', '\ufe0f'],
  ...['\uff41', '\u202e', '\u2028', '\u{1f600}', '\u{20000}'],
];
const VALUES = [
  ...CHARACTERS.flatMap(character => [
    `${character}${PADDING}`,
    `${PADDING}${character}`,
    `${PADDING}${character}${PADDING}`,
  ]),
  ...['_sys_', `_sys_${PADDING}`, `x_sys_${PADDING}`, '_sys', 'gw_req', 'gw_req2', ' gw_req', 'xgw_req', '__proto__'],
];

const shared = shareGateway();

async function readRules(): Promise<FieldRule[]> {
  const { body } = await shared().send({ query: QUERY });
  return body.data?.['createDatasourceConnectionRules'] as FieldRule[];
}

async function readStringRules(): Promise<FieldRule[]> {
  const rules = (await readRules()).filter(({ maxLength }) => maxLength !== null);
  expect(rules.map(({ path }) => path.join('.'))).toEqual(
    expect.arrayContaining(['name', 'url', 'tags.*.key', 'tags.*.value', 'idempotencyKey']),
  );
  return rules;
}

/** An input that is valid if these values are. */
function inputWith(values: readonly FieldValue[]): Record<string, unknown> {
  const input: Record<string, unknown> = { ...VALID_INPUT, name: freshName() };
  const tag: Record<string, string> = { key: 'k', value: 'v' };
  for (const [{ path }, value] of values) {
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
async function codesOf(values: readonly FieldValue[]): Promise<Record<string, string[]>> {
  const { __typename, problems = [] } = await shared().create(inputWith(values));
  if (problems.length === 0) expect(__typename).toBe('CreateDatasourceConnectionSuccess');
  const codes = codesByPath(values, problems);
  expect(Object.values(codes).flat()).toHaveLength(problems.length);
  return codes;
}

it('the rules cover every field of the input, and say which must be set', async () => {
  const rules = (await readRules()).map(({ path, required }) => ({ path, required }));

  expect(rules).toEqual(expect.arrayContaining(fieldsOfInput('CreateDatasourceConnectionInput')));
  expect(rules).toHaveLength(10);
});

it('every text field accepts its example', async () => {
  const rules = await readStringRules();
  expect(await codesOf(rules.map(rule => [rule, rule.example ?? '']))).toEqual(codesAtEveryPath(rules, []));
});

it('the mutation accepts exactly the lengths of the rules', async () => {
  const rules = (await readStringRules()).filter(({ pattern }) => pattern !== null);
  await expectLengths(rules, codesOf);
});

it('the mutation accepts exactly the maximum number of tags', async () => {
  const { maxItems } = (await readRules()).find(({ path }) => path.join() === 'tags') ?? {};
  const tags = Array.from({ length: (maxItems ?? 0) + 1 }, (_, index) => ({ key: `k${index}`, value: '' }));

  expect(await shared().create({ tags: tags.slice(1) })).toMatchObject({
    __typename: 'CreateDatasourceConnectionSuccess',
  });
  expect(await shared().create({ tags })).toMatchObject({ problems: [{ code: 'TOO_MANY', limit: maxItems }] });
});

it('the patterns match in a browser exactly what the mutation accepts', async () => {
  const rules = (await readStringRules()).flatMap(rule =>
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
    // If other fields caused the refusal, the accepted values are sent to DLI by themselves.
    if (matching.length > 0 && matching.length < fitting.length)
      expect(await codesOf(matching.map(({ rule }) => [rule, value]))).toEqual(
        codesAtEveryPath(
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
