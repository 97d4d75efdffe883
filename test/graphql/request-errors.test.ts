import { describe, expect, it } from '@jest/globals';
import { CREATE_MUTATION, VALID_INPUT } from '../helpers/gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const CANARY = 'zq7canary';
const CANARY_NUMBER = '907140233';
const ONE_OPERATION = 'The request must name one of the operations in its document, or hold exactly one.';
const NO_DOCUMENT = 'The request must have "query", the text of a GraphQL document.';
const NO_BATCH = 'Send each operation in a request of its own: batches are not supported.';
const WRONG_VARIABLES = '"variables" must be a JSON object or null.';

// Makes the gateway log every refusal instead of 20 per minute.
const shared = shareGateway({ limits: { logWindowMs: 1 } });

describe('a request that cannot be executed', () => {
  it.each<[what: string, request: unknown, code: string, message: string]>([
    [
      'one field 401 times',
      { query: `{${' __typename'.repeat(401)}}` },
      'OPERATION_TOO_COMPLEX',
      'The number of selections, fragments unfolded, may be at most 400.',
    ],
    [
      'an unknown field',
      { query: `{ unknown(a: "${CANARY}") }` },
      'GRAPHQL_VALIDATION_FAILED',
      'Cannot query field "unknown" on type "Query".',
    ],
    [
      'a fragment alone',
      { query: 'fragment F on Query { __typename }' },
      'GRAPHQL_VALIDATION_FAILED',
      'Fragment "F" is never used.',
    ],
    [
      'a variable of another type',
      { query: `query($n: String = "${CANARY}") { __typename @include(if: $n) }` },
      'GRAPHQL_VALIDATION_FAILED',
      'Variable "$n" of type "String" used in position expecting type "Boolean!".',
    ],
    [
      'a schema query',
      { query: `{ __type(name: "${CANARY}") { name } }` },
      'GRAPHQL_VALIDATION_FAILED',
      'Introspection is off here. The schema is published as schema.graphql.',
    ],
    [
      'an unknown operation',
      { query: 'query A { __typename }', operationName: CANARY },
      'OPERATION_RESOLUTION_FAILURE',
      ONE_OPERATION,
    ],
    [
      'two operations and no name',
      { query: 'query A { __typename } query B { __typename }' },
      'OPERATION_RESOLUTION_FAILURE',
      ONE_OPERATION,
    ],
    ['missing variables', { query: CREATE_MUTATION }, 'BAD_USER_INPUT', '"input" is required.'],
    ['a string as variables', { query: CREATE_MUTATION, variables: CANARY }, 'BAD_REQUEST', WRONG_VARIABLES],
    ['a list as variables', { query: CREATE_MUTATION, variables: [CANARY] }, 'BAD_REQUEST', WRONG_VARIABLES],
    [
      'a number as variables',
      { query: CREATE_MUTATION, variables: Number(CANARY_NUMBER) },
      'BAD_REQUEST',
      WRONG_VARIABLES,
    ],
    [
      'a string as extensions',
      { query: CREATE_MUTATION, extensions: CANARY },
      'BAD_REQUEST',
      '"extensions" must be a JSON object or null.',
    ],
    [
      'an operation name that is not a string',
      { query: '{ __typename }', operationName: [CANARY] },
      'BAD_REQUEST',
      '"operationName" must be a text or null.',
    ],
    ['a query that is not a string', { query: [CANARY] }, 'BAD_REQUEST', NO_DOCUMENT],
    ['an empty query', { query: '' }, 'BAD_REQUEST', NO_DOCUMENT],
    ['an empty object', {}, 'BAD_REQUEST', NO_DOCUMENT],
    ['null', 'null', 'BAD_REQUEST', NO_DOCUMENT],
    ['a JSON string', JSON.stringify(CANARY), 'BAD_REQUEST', NO_DOCUMENT],
    ['a batch of one', [{ query: '{ __typename }' }], 'BAD_REQUEST', NO_BATCH],
    ['an empty batch', [], 'BAD_REQUEST', NO_BATCH],
  ])('is refused as JSON without its values: %s', async (_what, request, code, message) => {
    const gateway = shared();
    const { status, headers, body } = await gateway.send(request);

    expect({ status, contentType: headers.get('content-type') }).toEqual({
      status: 400,
      contentType: 'application/json; charset=utf-8',
    });
    expect(body).toEqual({
      errors: [
        expect.objectContaining({
          message,
          extensions: expect.objectContaining({ code, traceId: headers.get('x-request-id') }),
        }),
      ],
    });
    const shown = JSON.stringify(body) + gateway.log();
    expect(shown).not.toContain(CANARY);
    expect(shown).not.toContain(CANARY_NUMBER);
    expect(shown).not.toMatch(/call stack|internal error/i);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('executes no member of a batch', async () => {
    const gateway = shared();
    const create = { query: CREATE_MUTATION, variables: { input: VALID_INPUT } };
    const { status } = await gateway.send([create, create]);

    expect(status).toBe(400);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each([
    ['a subscription', { query: 'subscription { datasourceConnection(id: "a") { id } }' }, 'BAD_REQUEST'],
    [
      'null for a variable with a default',
      { query: 'query($if: Boolean = true) { __typename @include(if: $if) }', variables: { if: null } },
      'BAD_USER_INPUT',
    ],
    [
      'a persisted query',
      { extensions: { persistedQuery: { version: 1, sha256Hash: CANARY } } },
      'PERSISTED_QUERY_NOT_SUPPORTED',
    ],
  ])('is not reported as an internal error: %s', async (_what, request, code) => {
    const gateway = shared();
    const { body } = await gateway.send(request);

    expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual([code]);
    expect(JSON.stringify(body) + gateway.log()).not.toContain(CANARY);
    expect(gateway.log()).not.toContain('internal error');
  });
});

describe('an empty operationName', () => {
  it('selects the only operation, as if it were absent', async () => {
    const gateway = shared();
    const { body } = await gateway.send({ query: 'query A { __typename }', operationName: '' });

    expect(body).toEqual({ data: { __typename: 'Query' } });
  });

  it('selects neither of two operations', async () => {
    const gateway = shared();
    const query = 'query A { __typename } query B { __typename }';
    const { body } = await gateway.send({ query, operationName: '' });

    expect(body.errors).toMatchObject([{ message: ONE_OPERATION }]);
  });
});

describe('a document with a syntax error', () => {
  it.each<[what: string, query: string, message: string]>([
    [
      'a string in place of a name',
      `{ "${CANARY}" }`,

      'Syntax Error: Expected Name, found String.',
    ],
    [
      'a block string in place of a name',
      `{ """${CANARY}""" }`,

      'Syntax Error: Expected Name, found BlockString.',
    ],
    [
      'an integer in place of a name',
      `{ ${CANARY_NUMBER} }`,

      'Syntax Error: Expected Name, found Int.',
    ],
    [
      'a float in place of a name',
      `{ ${CANARY_NUMBER}.5 }`,

      'Syntax Error: Expected Name, found Float.',
    ],
    [
      'an unterminated string',
      `{ a(b: "${CANARY}`,

      'Syntax Error: Unterminated string.',
    ],
    [
      'a single quote',
      `{ a(b: '${CANARY}') }`,

      'Syntax Error: Unexpected single quote character (\'), did you mean to use a double quote (")?',
    ],
    [
      'more than 1,000 tokens',
      `{ ${'a '.repeat(1_000)}}`,

      'Syntax Error: Document contains more that 1000 tokens. Parsing aborted.',
    ],
    [
      'fields nested 3,000 deep',
      '{a'.repeat(3_000) + '}'.repeat(3_000),

      'Syntax Error: Document contains more that 1000 tokens. Parsing aborted.',
    ],
    [
      'a list nested 5,000 deep',
      `{a(b:${'['.repeat(5_000)}${']'.repeat(5_000)})}`,

      'Syntax Error: Document contains more that 1000 tokens. Parsing aborted.',
    ],
  ])('is refused without quoting it: %s', async (_what, query, message) => {
    const gateway = shared();
    const { status, headers, body } = await gateway.send({ query });

    expect({ status, contentType: headers.get('content-type'), body }).toEqual({
      status: 400,
      contentType: 'application/json; charset=utf-8',
      body: {
        errors: [
          {
            message,
            locations: [{ line: 1, column: expect.any(Number) }],
            extensions: { code: 'GRAPHQL_PARSE_FAILED', traceId: headers.get('x-request-id') },
          },
        ],
      },
    });
    const shown = JSON.stringify(body) + gateway.log();
    expect(shown).not.toContain(CANARY);
    expect(shown).not.toContain(CANARY_NUMBER);
    expect(shown).not.toMatch(/call stack/i);
  });
});
