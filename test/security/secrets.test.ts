import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config/secret-files.js';
import type { Fault } from '../../src/emulator/emulator.js';
import { seed, sendDelete } from '../helpers/deletion.js';
import type { GraphqlAnswer, TestGateway, TestGatewayOptions } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { closedPort } from '../helpers/listening-server.js';
import { findBadLines } from '../helpers/log-lines.js';
import { pageOf, queryConnection, queryPage } from '../helpers/read-connections.js';
import { findLeaks, SENTINEL_ACCESS_KEY, SENTINEL_EMULATOR, SENTINEL_USER, SENTINELS } from '../helpers/sentinels.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

afterEach(closeGateways);

const EVERYTHING = Object.values(SENTINELS).join(' ');
const ERROR_BODY = { error_code: 'DLI.0001', error_msg: EVERYTHING };
const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';

type Faults = [how: string, fault: Partial<Fault>][];

/** Operations that end by their timeout: who signs in, which call has no response in time, and why. */
const SLOW_CALLS: [what: string, env: Environment, fault: Fault][] = [
  ...Object.entries({ 'an access key': SENTINEL_ACCESS_KEY, 'an IAM user': SENTINEL_USER }).flatMap(
    ([kind, env]): typeof SLOW_CALLS => [
      [`with ${kind}, the create hangs`, env, { operation: 'createConnection', behaviour: 'hang' }],
      [
        `with ${kind}, the create gets a slow response`,
        env,
        { operation: 'createConnection', behaviour: 'drip', body: EVERYTHING },
      ],
    ],
  ),
  ['the request for a token hangs', SENTINEL_USER, { operation: 'issueToken', behaviour: 'hang' }],
  [
    'the project lookup hangs',
    { ...SENTINEL_ACCESS_KEY, HUAWEICLOUD_SDK_PROJECT_ID: undefined },
    { operation: 'listProjects', behaviour: 'hang' },
  ],
];

/** Faults of a call to DLI whose responses contain everything an upstream could know. */
const QUICK_FAULTS: Faults = [
  ['is reset', { behaviour: 'reset' }],
  ['gets no response', { behaviour: 'close' }],
  ['gets a response that is too long', { behaviour: 'huge' }],
  ['is reset during the response', { behaviour: 'resetDuringAnswer', body: EVERYTHING }],
  ['gets a truncated response', { behaviour: 'truncate', body: EVERYTHING, truncateAt: EVERYTHING.length - 1 }],
  ...[400, 401, 403, 404, 429, 500, 502].map((status): [string, Partial<Fault>] => [
    `gets ${status}`,
    { status, body: ERROR_BODY },
  ]),
  ['is refused for the token', { error: 'APIGW.0307', headers: { 'X-Extra': encodeURIComponent(EVERYTHING) } }],
  ['is refused for lack of permissions', { status: 403, body: { ...ERROR_BODY, error_code: 'APIGW.0302' } }],
  ['gets a malformed error code', { status: 400, body: { error_code: `DLI.0001 ${EVERYTHING}` } }],
  ['is redirected', { redirectTo: `https://${SENTINELS.accessKey}.example.com/${SENTINELS.projectId}` }],
  ['gets invalid JSON', { body: `{"message":"${EVERYTHING}` }],
  ['gets HTML', { status: 502, body: `<html>${EVERYTHING}` }],
  ['gets malformed headers', { status: 429, headers: oddHeaders(SENTINELS.securityToken) }],
  ['gets a malformed id', { body: { connection_id: EVERYTHING } }],
  ['is unsuccessful', { body: { is_success: false, message: EVERYTHING } }],
];

/** Successes whose messages contain one of the gateway's secrets. */
function messagesWith(secrets: Environment): Faults {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    secret === undefined
      ? []
      : [[`gets a message with ${name}`, { body: { message: `About ${secret}.`, connection_id: ID } }]],
  );
}

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

function oddHeaders(secret: string): Record<string, string> {
  return { 'X-Request-Id': secret, 'Retry-After': secret, 'Content-Type': secret, Date: secret };
}

function optionsFor(env: Environment): TestGatewayOptions {
  return {
    env: { OPERATION_TIMEOUT_MS: '2000', READ_FRESHNESS_MS: '0', ...env },
    emulator: SENTINEL_EMULATOR,
    // Long, because each read of the list is logged and has to be searched.
    limits: { minReconciliationMs: 500 },
  };
}

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

describe.each([
  ['an access key', SENTINEL_ACCESS_KEY],
  ['an IAM user', SENTINEL_USER],
])('with %s, no secret and no text of DLI is returned or logged when', (_kind, env) => {
  const gateway = shareGateway(optionsFor(env));

  afterAll(() => expect(findLeaks(gateway().log())).toEqual([]));

  // Two refusals in a row, even in different tests, suspend the credential.
  beforeEach(async () => void (await pageOf(gateway())));

  it.each([...QUICK_FAULTS, ...messagesWith({ ...env, iamToken: SENTINELS.iamToken })])(
    'the create %s',
    async (_how, fault) => {
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
    },
  );

  it.each(CALLS_AND_FAULTS)('the %s %s', async (operation, _how, fault, send) => {
    const { emulator, log } = gateway();
    const id = seed(emulator);
    emulator.inject({ operation, times: 0, ...fault });
    const logBefore = log().length;
    const { headers, body } = await send(gateway(), id);
    const lines = log().slice(logBefore);
    expect(emulator.ledger.count(operation)).toBeGreaterThan(0);
    expect(findLeaks(`${JSON.stringify([...headers])}\n${JSON.stringify(body)}\n${lines}`)).toEqual([]);
    expect(findBadLines(lines)).toEqual([]);
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
