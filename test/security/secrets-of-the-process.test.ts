import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator, Fault } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { closedPort } from '../helpers/listening-server.js';
import { findBadLines } from '../helpers/log-lines.js';
import { findLeaks, SENTINEL_ACCESS_KEY, SENTINEL_EMULATOR, SENTINEL_USER, SENTINELS } from '../helpers/sentinels.js';

const emulators: Emulator[] = [];

afterEach(async () => {
  for (const emulator of emulators.splice(0)) await emulator.close();
});

const EVERYTHING = Object.values(SENTINELS).join(' ');
const CREATE = 'createConnection';
const FAULTS: Fault[] = [
  { operation: CREATE, behaviour: 'hang' },
  { operation: CREATE, behaviour: 'reset' },
  { operation: CREATE, behaviour: 'resetDuringAnswer', body: EVERYTHING },
  { operation: CREATE, behaviour: 'truncate', body: EVERYTHING },
  { operation: CREATE, behaviour: 'huge' },
  { operation: CREATE, status: 401, body: { error_code: 'APIGW.0301', error_msg: EVERYTHING } },
  { operation: CREATE, status: 403, body: { error_code: 'APIGW.0302', error_msg: EVERYTHING } },
  { operation: CREATE, status: 500, body: EVERYTHING },
  { operation: CREATE, redirectTo: `https://dli.example.com/${SENTINELS.projectId}` },
  { operation: CREATE, body: EVERYTHING },
];

/** Variables of the process without those of the access key. */
function environment(url: string, changes: Record<string, string | undefined>): Record<string, string> {
  const all = { ...environmentFor(url), LOG_LEVEL: 'debug', OPERATION_TIMEOUT_MS: '5000', ...changes };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function startEmulator(): Promise<{ emulator: Emulator; url: string }> {
  const emulator = createEmulator(SENTINEL_EMULATOR);
  emulators.push(emulator);
  return { emulator, url: await emulator.listen() };
}

describe('the gateway process', () => {
  it.each([
    ['an access key', SENTINEL_ACCESS_KEY],
    ['an IAM user', SENTINEL_USER],
  ])('with %s prints no secret in any failure', async (_kind, credentials) => {
    const { emulator, url } = await startEmulator();
    const gateway = startGatewayProcess(environment(url, credentials));
    const { graphqlUrl } = await gateway.addresses();
    const types: unknown[] = [];
    for (const [index, fault] of [undefined, ...FAULTS].entries()) {
      if (fault !== undefined) emulator.inject(fault);
      const variables = { input: { ...VALID_INPUT, name: `connection-${index}` } };
      const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables });
      const payload = body.data?.['createDatasourceConnection'] as { __typename: string };
      types.push(payload.__typename);
    }
    await sendGraphql(graphqlUrl, { query: `{ a(b: "${SENTINELS.callerValue}` });
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(0);
    const isUser = credentials === SENTINEL_USER;
    expect(types).toEqual([
      'CreateDatasourceConnectionSuccess',
      ...Array(5).fill('OutcomeUnknownError'),
      isUser ? 'CreateDatasourceConnectionSuccess' : 'DliUnavailableError',
      'DliUnavailableError',
      ...Array(3).fill('OutcomeUnknownError'),
    ]);
    const output = gateway.stdout() + gateway.stderr();
    expect(output.match(/"operation":"createConnection"/g)?.length).toBe(isUser ? 12 : 11);
    expect(findLeaks(output, { host: new URL(url).host })).toEqual([]);
    expect(findBadLines(gateway.stdout())).toEqual([]);
  });

  it('logs neither unreachable hosts nor the requests for them', async () => {
    const url = `http://localhost:${await closedPort()}`;
    const gateway = startGatewayProcess(environment(url, SENTINEL_USER));
    const { graphqlUrl } = await gateway.addresses();
    const variables = { input: VALID_INPUT };
    const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables });
    expect(body.data).toMatchObject({
      createDatasourceConnection: { code: 'UPSTREAM_AUTH_UNAVAILABLE' },
    });
    gateway.signal('SIGTERM');
    await gateway.end();
    const output = gateway.stdout() + gateway.stderr();
    expect(output).toContain('ECONNREFUSED');
    expect(findLeaks(output, { host: new URL(url).host, hostName: 'localhost' })).toEqual([]);
  });

  it('with an invalid configuration prints no secrets', async () => {
    const gateway = startGatewayProcess(
      environment('http://dli.sentinel-host.example', {
        ...SENTINEL_ACCESS_KEY,
        HUAWEICLOUD_SDK_SECURITY_TOKEN: EVERYTHING,
        IAM_PASSWORD: SENTINELS.password,
        HUAWEICLOUD_SDK_PROJECT_ID: SENTINELS.upstreamText,
      }),
    );
    expect(await gateway.end()).toBe(78);
    const output = gateway.stdout() + gateway.stderr();
    expect(output).toContain('HUAWEICLOUD_SDK_PROJECT_ID');
    expect(findLeaks(output, { host: 'sentinel-host' })).toEqual([]);
  });
});
