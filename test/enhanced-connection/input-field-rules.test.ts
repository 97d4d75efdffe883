import { expect, it } from '@jest/globals';
import { CREATE_ENHANCED, VALID_ENHANCED_INPUT } from '../helpers/enhanced-gateway.js';
import type { FieldRule, FieldValue } from '../helpers/field-rules.js';
import { codesAtEveryPath, codesByPath, expectLengths, fieldsOfInput } from '../helpers/field-rules.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const QUERY =
  '{ createEnhancedDatasourceConnectionRules { path required minLength maxLength maxItems pattern example rule } }';
const PADDING = 'k'.repeat(16);
const CHARACTERS = [
  ...['a', 'Z', '0', '_', '-', ' ', '.', ':', '=', '+', '@', ',', '/', '\\', '|', '&', '~', '$', '^', '(', ']', '{'],
  ...['\n', '\r', '\t', '\0', '\u007f', '\u00a0', '\u00fc', '\u90e8', '\u0661', '\u00bd', '\u20ac', '\u0301', '\ufe0f'],
];
const VALUES = [
  ...CHARACTERS.flatMap(character => [`${character}${PADDING}`, `${PADDING}${character}`, `${PADDING}${character}x`]),
  ...['_sys_', `_sys_${PADDING}`, '_sys', 'gw_req', 'gw_req2', '__proto__', 'default', 'DEFAULT', 'default2', '12345'],
  ...['1.2.3.4', '0.0.0.0', '255.255.255.255', '1.2.3.256', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4\n', '::1'],
];

const shared = shareGateway();

async function readRules(): Promise<FieldRule[]> {
  const { body } = await shared().send({ query: QUERY });
  return body.data?.['createEnhancedDatasourceConnectionRules'] as FieldRule[];
}

/** An input with these values, which is always refused because of its second host. */
function inputWith(values: readonly FieldValue[]): Record<string, unknown> {
  const items: Record<string, Record<string, string>> = {
    resources: { kind: 'QUEUE', name: 'q' },
    hosts: { name: 'a', ip: '192.168.0.22' },
    tags: { key: 'k', value: '' },
  };
  const input: Record<string, unknown> = { ...VALID_ENHANCED_INPUT };
  for (const [{ path }, value] of values) {
    const [field = '', , name] = path;
    if (name === undefined) input[field] = value;
    else items[field] = { ...items[field], [name]: value };
  }
  for (const [field, item] of Object.entries(items)) input[field] = [item];
  return { ...input, hosts: [items['hosts'], { name: 'b', ip: 'none' }] };
}

/** The codes of the problems that a create has at each path, sorted; none where it accepts the value. */
async function codesOf(values: readonly FieldValue[]): Promise<Record<string, string[]>> {
  const { body } = await shared().send({ query: CREATE_ENHANCED, variables: { input: inputWith(values) } });
  const payload = body.data?.['payload'] as { problems: { path: string[]; code: string }[] };
  const codes = codesByPath(values, payload.problems);
  // All but that of the second host.
  expect(Object.values(codes).flat()).toHaveLength(payload.problems.length - 1);
  return codes;
}

it('the rules cover every field of the input, and say which must be set', async () => {
  const rules = (await readRules()).map(({ path, required }) => ({ path, required }));

  expect(rules).toEqual(expect.arrayContaining(fieldsOfInput('CreateEnhancedDatasourceConnectionInput')));
  expect(rules).toHaveLength(14);
});

it('every text field accepts its example', async () => {
  const rules = (await readRules()).filter(({ maxLength }) => maxLength !== null);

  expect(rules).toHaveLength(10);
  expect(await codesOf(rules.map(rule => [rule, rule.example ?? '']))).toEqual(codesAtEveryPath(rules, []));
});

it('the mutation accepts exactly the lengths of the rules', async () => {
  // The ip of a host is not text of arbitrary length.
  const rules = (await readRules()).filter(({ path, maxLength }) => maxLength !== null && path.at(-1) !== 'ip');
  await expectLengths(rules, codesOf);
});

it('the patterns match in a browser exactly what the mutation accepts', async () => {
  const rules = (await readRules()).flatMap(rule =>
    rule.pattern === null ? [] : [{ rule, matcher: new RegExp(`^(?:${rule.pattern})$`, 'v') }],
  );
  expect(new Set(rules.map(({ matcher }) => matcher.source)).size).toBe(8);
  for (const value of VALUES) {
    const fitting = rules.filter(
      ({ rule: { minLength, maxLength } }) => value.length >= (minLength ?? 0) && value.length <= (maxLength ?? 0),
    );
    const codes = await codesOf(fitting.map(({ rule }) => [rule, value]));
    const accepted = Object.keys(codes).filter(path => codes[path]?.length === 0);
    const matching = fitting.filter(({ matcher }) => matcher.test(value));
    expect({ value, accepted }).toEqual({ value, accepted: matching.map(({ rule }) => rule.path.join('.')) });
  }
});
