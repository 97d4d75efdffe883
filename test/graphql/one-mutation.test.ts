import { describe, expect, it } from '@jest/globals';
import { VALID_INPUT } from '../helpers/gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const VARIABLES = {
  a: { ...VALID_INPUT, name: 'first' },
  b: { ...VALID_INPUT, name: 'second' },
};
const A = 'a: createDatasourceConnection(input: $a) { __typename }';
const B = 'b: createDatasourceConnection(input: $b) { __typename }';
const TYPE = 'CreateDatasourceConnectionInput!';
const HEAD = `mutation M($a: ${TYPE}, $b: ${TYPE})`;
const TOO_MANY = {
  message: 'A request may hold one mutation field. Send each mutation in a request of its own.',
  extensions: expect.objectContaining({ code: 'TOO_MANY_OPERATIONS' }),
};
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };

const shared = shareGateway();

/** Sends a document; returns the response and the names of the connections that exist afterwards. */
async function send(query: string, operationName?: string) {
  const gateway = shared();
  const { status, body } = await gateway.send({ query, variables: VARIABLES, operationName });
  return { status, body, names: gateway.emulator.connections().map(({ name }) => name), gateway };
}

describe('a document with a mutation of more than one field is refused, and nothing is sent:', () => {
  const many = Array.from({ length: 15 }, (_, n) => `c${n}: createDatasourceConnection(input: $a) { __typename }`);

  it.each([
    ['two aliases', `${HEAD} { ${A} ${B} }`],
    ['15 aliases', `mutation($a: ${TYPE}) { ${many.join(' ')} }`],
    ['one field twice, which would be executed once', `mutation($a: ${TYPE}) { ${A} ${A} }`],
    ['one field and one in a fragment', `${HEAD} { ${A} ...F } fragment F on Mutation { ${B} }`],
    ['two fields in a fragment', `${HEAD} { ...F } fragment F on Mutation { ${A} ${B} }`],
    [
      'one field in each of two fragments',
      `${HEAD} { ...F ...G } fragment F on Mutation { ${A} } fragment G on Mutation { ${B} }`,
    ],
    [
      'fields in fragments of fragments',
      `${HEAD} { ...F } fragment F on Mutation { ...G ...H } fragment G on Mutation { ${A} } fragment H on Mutation { ...I } fragment I on Mutation { ${B} }`,
    ],
    ['inline fragments', `${HEAD} { ... on Mutation { ${A} } ... { ${B} } }`],
    ['inline fragments in inline fragments', `${HEAD} { ... { ... on Mutation { ${A} ... { ${B} } } } }`],
    ['an inline fragment in a fragment', `${HEAD} { ...F ${A} } fragment F on Mutation { ... on Mutation { ${B} } }`],
    ['a field that is skipped', `${HEAD} { ${A} ${B.replace(' {', ' @skip(if: true) {')} }`],
    ['a field that is not included', `${HEAD} { ${A} ${B.replace(' {', ' @include(if: false) {')} }`],
    ['a fragment that is skipped', `${HEAD} { ${A} ...F @skip(if: true) } fragment F on Mutation { ${B} }`],
    ['an inline fragment that is skipped', `${HEAD} { ${A} ... @skip(if: true) { ${B} } }`],
    ['two fields and __typename', `${HEAD} { __typename ${A} ${B} }`],
  ])('%s', async (_how, query) => {
    const { status, body, gateway } = await send(query);
    expect({ status, data: body.data }).toEqual({ status: 400, data: undefined });
    expect(body.errors).toContainEqual(expect.objectContaining(TOO_MANY));
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('whichever operation of the document is selected', async () => {
    const query = `mutation One($a: ${TYPE}) { ${A} } mutation Two($a: ${TYPE}, $b: ${TYPE}) { ${A} ${B} }`;
    const { status, body, gateway } = await send(query, 'One');
    expect(status).toBe(400);
    expect(body).toEqual({ errors: [expect.objectContaining(TOO_MANY)] });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('a fragment cycle is refused without endless recursion:', () => {
  it.each([
    ['with one field', `mutation($a: ${TYPE}) { ...F } fragment F on Mutation { ...F ${A} }`],
    ['with two fields', `${HEAD} { ...F } fragment F on Mutation { ...F ${A} ${B} }`],
    ['through another', `${HEAD} { ...F } fragment F on Mutation { ${A} ...G } fragment G on Mutation { ${B} ...F }`],
  ])('%s', async (_how, query) => {
    const { status, body, gateway } = await send(query);
    expect(status).toBe(400);
    expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    expect(body.data).toBeUndefined();
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('one mutation field is executed', () => {
  it.each([
    ['with __typename before it', `mutation($a: ${TYPE}) { __typename ${A} }`],
    ['followed by __typename twice', `mutation($a: ${TYPE}) { ${A} __typename t: __typename }`],
    ['in a fragment', `mutation($a: ${TYPE}) { ...F } fragment F on Mutation { ${A} }`],
    ['in a fragment that is spread twice', `mutation($a: ${TYPE}) { ...F ...F } fragment F on Mutation { ${A} }`],
  ])('once %s', async (_how, query) => {
    const { status, body, names } = await send(query);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ a: SUCCESS });
    expect(names).toEqual(['first']);
  });

  it.each([
    ['A', { a: SUCCESS }, 'first'],
    ['B', { b: SUCCESS }, 'second'],
  ])('if it is named in a document with two mutations: %s', async (name, data, connection) => {
    const query = `mutation A($a: ${TYPE}) { ${A} } mutation B($b: ${TYPE}) { ${B} }`;
    const { status, body, names } = await send(query, name);
    expect({ status, body, names }).toEqual({ status: 200, body: { data }, names: [connection] });
  });
});

describe('a query', () => {
  it('may have several fields, including in fragments', async () => {
    const query =
      '{ a: datasourceServices { service } ...F } fragment F on Query { b: datasourceServices { service } __typename }';
    const { status, body } = await send(query);
    const services = expect.arrayContaining([{ service: 'RDS' }]);
    expect({ status, body }).toEqual({
      status: 200,
      body: { data: { a: services, b: services, __typename: 'Query' } },
    });
  });
});
