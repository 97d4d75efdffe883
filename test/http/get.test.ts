import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { exchange, rawRequest } from '../helpers/raw-connection.js';
import { WATCH } from '../helpers/subscribers.js';
import { startTokenGateway } from '../helpers/token-gateway.js';

const ORIGIN = 'https://app.example.com';
const LIST = 'query List($first: Int) { datasourceConnections(first: $first) { totalCount } }';
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36';
const URQL =
  'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed';
const JSON_TYPE = { accept: 'application/json' };
const EVENTS = { accept: 'text/event-stream' };

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ env: { CORS_ORIGINS: ORIGIN } });
});
afterEach(() => gateway.emulator.reset());
afterAll(closeGateways);

/** The address of a request, with objects as JSON. */
function addressOf(parameters: Record<string, unknown>, path = ''): string {
  const texts = Object.entries(parameters).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return `${gateway.graphqlUrl}${path}?${new URLSearchParams(texts)}`;
}

async function get(parameters: Record<string, unknown>, headers: Record<string, string> = {}, path = '') {
  const response = await fetch(addressOf(parameters, path), { headers: { ...JSON_TYPE, ...headers } });
  return { response, status: response.status, text: await response.text() };
}

function eventsIn(text: string): string[] {
  return text.split('\n\n').filter(event => event !== '' && event !== ':');
}

describe('a GET', () => {
  it('executes a query with its variables', async () => {
    gateway.emulator.seedConnection();
    const { response, text } = await get({ query: LIST, variables: { first: 1 }, operationName: 'List' });

    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(JSON.parse(text)).toEqual({ data: { datasourceConnections: { totalCount: 1 } } });
  });

  it('may leave its optional parameters empty', async () => {
    const { text } = await get({ query: '{ __typename }', variables: '', operationName: '', extensions: '' });
    expect(JSON.parse(text)).toEqual({ data: { __typename: 'Query' } });
  });

  it.each([
    ['a query', { query: '{ __typename }' }, {}, 200, 'application/json; charset=utf-8'],
    ['an invalid query', { query: '{' }, {}, 400, 'application/json; charset=utf-8'],
    ['an event stream', { query: WATCH, variables: { id: 'a' } }, EVENTS, 200, 'text/event-stream; charset=utf-8'],
  ])('has the same headers as HEAD for %s', async (_what, parameters, headers, status, type) => {
    const head = await fetch(addressOf(parameters), { method: 'HEAD', headers: { ...JSON_TYPE, ...headers } });
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([status, type, '']);
    expect((await get(parameters, headers)).response.headers.get('content-type')).toBe(type);
  });

  it.each<[what: string, parameters: Record<string, unknown>, status: number, code: string]>([
    ['no query', {}, 400, 'BAD_REQUEST'],
    ['variables that are not JSON', { query: '{ __typename }', variables: 'zq7canary' }, 400, 'BAD_REQUEST'],
    ['a list as variables', { query: '{ __typename }', variables: [1] }, 400, 'BAD_REQUEST'],
    ['a number as extensions', { query: '{ __typename }', extensions: 7 }, 400, 'BAD_REQUEST'],
    [
      'variables that are too deep',
      { query: LIST, variables: `{"a":${'['.repeat(30)}${']'.repeat(30)}}` },
      400,
      'BAD_REQUEST',
    ],
    ['too many values', { query: LIST, variables: { a: Array(501).fill(1) } }, 400, 'BAD_REQUEST'],
    ['a document that is too long', { query: '{__typename}'.padEnd(15_001) }, 400, 'OPERATION_TOO_COMPLEX'],
    ['a document that is too deep', { query: `${'{a'.repeat(9)}${'}'.repeat(9)}` }, 400, 'OPERATION_TOO_COMPLEX'],
    ['a variable of the wrong type', { query: LIST, variables: { first: 'zq7canary' } }, 400, 'BAD_USER_INPUT'],
    ['a subscription without a stream', { query: WATCH, variables: { id: 'a' } }, 400, 'BAD_REQUEST'],
  ])('is refused like a POST for %s', async (_what, parameters, status, code) => {
    const answer = await get(parameters);
    const traceId = answer.response.headers.get('x-request-id');

    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ extensions: { code, traceId } }] });
    expect(answer.text + gateway.log()).not.toContain('zq7canary');
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('is refused if a parameter is repeated', async () => {
    const response = await fetch(`${addressOf({ query: '{ __typename }' })}&query=%7B__typename%7D`, {
      headers: JSON_TYPE,
    });
    expect(response.status).toBe(400);
  });

  it.each([
    ['JSON', {}, ''],
    ['an event stream', EVENTS, ''],
    ['an event stream at its own path', {}, '/stream'],
  ])('never executes a mutation, for %s', async (_what, headers, path) => {
    const parameters = { query: CREATE_MUTATION, variables: { input: VALID_INPUT } };
    const { response, status, text } = await get(parameters, { 'apollo-require-preflight': '1', ...headers }, path);

    expect([status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(JSON.parse(text)).toEqual({
      errors: [
        {
          message: 'Send mutations with POST. Nothing was executed.',
          extensions: { code: 'METHOD_NOT_ALLOWED', traceId: response.headers.get('x-request-id') },
        },
      ],
    });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('selects one of the operations in a document, and does not execute a mutation next to the query', async () => {
    const query = `${CREATE_MUTATION} query Name { __typename }`;
    const variables = { input: VALID_INPUT };
    expect((await get({ query, variables, operationName: 'Create' })).status).toBe(405);
    expect((await get({ query, operationName: 'Name' })).text).toContain('"__typename":"Query"');
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('a GET for an event stream', () => {
  it.each([
    ['/graphql', EVENTS, ''],
    ['/graphql/stream', {}, '/stream'],
  ])('serves a subscription at %s', async (_path, headers, path) => {
    const { response, text } = await get({ query: WATCH, variables: { id: 'none' } }, headers, path);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(eventsIn(text)).toEqual([
      'event: next\ndata: {"data":{"datasourceConnection":null}}',
      'event: complete\ndata:',
    ]);
  });

  it('serves a query', async () => {
    const { text } = await get({ query: '{ __typename }' }, EVENTS);
    expect(eventsIn(text)).toEqual(['event: next\ndata: {"data":{"__typename":"Query"}}', 'event: complete\ndata:']);
  });
});

describe('a GET by a page of another site', () => {
  const STATUSES: [what: string, headers: Record<string, string>, status: number][] = [
    ['a form or an image', { 'sec-fetch-site': 'cross-site', accept: 'text/html' }, 403],
    ['a page of another origin of its site', { 'sec-fetch-site': 'same-site' }, 403],
    ['a script that reads', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
    ['a script in a sandbox', { origin: 'null', 'sec-fetch-site': 'cross-site' }, 403],
    ['an event source', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', ...EVENTS }, 403],
    ['a script that sets permitted headers', { 'sec-fetch-site': 'cross-site', accept: 'application/json' }, 403],
    ['a script that sets a simple type', { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' }, 403],
    ['an empty header', { 'sec-fetch-site': 'cross-site', 'apollo-require-preflight': '' }, 403],
    ['a browser that reveals nothing about the page', { 'user-agent': BROWSER }, 403],
    ['a header that needs a preflight', { 'sec-fetch-site': 'cross-site', 'apollo-require-preflight': '1' }, 200],
    ['an operation name in a header', { 'user-agent': BROWSER, 'x-apollo-operation-name': 'Name' }, 200],
    ['the media type of JSON', { 'user-agent': BROWSER, 'content-type': 'application/json; charset=utf-8' }, 200],
    [
      'a listed origin, with the headers of urql',
      { origin: ORIGIN, 'sec-fetch-site': 'cross-site', accept: URQL },
      200,
    ],
    ['its own page', { 'sec-fetch-site': 'same-origin', 'user-agent': BROWSER }, 200],
    ['the address bar', { 'sec-fetch-site': 'none', 'user-agent': BROWSER }, 200],
    ['a program that asks for JSON', { 'user-agent': 'curl/8.5.0', accept: 'application/json' }, 200],
    ['a program with the headers of urql', { 'user-agent': 'node', accept: URQL }, 200],
    ['a program that asks for anything', { 'user-agent': 'curl/8.5.0', accept: '*/*' }, 403],
    ['a program that sends no such header', {}, 403],
  ];

  it.each(STATUSES)('is recognised: %s', async (_what, headers, status) => {
    const names = { host: new URL(gateway.graphqlUrl).host, connection: 'close', ...headers };
    const answer = await exchange(gateway.graphqlUrl, rawRequest('GET', '/graphql?query=%7B__typename%7D', '', names));

    expect(Number(answer.slice(9, 12))).toBe(status);
    if (status === 403) expect(answer).toContain('"code":"FORBIDDEN"');
    expect(/^access-control-allow-origin: (.*)\r$/im.exec(answer)?.[1]).toBe(
      headers['origin'] === ORIGIN ? ORIGIN : undefined,
    );
  });

  it('is harmless with access tokens, which no browser adds on its own', async () => {
    const { graphqlUrl, sign } = await startTokenGateway({});
    const url = `${graphqlUrl}?query=%7B__typename%7D`;
    const headers = { 'sec-fetch-site': 'cross-site', 'user-agent': BROWSER };
    const statuses = [
      (await fetch(url, { headers })).status,
      (await fetch(url, { headers: { ...headers, authorization: `Bearer ${await sign()}` } })).status,
    ];
    expect(statuses).toEqual([401, 200]);
  });
});
