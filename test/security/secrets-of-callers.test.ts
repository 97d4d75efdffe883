import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { findLeaks, SENTINELS } from '../helpers/sentinels.js';

const VALUE = SENTINELS.callerValue;
const LITERAL = JSON.stringify(VALUE);

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(closeGateways);

/** Sends a body verbatim; returns the status and everything that could have leaked. */
async function post(body: string, headers: Record<string, string> = {}) {
  const response = await fetch(gateway.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const text = await response.text();
  return { text, seen: `${JSON.stringify([...response.headers])}\n${text}\n${gateway.log()}` };
}

function createWith(changes: Record<string, unknown>, query = CREATE_MUTATION): string {
  return JSON.stringify({ query, variables: { input: { ...VALID_INPUT, ...changes } } });
}

describe('data of a caller is neither returned nor logged', () => {
  it.each([
    ['a name that violates a rule', createWith({ name: VALUE })],
    ['an address that violates a rule', createWith({ url: `jdbc:mysql://u:${VALUE}@h:1` })],
    ['ids that violate a rule', createWith({ securityGroupId: VALUE, networkId: VALUE })],
    ['tags that violate a rule', createWith({ tags: [{ key: ` ${VALUE}`, value: ` ${VALUE}` }] })],
    ['a key that violates a rule', createWith({ idempotencyKey: VALUE })],
    ['a cluster that violates a rule', createWith({ clusterName: VALUE })],
  ])('in %s', async (_what, body) => {
    const { text, seen } = await post(body);
    expect(JSON.parse(text)).toMatchObject({
      data: { createDatasourceConnection: { __typename: 'InvalidInputError' } },
    });
    expect(findLeaks(seen)).toEqual([]);
  });

  it.each([
    ['an unknown service', createWith({ service: VALUE })],
    ['a name of another type', createWith({ name: [VALUE] })],
    ['a name in an object', createWith({ name: { value: VALUE } })],
    ['a string in place of the input', JSON.stringify({ query: CREATE_MUTATION, variables: { input: VALUE } })],
    ['a string in place of the variables', JSON.stringify({ query: CREATE_MUTATION, variables: VALUE })],
    ['the name of an operation', JSON.stringify({ query: CREATE_MUTATION, operationName: VALUE })],
    ['a truncated document', JSON.stringify({ query: `mutation { a(b: ${LITERAL}` })],
    ['a document with a stray string', JSON.stringify({ query: `mutation { a ${LITERAL} }` })],
    ['a document with a long stray string', JSON.stringify({ query: `{ a """${VALUE}""" }` })],
    ['a string for a service', JSON.stringify({ query: inline(`service: ${LITERAL}`) })],
    ['a list for a name', JSON.stringify({ query: inline(`service: RDS, name: [${LITERAL}]`) })],
    ['an unknown argument', JSON.stringify({ query: `{ datasourceServices(a: ${LITERAL}) { name } }` })],
    ['a directive', JSON.stringify({ query: `{ __typename @skip(if: ${LITERAL}) }` })],
    ['extensions', JSON.stringify({ query: '{ nothing }', extensions: { a: VALUE } })],
    ['truncated JSON', `{"query":${LITERAL}`],
    ['a value that is not an object', LITERAL],
  ])('in %s', async (_what, body) => {
    const { text, seen } = await post(body);
    expect(JSON.parse(text).errors[0]).toMatchObject({ message: expect.any(String) });
    expect(findLeaks(seen)).toEqual([]);
  });

  it('in headers, or in a valid input', async () => {
    const url = 'sentinel-database.internal.example:5432';
    const changes = { url, tags: [{ key: 'sentinel-key', value: 'sentinel-value' }] };
    const { text, seen } = await post(createWith(changes), {
      authorization: `Bearer ${SENTINELS.iamToken}`,
      cookie: `session=${SENTINELS.accessKey}`,
      traceparent: `00-${SENTINELS.accessKey}`,
    });
    expect(text).toContain('CreateDatasourceConnectionSuccess');
    expect(findLeaks(seen, { url, tagKey: 'sentinel-key', tagValue: 'sentinel-value' })).toEqual([]);
  });

  it('in the key of a create with unknown outcome, which is returned only to its caller', async () => {
    const idempotencyKey = 'sentinel-idempotency-key-0001';
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'reset' });
    gateway.emulator.inject({ operation: 'listConnections', status: 500, times: 2 });
    const { text } = await post(createWith({ name: 'sentinel_name', idempotencyKey }));
    await post(createWith({ name: 'sentinel_name_2', idempotencyKey }));
    expect(text).toContain('OutcomeUnknownError');
    expect(findLeaks(gateway.log(), { idempotencyKey, name: 'sentinel_name' })).toEqual([]);
  });
});

describe('the search for secrets', () => {
  const { password } = SENTINELS;

  it.each([
    ['raw', 'raw', password],
    ['JSON-escaped', 'JSON-escaped', JSON.stringify({ password })],
    ['URL-encoded', 'URL-encoded', encodeURIComponent(password)],
    ['hex', 'hex', Buffer.from(password).toString('hex')],
    ['base64', 'base64', Buffer.from(password).toString('base64')],
    ['base64 of a longer text', 'base64', Buffer.from(`user:${password}@host`).toString('base64')],
    ['raw with a line break', 'raw', password.replace('/', '/\n')],
  ])('finds one in the form %s', (_what, form, text) => {
    expect(findLeaks(`before ${text} after`)).toContain(`password, ${form}`);
  });
});

function inline(fields: string): string {
  return `mutation { createDatasourceConnection(input: { ${fields} }) { __typename } }`;
}
