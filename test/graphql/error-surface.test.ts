import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '../../src/lib/error-codes.js';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';

/** Occurs in every request and must occur in no response; longer than the names that responses may quote. */
const CANARY = `zq7canary${'x'.repeat(64)}`;
const CODES = new Set(Object.keys(ERROR_CODES));
const LITERAL = JSON.stringify(CANARY);
const DEEP = `${'['.repeat(50)}"${CANARY}"${']'.repeat(50)}`;

const query = (document: string, more: object = {}) => JSON.stringify({ query: document, ...more });
const inputOf = (changes: unknown) => ({ variables: { input: changes } });
const create = (changes: object) => query(CREATE_MUTATION, inputOf({ ...VALID_INPUT, ...changes }));
const inline = (fields: string) =>
  query(`mutation { createDatasourceConnection(input: { ${fields} }) { __typename } }`);

type Failure = [
  what: string,
  body: string,
  init?: { method?: string; path?: string; headers?: Record<string, string> },
];

const NOT_READ: Failure[] = [
  ['truncated JSON', `{"query":${CANARY}`],
  ['two JSON values', `{} ${CANARY}`],
  ['invalid JSON', CANARY],
  ['a number', '907140233'],
  ['a string', LITERAL],
  ['null', 'null'],
  ['true', 'true'],
  ['an empty list', '[]'],
  ['a list of lists', `[[${LITERAL}]]`],
  ['a batch', `[${query('{ __typename }')}]`],
  ['an empty object', '{}'],
  ['an empty body', ''],
  ['a body of spaces', '    '],
  ['a body that is too long', query(CANARY.repeat(1_000))],
  ['JSON that is too deep', `{"query":"{ __typename }","variables":{"a":${DEEP}}}`],
  ['a document that is too long', query(`{ a(b: ${JSON.stringify(CANARY.repeat(220))}) }`)],
  ['text', query('{ __typename }'), { headers: { 'content-type': 'text/plain' } }],
  ['a form', `query=${CANARY}`, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
  ['an invalid content type', query('{ __typename }'), { headers: { 'content-type': CANARY } }],
  ['a character set', query('{ __typename }'), { headers: { 'content-type': `application/json; charset=${CANARY}` } }],
  ['a content encoding', query('{ __typename }'), { headers: { 'content-encoding': CANARY } }],
  ['an Accept header', query('{ __typename }'), { headers: { accept: `text/${CANARY}` } }],
  ['PUT', query('{ __typename }'), { method: 'PUT' }],
  ['DELETE', query('{ __typename }'), { method: 'DELETE' }],
  ['another path', query('{ __typename }'), { path: `/${CANARY}` }],
  ['an invalid path', query('{ __typename }'), { path: `/${CANARY}%` }],
  ['headers that are too long', query('{ __typename }'), { headers: { 'x-a': CANARY.repeat(300) } }],
];

const NOT_PARSED: Failure[] = [
  ['a blank document', query('   ')],
  ['a truncated document', query(`{ a(b: ${LITERAL}`)],
  ['an unexpected name', query(`${CANARY} { a }`)],
  ['a string in place of a name', query(`{ ${LITERAL} }`)],
  ['an unterminated string', query(`{ a(b: "${CANARY}) }`)],
  ['an invalid character', query(`{ a \u0000 ${LITERAL} }`)],
  ['an invalid number', query('{ a(b: 907140233x) }')],
  ['too many tokens', query(`{ ${'a '.repeat(1_001)}}`)],
  ['an empty selection', query('{ }')],
  ['two documents in one', query(`{ a } ${LITERAL}`)],
];

const NOT_VALID: Failure[] = [
  ['an unknown field', query(`{ nothing(a: ${LITERAL}) }`)],
  ['a long name of a field', query(`{ ${CANARY} }`)],
  ['a long name of an argument', query(`{ datasourceServices(${CANARY}: 1) { service } }`)],
  ['a long name of a directive', query(`{ __typename @${CANARY} }`)],
  ['a long name of a type', query(`query ($a: ${CANARY}) { __typename }`)],
  ['a long name of a variable', query(`{ datasourceServices(a: $${CANARY}) { service } }`)],
  ['a long name of a fragment', query(`{ ...${CANARY} }`)],
  ['a long name of an operation', query(`query ${CANARY} { a } query ${CANARY} { b }`)],
  ['a long alias', query(`{ ${CANARY}: datasourceServices { service } ${CANARY}: __typename }`)],
  ['a long name in the input', inline(`${CANARY}: 1, ${CANARY}: 2`)],
  ['an unknown argument', query(`{ datasourceServices(a: ${LITERAL}) { service } }`)],
  ['an unknown directive', query(`{ __typename @a(b: ${LITERAL}) }`)],
  ['an unknown type', query(`query ($a: Nothing = ${LITERAL}) { __typename }`)],
  ['a string for a service', inline(`service: ${LITERAL}`)],
  ['a list for a name', inline(`name: [${LITERAL}]`)],
  ['an unknown field of the input', inline(`a: ${LITERAL}`)],
  ['a field given twice', inline(`name: ${LITERAL}, name: ${LITERAL}`)],
  ['a fragment with an unknown field', query(`{ ...F } fragment F on Query { a(b: ${LITERAL}) }`)],
  ['an unused fragment', query(`{ __typename } fragment F on Query { a(b: ${LITERAL}) }`)],
  ['a subscription', query(`subscription { a(b: ${LITERAL}) }`)],
  ['a condition that is not a boolean', query(`{ __typename @skip(if: ${LITERAL}) }`)],
  ['two mutations', query('mutation { a: createDatasourceConnection b: createDatasourceConnection }')],
  ['an introspection query', query(`{ __type(name: ${LITERAL}) { name } }`)],
  ['an object without a selection', query('{ datasourceServices }')],
  ['too many aliases', query(`{ ${Array.from({ length: 16 }, (_, n) => `a${n}: __typename`).join(' ')} }`)],
];

const NOT_COERCED: Failure[] = [
  ['no variables', query(CREATE_MUTATION)],
  ['null for the input', query(CREATE_MUTATION, inputOf(null))],
  ['a string for the input', query(CREATE_MUTATION, inputOf(CANARY))],
  ['a list for the input', query(CREATE_MUTATION, inputOf([CANARY]))],
  ['a string as variables', query(CREATE_MUTATION, { variables: CANARY })],
  ['a list as variables', query(CREATE_MUTATION, { variables: [CANARY] })],
  ['a string as extensions', query(CREATE_MUTATION, { extensions: CANARY })],
  ['a list as the name of the operation', query(CREATE_MUTATION, { operationName: [CANARY] })],
  ['an unknown operation', query(CREATE_MUTATION, { operationName: CANARY })],
  ['a persisted query', JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: CANARY } } })],
  ['an unknown service', create({ service: CANARY })],
  ['a number for a name', create({ name: 907140233 })],
  ['an object for a name', create({ name: { value: CANARY } })],
  ['an unknown field of the input', create({ [CANARY]: CANARY })],
  ['a prototype', `{"query":${JSON.stringify(CREATE_MUTATION)},"variables":{"input":{"__proto__":{"a":${LITERAL}}}}}`],
  ['a constructor', create({ constructor: { prototype: CANARY } })],
  ['a tag that is a string', create({ tags: [CANARY] })],
  ['a tag without a value', create({ tags: [{ key: CANARY }] })],
  ['a list of lists of tags', create({ tags: [[[{ key: CANARY, value: CANARY }]]] })],
];

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(closeGateways);

describe.each([
  ['the gateway does not read', NOT_READ],
  ['is not a document', NOT_PARSED],
  ['the schema does not allow', NOT_VALID],
  ['has variables of the wrong type', NOT_COERCED],
])('an invalid request that %s gets a JSON error with a known code and is not quoted:', (_group, failures) => {
  it.each(failures)('%s', async (_what, body, { method = 'POST', path = '/graphql', headers = {} } = {}) => {
    const response = await fetch(new URL(path, gateway.graphqlUrl), {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    const text = await response.text();
    expect(response.status).toBeLessThan(500);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const { errors, data } = JSON.parse(text) as { errors: Record<string, unknown>[]; data?: unknown };
    expect(data ?? null).toBeNull();
    expect(errors.length).toBeGreaterThan(0);
    for (const { message, locations, extensions, ...others } of errors) {
      expect(others).toEqual({});
      expect(String(message).length).toBeLessThanOrEqual(500);
      expect(CODES).toContain((extensions as { code: string }).code);
      expect((extensions as { traceId: string }).traceId).toBe(response.headers.get('x-request-id'));
      expect(Object.keys(extensions as object).filter(key => !['code', 'traceId', 'problems'].includes(key))).toEqual(
        [],
      );
    }
    expect(text + gateway.log()).not.toMatch(/zq7canary|907140233|call stack|node_modules|internal error/i);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});
