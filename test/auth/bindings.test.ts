import { describe, expect, it } from '@jest/globals';
import { enhancedCalls, POOL_A, VALID_ENHANCED_INPUT } from '../helpers/enhanced-gateway.js';
import { bearer, shareTokenGateway, startTokenGateway } from '../helpers/token-gateway.js';

const BIND = 'mutation ($input: ConnectionResourcesInput!) { bindDatasourceConnection(input: $input) { __typename } }';
const CREATE = `mutation ($input: CreateEnhancedDatasourceConnectionInput!) {
  createEnhancedDatasourceConnection(input: $input) {
    ... on CreateEnhancedDatasourceConnectionSuccess { connectionId connection { id } }
  }
}`;

const shared = shareTokenGateway();

describe('binding', () => {
  it.each(['dli:connection:read', 'dli:connection:create'])('needs more than the scope %s', async scope => {
    const gateway = shared();
    const { connectionId } = gateway.emulator.seedEnhancedConnection();
    const token = await gateway.sign({ claims: { scope } });
    const variables = { input: { connectionId, resources: [POOL_A] } };
    const { body } = await gateway.send({ query: BIND, variables }, bearer(token));

    expect(body.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    expect(gateway.emulator.ledger.count('associateQueue')).toBe(0);
  });

  it('is recorded in the audit log with the connection', async () => {
    const gateway = shared();
    const { connectionId } = gateway.emulator.seedEnhancedConnection();
    const headers = bearer(await gateway.sign());
    const { bind, unbind } = enhancedCalls({ send: body => gateway.send(body, headers) });
    await bind(connectionId, POOL_A);
    await unbind(connectionId, { ...POOL_A, name: 'a-b' });

    expect(gateway.audit()).toMatchObject([
      { operation: 'bindDatasourceConnection', outcome: 'BindDatasourceConnectionSuccess', connectionId },
      { operation: 'unbindDatasourceConnection', outcome: 'InvalidInputError', code: 'BAD_USER_INPUT', connectionId },
    ]);
  });

  it('counts against the rate of the tenant', async () => {
    const gateway = await startTokenGateway({ RATE_LIMIT_CREATES_PER_SECOND: '1', RATE_LIMIT_CREATES_BURST: '1' });
    const { connectionId } = gateway.emulator.seedEnhancedConnection();
    const headers = bearer(await gateway.sign());
    const variables = { input: { connectionId, resources: [POOL_A] } };
    await gateway.send({ query: BIND, variables }, headers);
    const { status, body } = await gateway.send({ query: BIND, variables }, headers);

    expect(status).toBe(429);
    expect(body.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
  });
});

it('a create of an enhanced connection shows no connection to a caller who may not read', async () => {
  const gateway = shared();
  const token = await gateway.sign({ claims: { scope: 'dli:connection:create' } });
  const { body } = await gateway.send({ query: CREATE, variables: { input: VALID_ENHANCED_INPUT } }, bearer(token));

  expect(body).toEqual({
    data: { createEnhancedDatasourceConnection: { connectionId: expect.any(String), connection: null } },
  });
});
