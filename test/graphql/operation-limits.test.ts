import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';

const DEPTH = 'Fields may be nested to a depth of 6.';
const ALIASES = 'The number of aliases may be at most 15.';
const DIRECTIVES = 'The number of directives may be at most 50.';
const SELECTIONS = 'The number of selections, fragments unfolded, may be at most 400.';
const FRAGMENTS = 'The number of fragments may be at most 50.';
const REPETITIONS = 'A field may be selected at most 100 times in a document.';
const LENGTH = 'The document may have at most 15,000 characters.';
const ABORTED = 'Validation aborted.';

const nested = (levels: number) => `${'{ a '.repeat(levels)}${'}'.repeat(levels)}`;
const times = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');
/** A chain of fragments that each spread the next one twice. */
const doubling = (steps: number) =>
  `{ ...F0 } ${times(steps, n => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)} fragment F${steps} on Query { __typename }`;

let production: TestGateway;
let development: TestGateway;

beforeAll(async () => {
  production = await startGateway();
  development = await startGateway({ env: { EXPLORER: 'graphiql' } });
});
afterAll(closeGateways);

/** The messages of a JSON error with status 400; asserts that nothing was executed and no stack overflowed. */
async function refusal(query: string): Promise<string[]> {
  const { status, headers, body } = await production.send({ query });
  expect({ status, type: headers.get('content-type'), data: body.data }).toEqual({
    status: 400,
    type: 'application/json; charset=utf-8',
    data: undefined,
  });
  expect(JSON.stringify(body) + production.log()).not.toMatch(/call stack|internal error/i);
  expect(production.emulator.ledger.count()).toBe(0);
  return body.errors?.map(({ message }) => message) ?? [];
}

describe('a document is refused before execution for', () => {
  it.each<[what: string, query: string, message: string]>([
    ['fields nested 7 deep', nested(7), DEPTH],
    ['fields nested 7 deep through fragments', deepFragments(), DEPTH],
    ['fields nested 300 deep', nested(300), DEPTH],
    ['16 aliases', `{ ${times(16, n => `a${n}: __typename`)} }`, ALIASES],
    [
      '16 aliases from 4 spreads of one fragment, each under its own field',
      `{ ${times(4, () => 'datasourceServices { ...F }')} } fragment F on DatasourceServiceInfo { ${times(4, n => `b${n}: service`)} }`,
      ALIASES,
    ],
    ['160 aliases', `{ ${times(160, n => `a${n}: __typename`)} }`, ALIASES],
    ['51 directives', `{ ${times(51, n => `__typename @d${n}`)} }`, DIRECTIVES],
    ['one field 401 times', `{ ${times(401, () => '__typename')} }`, SELECTIONS],
    ['fragments that expand to 511 selections', doubling(8), SELECTIONS],
    ['fragments that expand to more selections than can be counted', doubling(70), SELECTIONS],
    ['unused fragments that expand to 511 selections', `{ __typename } ${doubling(8).slice(10)}`, SELECTIONS],
    ['51 fragments', fragments(51), FRAGMENTS],
    ['one field 101 times', `{ ${times(101, () => '__typename')} }`, REPETITIONS],
    [
      'one field 102 times in two operations',
      times(2, n => `query Q${n} { ${'__typename '.repeat(51)} }`),
      REPETITIONS,
    ],
  ])('%s', async (_what, query, message) => {
    const messages = await refusal(query);
    expect(messages.some(text => text === message || text.endsWith(ABORTED))).toBe(true);
    expect(messages.length).toBeLessThanOrEqual(6);
  });

  it.each<[what: string, query: string]>([
    ['4,000 fields', `{ ${'__typename '.repeat(4_000)}}`],
    ['a depth of 3,000', nested(3_000)],
    ['2,000 directives', `{ __typename ${'@skip(if: false) '.repeat(2_000)}}`],
    ['50 inline fragments in each of 50', `{ ${times(50, () => `... { ${times(50, () => '... { __typename }')} }`)} }`],
    ['a list 20,000 deep', `{ a(b: ${'['.repeat(20_000)}${']'.repeat(20_000)}) }`],
    ['a list 400 deep in the input', createWith(`tags: ${'['.repeat(400)}${']'.repeat(400)}`)],
    ['an input of 240 unknown fields', createWith(times(240, n => `f${n}: 1`))],
    ['480 unknown directives', `{ __typename ${'@a'.repeat(480)} }`],
    ['190 unknown types', `query (${times(190, n => `$v${n}: T`)}) { __typename }`],
    ['fragments that form a cycle', fragmentCycle(100)],
  ])('%s', async (_what, query) => {
    const messages = await refusal(query);
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.length).toBeLessThanOrEqual(6);
  });

  it('15,001 characters, with the code OPERATION_TOO_COMPLEX', async () => {
    const { status, headers, body } = await production.send({ query: '{ __typename }'.padEnd(15_001) });
    expect({ status, body }).toEqual({
      status: 400,
      body: {
        errors: [
          {
            message: LENGTH,
            extensions: { code: 'OPERATION_TOO_COMPLEX', traceId: headers.get('x-request-id') },
          },
        ],
      },
    });
  });

  it('each limit, with the same code', async () => {
    const { body } = await production.send({ query: `{ ${times(16, n => `a${n}: __typename`)} }` });
    expect(body.errors).toEqual([
      { message: ALIASES, extensions: { code: 'OPERATION_TOO_COMPLEX', traceId: expect.any(String) } },
    ]);
  });
});

describe('variables nested deeper than 20 levels of JSON are refused', () => {
  it.each([21, 100, 30_000])('with %d levels, without walking them all', async levels => {
    const { status, body } = await production.send(
      `{"query":"{ __typename }","variables":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`,
    );
    expect({ status, body }).toEqual({
      status: 400,
      body: {
        errors: [
          {
            message: 'The JSON may be nested at most 20 levels deep.',
            extensions: { code: 'BAD_REQUEST', traceId: expect.any(String) },
          },
        ],
      },
    });
  });
});

describe('a document is executed with', () => {
  it.each<[what: string, query: string]>([
    ['15 aliases', `{ ${times(15, n => `a${n}: __typename`)} }`],
    ['50 directives', `{ ${times(50, () => '__typename @skip(if: false)')} }`],
    ['fragments that expand to 255 selections', doubling(7)],
    ['50 fragments', fragments(50)],
    ['one field 100 times', `{ ${times(100, () => '__typename')} }`],
    ['15,000 characters', '{ __typename }'.padEnd(15_000)],
    ['240 nested inline fragments', `{ __typename ${'... { '.repeat(240)}__typename${' }'.repeat(240)} }`],
  ])('%s', async (_what, query) => {
    const { status, body } = await production.send({ query });
    expect({ status, errors: body.errors }).toEqual({ status: 200, errors: undefined });
  });
});

describe('an introspection query, where introspection is enabled', () => {
  it.each([
    ['of an explorer, with all its options', getIntrospectionQuery(allOptions())],
    ['of an explorer, by default', getIntrospectionQuery()],
  ])('is executed: %s', async (_what, query) => {
    const { status, body } = await development.send({ query });
    expect({ status, errors: body.errors }).toEqual({ status: 200, errors: undefined });
    expect(body.data).toHaveProperty('__schema.types');
  });

  it.each([
    [
      'with a cycle of types',
      '{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }',
    ],
    ['with 16 aliases', `{ ${times(16, n => `a${n}: __schema { queryType { name } }`)} }`],
  ])('is refused: %s', async (_what, query) => {
    const { status, body } = await development.send({ query });
    expect({ status, data: body.data }).toEqual({ status: 400, data: undefined });
  });

  it('does not raise the depth limit of other fields', async () => {
    const { status, body } = await development.send({
      query: `{ __schema { queryType { name } } b ${nested(7)} }`,
    });
    expect(status).toBe(400);
    expect(body.errors?.map(({ message }) => message)).toContain(DEPTH);
  });
});

function deepFragments(): string {
  const fragments = times(7, n => `fragment F${n} on Query { a { ...F${n + 1} } }`);
  return `{ ...F0 } ${fragments} fragment F7 on Query { __typename }`;
}

function fragments(count: number): string {
  return `{ ${times(count, n => `...F${n}`)} } ${times(count, n => `fragment F${n} on Query { __typename }`)}`;
}

function fragmentCycle(length: number): string {
  return `{ ...F0 } ${times(length, n => `fragment F${n} on Query { ...F${(n + 1) % length} }`)}`;
}

function createWith(fields: string): string {
  return `mutation { createDatasourceConnection(input: { ${fields} }) { __typename } }`;
}

function allOptions() {
  return {
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  };
}
