import { afterEach } from '@jest/globals';
import type { Environment } from '../../../src/config/secret-files.js';
import type { GatewayLimits } from '../../../src/gateway.js';
import type { TestClock } from '../../helpers/clock.js';
import { createTestClock } from '../../helpers/clock.js';
import type { GraphqlAnswer, TestGateway } from '../../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../../helpers/gateway.js';
import type { TokenIssuer, TokenWish } from './token-issuer.js';
import { AUDIENCE, startTokenIssuer } from './token-issuer.js';

/** A gateway that knows its callers by the tokens of an issuer of its own. */
export interface TokenGateway extends TestGateway {
  issuer: TokenIssuer;
  clock: TestClock;
  /** Sends a create with a token, or without one. */
  createAs(token: string | undefined, changes?: Record<string, unknown>): Promise<GraphqlAnswer>;
  /** Sends a query that needs a valid token and no scope. */
  ask(token: string | undefined, headers?: Record<string, string>): Promise<GraphqlAnswer>;
  sign(wish?: TokenWish): Promise<string>;
  /** The lines of the audit, read as JSON. */
  audit(): Record<string, unknown>[];
}

afterEach(closeGateways);

/** Starts a gateway and its issuer; both end after the test. */
export async function startTokenGateway(
  env: Environment = {},
  given: { issuer?: TokenIssuer; clock?: TestClock; limits?: GatewayLimits } = {},
): Promise<TokenGateway> {
  const clock = given.clock ?? createTestClock();
  const issuer = given.issuer ?? (await startTokenIssuer(clock));
  const gateway = await startGateway({
    clock,
    ...(given.limits !== undefined && { limits: given.limits }),
    env: { CALLER_AUTH: 'jwt', OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: AUDIENCE, ...env },
  });
  return {
    ...gateway,
    issuer,
    clock,
    sign: wish => issuer.sign(wish),
    createAs: (token, changes = {}) =>
      gateway.send(
        { query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, ...changes } } },
        bearer(token),
      ),
    ask: (token, headers = {}) => gateway.send({ query: '{ __typename }' }, { ...bearer(token), ...headers }),
    audit: () =>
      gateway
        .log()
        .split('\n')
        .filter(line => line.includes('"channel":"audit"'))
        .map(line => JSON.parse(line)),
  };
}

/** The header with a token. */
export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** The member of the payload, or the code of the error, that an answer tells. */
export function toldBy({ body }: GraphqlAnswer): unknown {
  const payload = body.data?.['createDatasourceConnection'] as { __typename: string } | null | undefined;
  return payload?.__typename ?? body.errors?.[0]?.extensions.code;
}
