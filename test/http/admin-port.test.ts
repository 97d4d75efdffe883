import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';

afterEach(closeGateways);

describe('the admin port', () => {
  it.each([
    ['/livez', { status: 'live' }],
    ['/readyz', { status: 'ready' }],
  ])('answers %s without authentication or upstream calls', async (path, body) => {
    const gateway = await startGateway();
    const response = await fetch(new URL(path, gateway.adminUrl));

    expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('serves no GraphQL', async () => {
    const gateway = await startGateway();
    const response = await fetch(new URL('/graphql', gateway.adminUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
    });

    expect(response.status).toBe(404);
  });
});

describe('the public port', () => {
  it.each(['/livez', '/readyz', '/metrics', '/'])('does not serve %s', async path => {
    const gateway = await startGateway();
    const response = await fetch(new URL(path, gateway.graphqlUrl));

    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 404,
      body: {
        errors: [
          {
            message: 'There is nothing here. GraphQL is at /graphql.',
            extensions: { code: 'NOT_FOUND', traceId: response.headers.get('x-request-id') },
          },
        ],
      },
    });
  });
});
