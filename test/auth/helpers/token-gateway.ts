import { afterEach } from '@jest/globals';
import type { Environment } from '../../../src/config/secret-files.js';
import type { GatewayLimits } from '../../../src/gateway.js';
import type { TestClock } from '../../helpers/clock.js';
import { createTestClock } from '../../helpers/clock.js';
import type { GraphqlAnswer, TestGateway } from '../../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../../helpers/gateway.js';
import type { TokenClaims, TokenIssuer } from './token-issuer.js';
import { AUDIENCE, startTokenIssuer } from './token-issuer.js';

/** A gateway with CALLER_AUTH=jwt and its own issuer. */
export interface TokenGateway extends TestGateway {
  issuer: TokenIssuer;
  clock: TestClock;
  /** Sends a create with a token, or without one. */
  createAs(token: string | undefined, changes?: Record<string, unknown>): Promise<GraphqlAnswer>;
  /** Sends a query that needs a valid token and no scope. */
  ask(token: string | undefined, headers?: Record<string, string>): Promise<GraphqlAnswer>;
  sign(request?: TokenClaims): Promise<string>;
  /** The lines of the audit log, parsed. */
  audit(): Record<string, unknown>[];
}

afterEach(closeGateways);

/** Starts a gateway and its issuer; both stop after the test. */
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
    sign: request => issuer.sign(request),
    createAs: (token, changes = {}) =>
      gateway.send({ query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, ...changes } } }, bearer(token)),
    ask: (token, headers = {}) => gateway.send({ query: '{ __typename }' }, { ...bearer(token), ...headers }),
    audit: () =>
      gateway
        .log()
        .split('\n')
        .filter(line => line.includes('"channel":"audit"'))
        .map(line => JSON.parse(line)),
  };
}

/** The authorization header for a token. */
export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** The payload member or the error code of a response. */
export function codeIn({ body }: GraphqlAnswer): unknown {
  const payload = body.data?.['createDatasourceConnection'] as { __typename: string } | null | undefined;
  return payload?.__typename ?? body.errors?.[0]?.extensions.code;
}
