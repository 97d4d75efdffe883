import { afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Environment } from '../../src/config/secret-files.js';
import type { EmulatorOptions } from '../../src/emulator/emulator.js';
import type { GatewayLimits } from '../../src/gateway.js';
import type { TestClock } from './clock.js';
import { createTestClock } from './clock.js';
import type { GraphqlAnswer, TestGateway } from './gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from './gateway.js';
import type { TokenClaims, TokenIssuer } from './token-issuer.js';
import { AUDIENCE, startTokenIssuer } from './token-issuer.js';

const HOUR_MS = 3_600_000;

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

/** Replaces the defaults of a token gateway. */
interface TokenGatewayOverrides {
  issuer?: TokenIssuer;
  clock?: TestClock;
  limits?: GatewayLimits;
  emulatorOptions?: Partial<EmulatorOptions>;
}

afterEach(closeGateways);

/** Starts a gateway and its issuer; both stop after the test, or after all tests if they were started before them. */
export async function startTokenGateway(
  env: Environment = {},
  overrides: TokenGatewayOverrides = {},
): Promise<TokenGateway> {
  const clock = overrides.clock ?? createTestClock();
  const issuer = overrides.issuer ?? (await startTokenIssuer(clock));
  const gateway = await startGateway({
    clock,
    ...(overrides.limits !== undefined && { limits: overrides.limits }),
    ...(overrides.emulatorOptions !== undefined && { emulator: overrides.emulatorOptions }),
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
    audit: () => auditLinesIn(gateway.log()),
  };
}

/**
 * Starts one gateway and its issuer for all tests of the file or block. Before each test, it resets the emulator,
 * forgets the requests to the issuer, and advances the clock by an hour, past the keys and tokens of earlier tests. The
 * logs are those of the current test. Limits in real time are off: that of creates, unless `env` sets it, and that of
 * log lines.
 */
export function shareTokenGateway(
  env: Environment = {},
  {
    clock = createTestClock(),
    startIssuer = startTokenIssuer,
  }: { clock?: TestClock; startIssuer?: (clock: TestClock) => Promise<TokenIssuer> } = {},
): () => TokenGateway {
  let shared: TokenGateway | undefined;
  let start = 0;
  const gateway = () => {
    if (shared === undefined) throw new Error('The gateway is started before the first test.');
    return shared;
  };
  beforeAll(async () => {
    const limits = { logWindowMs: 1 };
    const started = await startTokenGateway(
      { RATE_LIMIT_CREATES_PER_SECOND: '0', ...env },
      { clock, limits, issuer: await startIssuer(clock), emulatorOptions: { now: () => clock.epochMs() } },
    );
    const log = () => started.log().slice(start);
    const logged: TokenGateway['logged'] = (text, times = 1) => {
      const before = started.log().slice(0, start).split('\n');
      return started.logged(text, times + before.filter(line => line.includes(text)).length);
    };
    shared = { ...started, log, logged, audit: () => auditLinesIn(log()) };
  });
  beforeEach(() => {
    const { emulator, issuer, log } = gateway();
    start += log().length;
    // A background call of the previous test must not be refused for its token.
    emulator.reset({ keepTokens: true });
    issuer.instead = undefined;
    issuer.requests.length = 0;
    Object.assign(issuer.reads, { keys: 0, discovery: 0 });
    clock.advance(HOUR_MS);
  });
  return gateway;
}

function auditLinesIn(log: string): Record<string, unknown>[] {
  return log
    .split('\n')
    .filter(line => line.includes('"channel":"audit"'))
    .map(line => JSON.parse(line));
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
