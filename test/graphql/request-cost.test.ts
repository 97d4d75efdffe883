import { afterEach, describe, expect, it } from '@jest/globals';
import type { GraphqlAnswer, TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, VALID_INPUT } from '../helpers/gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { closeSubscribers, readAll, subscribe, WATCH } from '../helpers/subscribers.js';

const TOO_MANY_VALUES = 'The JSON may hold at most 500 values.';
const CYCLE = 'A fragment must not contain itself, not even through other fragments.';
const LIST = 'query ($filter: DatasourceConnectionFilter) { datasourceConnections(filter: $filter) { totalCount } }';

const shared = shareGateway();

afterEach(closeSubscribers);

const times = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');
const repeat = (count: number, value: unknown) => Array.from({ length: count }, () => value);
const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, 1]));
const create = (changes: object) => ({ query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, ...changes } } });
const list = (filter: object) => ({ query: LIST, variables: { filter } });

/** Fragments that each spread the next two, under a field of the same name; the last ones spread the first. */
const cycle = (length: number) =>
  `{ ...F0 ...F1 } ${times(length, n => `fragment F${n} on Query { a { ...F${(n + 1) % length} ...F${(n + 2) % length} } }`)}`;

/** The messages of a refusal; asserts that nothing was sent to DLI and no internal error was logged. */
function refusalOf({ status, body }: GraphqlAnswer, gateway: TestGateway, code: string): string[] {
  expect({ status, data: body.data }).toEqual({ status: 400, data: undefined });
  expect(new Set(body.errors?.map(({ extensions }) => extensions.code))).toEqual(new Set([code]));
  expectNoInternalError(gateway);
  return body.errors?.map(({ message }) => message) ?? [];
}

function expectNoInternalError(gateway: TestGateway): void {
  expect(gateway.log()).not.toContain('"level":50');
  expect(gateway.emulator.ledger.count()).toBe(0);
}

describe('a request of more than 500 values', () => {
  it.each<[what: string, request: object]>([
    ['tags without fields', create({ tags: repeat(20_000, {}) })],
    ['tags that are numbers', create({ tags: repeat(20_000, 0) })],
    ['tags with unknown fields', create({ tags: repeat(5_000, { a: 0 }) })],
    ['valid tags', create({ tags: repeat(2_000, { key: 'a', value: '' }) })],
    ['unknown fields', create(fields(5_000))],
    ['invalid states', list({ states: repeat(20_000, '') })],
    ['states that are lists', list({ states: repeat(10_000, [[]]) })],
    ['valid states', list({ states: repeat(5_000, 'ACTIVE') })],
    ['variables that are not declared', { query: LIST, variables: fields(5_000) }],
    ['extensions', { query: LIST, extensions: { a: repeat(20_000, 0) } }],
    ['members of the request', { query: LIST, ...fields(5_000) }],
    ['requests of a batch', repeat(1_000, { query: '{ __typename }' })],
    ['501 values in lists of lists', { query: LIST, variables: { a: repeat(50, repeat(9, 0)) } }],
  ])('is refused before its values are checked: %s', async (_what, request) => {
    expect(refusalOf(await shared().send(request), shared(), 'BAD_REQUEST')).toEqual([TOO_MANY_VALUES]);
  });

  it('is refused for an event stream', async () => {
    const request = { query: WATCH, variables: { id: repeat(20_000, {}) } };
    const answer = await shared().send(request, { accept: 'text/event-stream' });
    expect(refusalOf(answer, shared(), 'BAD_REQUEST')).toEqual([TOO_MANY_VALUES]);
  });

  it('is refused over a WebSocket', async () => {
    const request = { query: WATCH, variables: { id: repeat(20_000, {}) } };
    expect(await readAll(subscribe('graphql-ws', shared().graphqlUrl, request))).toMatchObject([
      { errors: [{ message: TOO_MANY_VALUES, extensions: { code: 'BAD_REQUEST' } }] },
    ]);
    expectNoInternalError(shared());
  });
});

describe('a body of 500 values', () => {
  it('is executed', async () => {
    const { status, body } = await shared().send({ query: '{ __typename }', variables: { a: repeat(497, 0) } });
    expect({ status, body }).toEqual({ status: 200, body: { data: { __typename: 'Query' } } });
  });

  it.each<[what: string, request: object]>([
    ['tags without fields', create({ tags: repeat(400, {}) })],
    ['tags with unknown fields', create({ tags: repeat(200, { a: 0 }) })],
    ['unknown fields', create(fields(400))],
    ['invalid states', list({ states: repeat(400, '') })],
  ])('reports the first 20 problems and no internal error: %s', async (_what, request) => {
    expect(refusalOf(await shared().send(request), shared(), 'BAD_USER_INPUT')).toHaveLength(20);
  });

  it.each(['graphql-sse', 'graphql-ws'] as const)('reports them to subscribers as well: %s', async transport => {
    const names = Array.from({ length: 50 }, (_, index) => `v${index}`);
    const query = `subscription ($id: ID! ${names.map(name => `$${name}: Boolean!`).join(' ')}) {
      datasourceConnection(id: $id) { ${names.map(name => `id @include(if: $${name})`).join(' ')} }
    }`;
    const [{ errors = [] } = {}] = await readAll(
      subscribe(transport, shared().graphqlUrl, { query, variables: { id: [] } }),
    );
    expect(errors.map(({ extensions: { code } }) => code)).toEqual(repeat(20, 'BAD_USER_INPUT'));
    expectNoInternalError(shared());
  });

  it('reports the first 20 rules that an input breaks', async () => {
    const { problems } = await shared().create({ tags: repeat(10, { key: '_sys_!'.padEnd(129, 'x'), value: '!' }) });
    expect(problems).toHaveLength(20);
    expectNoInternalError(shared());
  });
});

describe('a document that takes long to validate is refused before validation', () => {
  it.each([1, 2, 3, 45, 60])('fragments that contain themselves, in a cycle of %i', async length => {
    const answer = await shared().send({ query: cycle(length) });
    expect(refusalOf(answer, shared(), 'GRAPHQL_VALIDATION_FAILED')).toEqual([CYCLE]);
  });

  it.each(['graphql-sse', 'graphql-ws'] as const)('fragments that contain themselves, by %s', async transport => {
    expect(await readAll(subscribe(transport, shared().graphqlUrl, { query: cycle(60) }))).toMatchObject([
      { errors: [{ message: CYCLE, extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    ]);
    expectNoInternalError(shared());
  });

  it('unused fragments that contain themselves', async () => {
    const answer = await shared().send({
      query: `{ __typename } fragment F on Query { ...G } fragment G on Query { ...F }`,
    });
    expect(refusalOf(answer, shared(), 'GRAPHQL_VALIDATION_FAILED')).toEqual([CYCLE]);
  });
});
