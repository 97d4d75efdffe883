import { describe, expect, it } from '@jest/globals';
import { shareGateway } from '../helpers/shared-gateway.js';
import { WATCH } from '../helpers/subscribers.js';

const REQUEST = { query: WATCH, variables: { id: 'none' } };
const EVENTS = [':', 'event: next\ndata: {"data":{"datasourceConnection":null}}', 'event: complete\ndata:'];
const ORIGIN = 'https://app.example.com';

const shared = shareGateway({ env: { CORS_ORIGINS: ORIGIN } });

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { response, status: response.status, text: await response.text() };
}

function eventsIn(text: string): string[] {
  return text.split('\n\n').filter(event => event !== '');
}

describe('an event stream', () => {
  it('is the response to a POST that accepts it, with the common headers', async () => {
    const { graphqlUrl } = shared();
    const { response, status, text } = await post(graphqlUrl, REQUEST, { origin: ORIGIN });

    expect(status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
      'access-control-allow-origin': ORIGIN,
    });
    expect(eventsIn(text)).toEqual(EVENTS);
  });

  it('is the only response type of /graphql/stream', async () => {
    const { graphqlUrl } = shared();
    const { text } = await post(`${graphqlUrl}/stream`, REQUEST, { accept: '*/*' });
    expect(eventsIn(text)).toEqual(EVENTS);
  });

  it('is not sent to a client that accepts JSON too', async () => {
    const { graphqlUrl } = shared();
    const accept = 'application/graphql-response+json, application/json, text/event-stream, multipart/mixed';
    const { status, text } = await post(graphqlUrl, { query: '{ __typename }' }, { accept });
    expect([status, JSON.parse(text)]).toEqual([200, { data: { __typename: 'Query' } }]);
  });

  it.each([
    ['text/plain', JSON.stringify(REQUEST), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['application/json', '{', 400, 'BAD_REQUEST'],
    ['application/json', `${'['.repeat(30)}${']'.repeat(30)}`, 400, 'BAD_REQUEST'],
    ['application/json', { query: `${WATCH}${' '.repeat(15_000)}` }, 400, 'OPERATION_TOO_COMPLEX'],
    ['application/json', JSON.stringify(REQUEST).padEnd(65_537), 413, 'PAYLOAD_TOO_LARGE'],
  ])('is refused before it starts, as JSON: %s %#', async (type, body, status, code) => {
    const { graphqlUrl } = shared();
    const answer = await post(graphqlUrl, body, { 'content-type': type });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  it.each([
    ['a body that is not an object', []],
    ['no query', { variables: {} }],
    ['variables that are not an object', { ...REQUEST, variables: 'zq7canary' }],
    ['a name that is not a string', { ...REQUEST, operationName: 7 }],
  ])('is refused for a request that has %s', async (_what, body) => {
    const { graphqlUrl } = shared();
    const { status, text } = await post(graphqlUrl, body);
    expect(status).toBe(400);
    expect(text).toContain('"code":"BAD_REQUEST"');
    expect(text).not.toContain('zq7canary');
  });
});

describe('a subscription without Accept: text/event-stream', () => {
  it('is refused with a hint on how to subscribe', async () => {
    const { send, emulator } = shared();
    const { status, body } = await send(REQUEST);
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([
      { message: expect.stringContaining('text/event-stream'), extensions: { code: 'BAD_REQUEST' } },
    ]);
    expect(emulator.ledger.count()).toBe(0);
  });
});
