import { describe, expect, it } from '@jest/globals';
import { shareGateway } from '../helpers/shared-gateway.js';

const ID = '4c693ecc-bab8-4113-a838-129cedc9a563';

const shared = shareGateway();

describe.each(['bind', 'unbind'])('an input that violates a rule of %sDatasourceConnection', action => {
  const field = `${action}DatasourceConnection`;

  it.each<[what: string, changes: Record<string, unknown>, path: string[], code: string, limit?: number | null]>([
    ['an id that is not a UUID', { connectionId: 'orders' }, ['connectionId'], 'WRONG_FORMAT'],
    ['no resources', { resources: [] }, ['resources'], 'REQUIRED'],
    [
      '21 resources',
      { resources: Array.from({ length: 21 }, (_, index) => ({ kind: 'QUEUE', name: `q${index}` })) },
      ['resources'],
      'TOO_MANY',
      20,
    ],
    [
      'the default queue',
      { resources: [{ kind: 'QUEUE', name: 'default' }] },
      ['resources', '0', 'name'],
      'NOT_ALLOWED',
    ],
    [
      'a name with a slash',
      { resources: [{ kind: 'QUEUE', name: '../q' }] },
      ['resources', '0', 'name'],
      'WRONG_FORMAT',
    ],
  ])('is refused for %s, and nothing is sent', async (_what, changes, path, code, limit = null) => {
    const gateway = shared();
    const input = { connectionId: ID, resources: [{ kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_a' }], ...changes };
    const { body } = await gateway.send({
      query: `mutation ($input: ConnectionResourcesInput!) {
        ${field}(input: $input) { __typename ... on InvalidInputError { problems { path code limit } } }
      }`,
      variables: { input },
    });

    expect(body.data?.[field]).toEqual({ __typename: 'InvalidInputError', problems: [{ path, code, limit }] });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});

describe('a read with resources that violate a rule', () => {
  it.each<[what: string, query: string, path: string[], code: string]>([
    [
      'no resources to wait for',
      `{ datasourceConnection(id: "${ID}", waitSeconds: 1, untilBound: []) { id } }`,
      ['untilBound'],
      'REQUIRED',
    ],
    [
      'a malformed resource to wait for',
      `{ datasourceConnection(id: "${ID}", waitSeconds: 1, untilBound: [{ kind: QUEUE, name: "a-b" }]) { id } }`,
      ['untilBound', '0', 'name'],
      'WRONG_FORMAT',
    ],
    [
      'a malformed resource in the filter',
      '{ datasourceConnections(filter: { boundTo: { kind: QUEUE, name: "a-b" } }) { totalCount } }',
      ['filter', 'boundTo', 'name'],
      'WRONG_FORMAT',
    ],
    [
      'a VPC of 65 characters in the filter',
      `{ datasourceConnections(filter: { vpcId: "${'0'.repeat(65)}" }) { totalCount } }`,
      ['filter', 'vpcId'],
      'TOO_LONG',
    ],
  ])('is refused for %s, and nothing is sent', async (_what, query, path, code) => {
    const gateway = shared();
    const { body } = await gateway.send({ query });

    expect(body.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', problems: [{ path, code }] } }]);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each([
    ['datasourceConnection', `datasourceConnection(id: "${ID}", untilBound: []) { id }`],
    ['datasourceConnections', 'datasourceConnections(filter: { boundTo: { kind: QUEUE, name: "a-b" } }) { kind }'],
  ])('is refused as a subscription: %s', async (_name, field) => {
    const gateway = shared();
    const response = await fetch(gateway.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: `subscription { ${field} }` }),
    });

    expect(await response.text()).toContain('"code":"BAD_USER_INPUT"');
    expect(gateway.emulator.ledger.count()).toBe(0);
  });
});
