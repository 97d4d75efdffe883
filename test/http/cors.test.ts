import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';

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

afterEach(closeGateways);

describe('the answers to pages of other origins', () => {
  it.each(['POST', 'OPTIONS'])('allow nobody by default: %s', async method => {
    const gateway = await startGateway();
    const headers = await headersFor(gateway.graphqlUrl, method, 'https://evil.example');

    expect([...headers.keys()].filter(name => name.startsWith('access-control-'))).toEqual([]);
  });

  it.each(['POST', 'OPTIONS'])('allow each listed origin by its name: %s', async method => {
    const gateway = await startGateway({ env: { CORS_ORIGINS: ALLOWED } });
    const allowed: (string | null)[] = [];
    for (const origin of ALLOWED.split(',')) {
      const headers = await headersFor(gateway.graphqlUrl, method, origin);
      allowed.push(headers.get('access-control-allow-origin'));
      expect(headers.get('vary')).toContain('Origin');
    }

    expect(allowed).toEqual(['https://app.example.com', 'https://admin.example.com']);
  });

  it.each(OTHER_ORIGINS.flatMap(origin => [['POST', origin] as const, ['OPTIONS', origin] as const]))(
    'do not allow an origin that is not listed: %s from %s',
    async (method, origin) => {
      const gateway = await startGateway({ env: { CORS_ORIGINS: ALLOWED } });
      const headers = await headersFor(gateway.graphqlUrl, method, origin);

      expect(headers.get('access-control-allow-origin')).toBeNull();
    },
  );

  it.each([
    ['POST', APP],
    ['OPTIONS', APP],
    ['OPTIONS', 'https://evil.example'],
  ])('never allow cookies: %s from %s', async (method, origin) => {
    const gateway = await startGateway({ env: { CORS_ORIGINS: ALLOWED } });
    const headers = await headersFor(gateway.graphqlUrl, method, origin);

    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('tell a preflight what the page may send and read', async () => {
    const gateway = await startGateway({ env: { CORS_ORIGINS: ALLOWED } });
    const headers = await headersFor(gateway.graphqlUrl, 'OPTIONS', APP);
    const entries = [...headers].filter(([name]) => name.startsWith('access-control-'));

    expect(Object.fromEntries(entries)).toEqual({
      'access-control-allow-headers': 'content-type, authorization, apollo-require-preflight, traceparent',
      'access-control-allow-methods': 'POST',
      'access-control-allow-origin': APP,
      'access-control-expose-headers': 'x-request-id, retry-after',
      'access-control-max-age': '600',
    });
  });

  it('let a listed page read a failure too', async () => {
    const gateway = await startGateway({ env: { CORS_ORIGINS: ALLOWED } });
    const { status, headers } = await gateway.send('{', { origin: APP });

    expect({ status, origin: headers.get('access-control-allow-origin') }).toEqual({
      status: 400,
      origin: APP,
    });
  });
});

async function headersFor(url: string, method: string, origin: string): Promise<Headers> {
  const isPreflight = method === 'OPTIONS';
  const response = await fetch(url, {
    method,
    headers: {
      origin,
      'content-type': 'application/json',
      ...(isPreflight && { 'access-control-request-method': 'POST' }),
    },
    ...(!isPreflight && { body: '{"query":"{ __typename }"}' }),
  });
  return response.headers;
}
