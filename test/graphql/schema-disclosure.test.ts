import { describe, expect, it } from '@jest/globals';
import { shareGateway } from '../helpers/shared-gateway.js';

const MISSPELLINGS = [
  'mutation { createDatasourceConnectio }',
  '{ datasourceService }',
  '{ datasourceServices { labe } }',
  'mutation { createDatasourceConnection(inpu: {}) { __typename } }',
  'query($input: CreateDatasourceConnectionInpu) { __typename }',
  '{ __typename @includ(if: true) }',
];

describe('without an explorer', () => {
  const shared = shareGateway({ env: { EXPLORER: 'none' } });

  it.each(['{ __schema { types { name } } }', '{ __type(name: "Query") { name } }'])(
    'introspection is disabled for %s',
    async query => {
      const { status, body } = await shared().send({ query });

      expect({ status, data: body.data }).toEqual({ status: 400, data: undefined });
    },
  );

  it.each(MISSPELLINGS)('a misspelt name gets no suggestions: %s', async query => {
    const { status, body } = await shared().send({ query });

    expect(status).toBe(400);
    expect(JSON.stringify(body)).not.toMatch(/did you mean/i);
  });

  it('a browser gets status 400 and no HTML', async () => {
    const response = await fetch(shared().graphqlUrl, { headers: { accept: 'text/html' } });

    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain('<');
  });
});

describe('with the offline explorer', () => {
  const shared = shareGateway({ env: { EXPLORER: 'graphiql' } });

  it('introspection is enabled', async () => {
    const query = '{ __schema { description queryType { name } } __type(name: "DateTime") { specifiedByURL } }';
    const { body } = await shared().send({ query });

    expect(body).toEqual({
      data: {
        __schema: { description: expect.stringContaining('Three things to know'), queryType: { name: 'Query' } },
        __type: { specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time' },
      },
    });
  });

  it.each(MISSPELLINGS)('a misspelt name gets no suggestions either: %s', async query => {
    const { status, body } = await shared().send({ query });

    expect(status).toBe(400);
    expect(JSON.stringify(body)).not.toMatch(/did you mean/i);
  });

  it('a browser gets a page that may connect to this server only', async () => {
    const response = await fetch(shared().graphqlUrl, { headers: { accept: 'text/html' } });

    expect({ status: response.status, contentType: response.headers.get('content-type') }).toEqual({
      status: 200,
      contentType: 'text/html; charset=utf-8',
    });
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none';.*connect-src 'self';/);
    expect(await response.text()).toContain('DLI gateway');
  });
});
