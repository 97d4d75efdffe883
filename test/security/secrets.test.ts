import { afterEach, describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config/secret-files.js';
import type { Fault } from '../../src/emulator/emulator.js';
import { seed, sendDelete } from '../helpers/deletion.js';
import type { GraphqlAnswer, TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { closedPort } from '../helpers/listening-server.js';
import { findBadLines } from '../helpers/log-lines.js';
import { pageOf, queryConnection, queryPage } from '../helpers/read-connections.js';
import { findLeaks, SENTINEL_ACCESS_KEY, SENTINEL_USER, SENTINELS } from '../helpers/sentinels.js';
import { freshName } from '../helpers/shared-gateway.js';
import type { Faults } from './helpers/upstream-faults.js';
import {
  CREDENTIALS,
  EVERYTHING,
  expectNoLeaks,
  messagesWith,
  optionsFor,
  QUICK_FAULTS,
  shareSentinelGateway,
} from './helpers/upstream-faults.js';

afterEach(closeGateways);

/** Operations that end by their timeout: who signs in, which call has no response in time, and why. */
const SLOW_CALLS: [what: string, env: Environment, fault: Fault][] = [
  ...CREDENTIALS.flatMap(([kind, env]): typeof SLOW_CALLS => [
    [`with ${kind}, the create hangs`, env, { operation: 'createConnection', behaviour: 'hang' }],
    [
      `with ${kind}, the create gets a slow response`,
      env,
      { operation: 'createConnection', behaviour: 'drip', body: EVERYTHING },
    ],
  ]),
  ['the request for a token hangs', SENTINEL_USER, { operation: 'issueToken', behaviour: 'hang' }],
  [
    'the project lookup hangs',
    { ...SENTINEL_ACCESS_KEY, HUAWEICLOUD_SDK_PROJECT_ID: undefined },
    { operation: 'listProjects', behaviour: 'hang' },
  ],
];

const IAM_FAULTS: Faults = [
  ['is reset', { behaviour: 'reset' }],
  ...[400, 401, 403, 404, 429, 500].map((status): [string, Partial<Fault>] => [
    `gets ${status}`,
    { status, body: { error: { code: status, message: EVERYTHING } } },
  ]),
  ['is redirected', { redirectTo: `https://${SENTINELS.projectId}.example.com` }],
  ['gets invalid JSON', { body: EVERYTHING, headers: { 'X-Subject-Token': SENTINELS.iamToken } }],
  ['gets a token without expiry', { body: { token: EVERYTHING }, headers: { 'X-Subject-Token': SENTINELS.iamToken } }],
  ['gets a token that DLI refuses', { headers: { 'X-Subject-Token': SENTINELS.iamToken } }],
];

/** A call to DLI other than a create, and the request that makes the gateway send it for a given connection. */
type Call = [operation: Fault['operation'], send: (gateway: TestGateway, id: string) => Promise<GraphqlAnswer>];

const CALLS: Call[] = [
  ['getConnection', queryConnection],
  ['listConnections', gateway => queryPage(gateway)],
  ['deleteConnection', sendDelete],
];

const CALLS_AND_FAULTS = CALLS.flatMap(([operation, send]) =>
  QUICK_FAULTS.map(([how, fault]) => [operation, how, fault, send] as const),
);

/** Sends a create that may fail; returns its response and everything that could have leaked. */
async function failingCreate({ graphqlUrl, emulator, log }: TestGateway, fault?: Fault) {
  if (fault !== undefined) emulator.inject({ times: 0, ...fault });
  const logBefore = log().length;
  const response = await fetch(graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${SENTINELS.iamToken}` },
    body: JSON.stringify({ query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, name: freshName() } } }),
  });
  const text = await response.text();
  const lines = log().slice(logBefore);
  return { text, lines, seen: `${JSON.stringify([...response.headers])}\n${text}\n${lines}` };
}

function typeOf(text: string): string | undefined {
  return JSON.parse(text).data?.createDatasourceConnection?.__typename;
}

describe.each(CREDENTIALS)('with %s, no secret and no text of DLI is returned or logged when', (_kind, env) => {
  const gateway = shareSentinelGateway(env);

  it.each([...QUICK_FAULTS, ...messagesWith(env)])('the create %s', async (_how, fault) => {
    const { text, lines, seen } = await failingCreate(gateway(), { operation: 'createConnection', ...fault });
    expect(typeOf(text)).toMatch(/^(Dli|OutcomeUnknown|Create)/);
    expect(seen).toContain('"operation":"createConnection"');
    const [create] = gateway().emulator.ledger.entries('createConnection');
    expect(create).toMatchObject({
      authenticated: true,
      path: `/v2.0/${SENTINELS.projectId}/datasource-connection`,
    });
    expect(findLeaks(seen)).toEqual([]);
    expect(findBadLines(lines)).toEqual([]);
  });

  it.each(CALLS_AND_FAULTS)('the %s %s', async (operation, _how, fault, send) => {
    const id = seed(gateway().emulator);
    await expectNoLeaks(gateway(), [{ operation, ...fault }], async () => [await send(gateway(), id)]);
  });

  it.each([
    ['refuses connections', async () => `http://localhost:${await closedPort()}`],
    ['has a name that cannot be resolved', async () => 'https://sentinel-host.invalid'],
  ])('the host of DLI %s', async (_how, endpoint) => {
    const url = new URL(await endpoint());
    const { text, seen } = await failingCreate(await startGateway(optionsFor({ ...env, DLI_ENDPOINT: url.origin })));
    expect(typeOf(text)).toBe('DliUnavailableError');
    expect(findLeaks(seen, { host: url.host, hostName: url.hostname })).toEqual([]);
  });
});

describe('no secret and no text of an upstream is returned or logged', () => {
  // At once, because each of them lasts until the timeout of the operation.
  it('when a call has no response in time', async () => {
    const started: { what: string; gateway: TestGateway; fault: Fault }[] = [];
    // One after another, because a slow machine must not time out before the calls.
    for (const [what, env, fault] of SLOW_CALLS) {
      const gateway = await startGateway(optionsFor(env));
      if (fault.operation === 'createConnection') await pageOf(gateway);
      started.push({ what, gateway, fault });
    }
    const ended = await Promise.all(
      started.map(async ({ what, gateway, fault }) => {
        const { text, lines, seen } = await failingCreate(gateway, fault);
        const { ledger } = gateway.emulator;
        return {
          what,
          type: typeOf(text),
          createIsLogged: seen.includes('"operation":"createConnection"'),
          call: ledger.entries(fault.operation)[0],
          lookups: ledger.count('listProjects'),
          leaks: findLeaks(seen + gateway.log()),
          badLines: findBadLines(lines),
        };
      }),
    );
    const path = `/v2.0/${SENTINELS.projectId}/datasource-connection`;
    expect(ended).toEqual(
      SLOW_CALLS.map(([what, , { operation }]) => ({
        what,
        type: operation === 'createConnection' ? 'OutcomeUnknownError' : 'DliUnavailableError',
        createIsLogged: operation === 'createConnection',
        call: expect.objectContaining(operation === 'createConnection' ? { authenticated: true, path } : { operation }),
        lookups: operation === 'listProjects' ? 1 : 0,
        leaks: [],
        badLines: [],
      })),
    );
  });
});

describe('no secret and no text of IAM is returned or logged when', () => {
  it.each(IAM_FAULTS)('the request for a token %s', async (_how, fault) => {
    const gateway = await startGateway(optionsFor(SENTINEL_USER));
    const { text, seen } = await failingCreate(gateway, { operation: 'issueToken', ...fault });
    expect(typeOf(text)).toBe('DliUnavailableError');
    expect(findLeaks(seen)).toEqual([]);
  });

  it.each(IAM_FAULTS)('the project lookup %s', async (_how, fault) => {
    const gateway = await startGateway(optionsFor({ ...SENTINEL_ACCESS_KEY, HUAWEICLOUD_SDK_PROJECT_ID: undefined }));
    const { seen } = await failingCreate(gateway, { operation: 'listProjects', ...fault });
    expect(gateway.emulator.ledger.count('listProjects')).toBe(1);
    expect(findLeaks(seen)).toEqual([]);
  });
});
