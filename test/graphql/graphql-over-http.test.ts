import { afterEach, describe, expect, it } from '@jest/globals';
import { auditServer } from 'graphql-http';
import { closeGateways, startGateway } from '../helpers/gateway.js';

const HONEST_STATUS = 'a request that was not executed is answered 400 whatever the caller accepts';

/** Optional parts of the specification that the gateway does not implement, and why. */
const DELIBERATE: Readonly<Record<string, readonly [status: string, name: string, reason: string]>> = {
  '5A70': [
    'notice',
    'MAY accept application/x-www-form-urlencoded formatted GET requests',
    'the audit sends no header that a form could not send, so that a page of another site may have sent it',
  ],
  '572B': [
    'warn',
    'SHOULD use 200 status code on document parsing failure when accepting application/json',
    HONEST_STATUS,
  ],
  FDE2: [
    'warn',
    'SHOULD use 200 status code on document validation failure when accepting application/json',
    HONEST_STATUS,
  ],
  '7B9B': [
    'warn',
    'SHOULD use a status code of 200 on variable coercion failure when accepting application/json',
    HONEST_STATUS,
  ],
};

afterEach(closeGateways);

describe('the GraphQL over HTTP specification', () => {
  it('is followed, except for deliberate deviations', async () => {
    // Some audits use introspection, which only an explorer enables.
    const gateway = await startGateway({ env: { EXPLORER: 'graphiql' } });
    const results = await auditServer({ url: gateway.graphqlUrl });
    const notDone = results.flatMap(result =>
      result.status === 'ok' ? [] : [[result.id, result.status, result.name]],
    );

    expect(results).toHaveLength(61);
    expect(notDone.sort()).toEqual(
      Object.entries(DELIBERATE)
        .map(([id, [status, name]]) => [id, status, name])
        .sort(),
    );
  });
});
