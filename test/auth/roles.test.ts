import { describe, expect, it } from '@jest/globals';
import { bearer, codeIn, startTokenGateway } from './helpers/token-gateway.js';

const SERVICES = { query: '{ datasourceServices { service } }' };
const FORBIDDEN = 'Your access token does not give you the right to do this.';

describe('a caller without the required scope', () => {
  it('cannot create, and nothing is executed', async () => {
    const gateway = await startTokenGateway();
    const token = await gateway.sign({ claims: { scope: 'dli:connection:read' } });
    const { status, headers, body } = await gateway.createAs(token);

    expect({ status, body }).toEqual({
      status: 200,
      body: {
        data: null,
        errors: [
          {
            message: FORBIDDEN,
            locations: [{ line: 3, column: 5 }],
            path: ['createDatasourceConnection'],
            extensions: { code: 'FORBIDDEN', traceId: headers.get('x-request-id') },
          },
        ],
      },
    });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('cannot read', async () => {
    const gateway = await startTokenGateway();
    const token = await gateway.sign({ claims: { scope: 'dli:connection:create' } });
    const answer = await gateway.send(SERVICES, bearer(token));

    expect({ status: answer.status, received: codeIn(answer) }).toEqual({
      status: 200,
      received: 'FORBIDDEN',
    });
  });

  it.each([undefined, '', 'DLI:CONNECTION:CREATE', 'dli:connection:creates', 'dli:connection:create,x', 7])(
    'is authenticated even without any known scope: %j',
    async scope => {
      const gateway = await startTokenGateway();
      const token = await gateway.sign({ claims: { scope } });

      expect((await gateway.ask(token)).status).toBe(200);
      expect(codeIn(await gateway.createAs(token))).toBe('FORBIDDEN');
      expect(codeIn(await gateway.send(SERVICES, bearer(token)))).toBe('FORBIDDEN');
    },
  );
});

it('the names of the scopes are configurable', async () => {
  const gateway = await startTokenGateway({ OIDC_SCOPE_READ: 'look', OIDC_SCOPE_CREATE: 'api://dli/make' });
  const token = await gateway.sign({ claims: { scope: 'openid look api://dli/make' } });

  expect((await gateway.send(SERVICES, bearer(token))).status).toBe(200);
  expect(codeIn(await gateway.createAs(token))).toBe('CreateDatasourceConnectionSuccess');
  expect(codeIn(await gateway.createAs(await gateway.sign()))).toBe('FORBIDDEN');
});
