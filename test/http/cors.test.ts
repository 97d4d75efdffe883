import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { openConnection, readToEnd } from '../helpers/raw-connection.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { shareTokenGateway } from '../helpers/token-gateway.js';

const APP = 'https://app.example.com';
const ALLOWED = `${APP},https://admin.example.com`;
const OTHER_ORIGINS = [
  'https://evil.example',
  'https://app.example.com.evil.example',
  'https://evil-app.example.com',
  'http://app.example.com',
  'https://app.example.com:8443',
  'null',
];
const BODY = '{"query":"{ __typename }"}';
const JSON_HEADERS = `content-type: application/json\r\ncontent-length: ${BODY.length}\r\n`;

afterEach(closeGateways);

describe('the CORS headers', () => {
  const byDefault = shareGateway();
  const allowing = shareGateway({ env: { CORS_ORIGINS: ALLOWED } });
  const withTokens = shareTokenGateway({ CORS_ORIGINS: ALLOWED, RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '1' });

  it.each(['POST', 'OPTIONS'])('allow no origin by default: %s', async method => {
    const headers = await headersFor(byDefault().graphqlUrl, method, 'https://evil.example');

    expect([...headers.keys()].filter(name => name.startsWith('access-control-'))).toEqual([]);
  });

  it.each(['POST', 'OPTIONS'])('allow each listed origin by name: %s', async method => {
    const allowed: (string | null)[] = [];
    for (const origin of ALLOWED.split(',')) {
      const headers = await headersFor(allowing().graphqlUrl, method, origin);
      allowed.push(headers.get('access-control-allow-origin'));
      expect(headers.get('vary')).toContain('Origin');
    }

    expect(allowed).toEqual(['https://app.example.com', 'https://admin.example.com']);
  });

  it.each(OTHER_ORIGINS.flatMap(origin => [['POST', origin] as const, ['OPTIONS', origin] as const]))(
    'do not allow an origin that is not listed: %s from %s',
    async (method, origin) => {
      const headers = await headersFor(allowing().graphqlUrl, method, origin);

      expect(headers.get('access-control-allow-origin')).toBeNull();
    },
  );

  it.each([
    ['POST', APP],
    ['OPTIONS', APP],
    ['OPTIONS', 'https://evil.example'],
  ])('never allow cookies: %s from %s', async (method, origin) => {
    const headers = await headersFor(allowing().graphqlUrl, method, origin);

    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('allow a listed page, in a preflight, to send any header, and list the headers that it may read', async () => {
    const { graphqlUrl } = allowing();
    const wanted = 'content-type,authorization,sentry-trace,baggage,tracestate,apollographql-client-name,x-request-id';
    const headers = await headersFor(graphqlUrl, 'OPTIONS', APP, { 'access-control-request-headers': wanted });
    const entries = [...headers].filter(([name]) => name.startsWith('access-control-'));

    expect(Object.fromEntries(entries)).toEqual({
      'access-control-allow-headers': wanted,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-origin': APP,
      'access-control-expose-headers': 'x-request-id, retry-after',
      'access-control-max-age': '600',
    });
    expect(headers.get('vary')).toMatch(/access-control-request-headers/i);
  });

  it('let a listed page read error responses', async () => {
    const { status, headers } = await allowing().send('{', { origin: APP });

    expect({ status, origin: headers.get('access-control-allow-origin') }).toEqual({
      status: 400,
      origin: APP,
    });
  });

  it.each([
    ['415', 415, { 'content-type': 'application/json; charset=ibm037' }],
    ['431', 431, Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`x-${index}`, 'a']))],
    ['401 without a token', 401, {}],
    ['401 for an invalid token', 401, { authorization: 'Bearer zq7canary' }],
    ['429', 429, { authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ6cTcifQ.zq7canary' }],
  ])('let only a listed page read error responses with status %s', async (_what, status, headers) => {
    const { send } = withTokens();
    const refusalFor = async (origin: string) => {
      let answer = await send(BODY, { ...headers, origin });
      while (answer.status !== status) answer = await send(BODY, { ...headers, origin });
      return sharedWith(answer.headers);
    };
    expect(await refusalFor(APP)).toEqual([APP, 'x-request-id, retry-after']);
    expect((await refusalFor('https://evil.example'))[0]).toBeNull();
  });

  it.each([
    [APP, APP],
    ['https://evil.example', undefined],
  ])('let only a listed page read that the gateway is stopping: %s', async (origin, allowed) => {
    const gateway = await startGateway({ env: { CORS_ORIGINS: ALLOWED } });
    const message = `POST /graphql HTTP/1.1\r\nhost: gw.test\r\norigin: ${origin}\r\n${JSON_HEADERS}\r\n${BODY}`;
    const socket = await openConnection(gateway.graphqlUrl);
    // The second request starts in the same packet as the first, so the connection is not idle.
    socket.write(message + message.slice(0, 20));
    await once(socket, 'data');
    const rest = readToEnd(socket);
    const closed = gateway.close();
    socket.write(message.slice(20));
    const answer = await rest;
    await closed;
    expect(answer).toContain('"code":"SHUTTING_DOWN"');
    expect(/^access-control-allow-origin: (.*)\r$/im.exec(answer)?.[1]).toBe(allowed);
  });
});

/** The CORS headers that let a page read a response. */
function sharedWith(headers: Headers): (string | null)[] {
  return ['access-control-allow-origin', 'access-control-expose-headers'].map(name => headers.get(name));
}

async function headersFor(
  url: string,
  method: string,
  origin: string,
  more: Record<string, string> = {},
): Promise<Headers> {
  const isPreflight = method === 'OPTIONS';
  const response = await fetch(url, {
    method,
    headers: {
      origin,
      'content-type': 'application/json',
      ...more,
      ...(isPreflight && { 'access-control-request-method': 'POST' }),
    },
    ...(!isPreflight && { body: BODY }),
  });
  return response.headers;
}
