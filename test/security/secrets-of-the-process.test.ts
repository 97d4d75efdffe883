import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator, Fault } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import type { Payload } from '../helpers/gateway.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { closedPort } from '../helpers/listening-server.js';
import { findBadLines } from '../helpers/log-lines.js';
import { openClient } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { findLeaks, SENTINEL_ACCESS_KEY, SENTINEL_EMULATOR, SENTINEL_USER, SENTINELS } from '../helpers/sentinels.js';
import type { DiagnosticReport } from './helpers/diagnostic-report.js';
import { prepareReport } from './helpers/diagnostic-report.js';

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

/** Settings that limit how long an unknown create keeps its caller waiting. */
const PATIENCE = { OPERATION_TIMEOUT_MS: '5000', RECONCILE_SETTLE_MS: '1000' };

/** A secret that the gateway needs only for calls over TLS, of which this test has none. */
const PROXY = { https_proxy: `http://:${encodeURIComponent(SENTINELS.proxyPassword)}@proxy.example:3128` };

/** The environment of the process, without the variables of the access key. */
function environment(url: string, changes: Record<string, string | undefined>): Record<string, string> {
  const all = { ...environmentFor(url), LOG_LEVEL: 'debug', ...PATIENCE, ...changes };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function startEmulator(): Promise<{ emulator: Emulator; url: string }> {
  const emulator = createEmulator(SENTINEL_EMULATOR);
  emulators.push(emulator);
  return { emulator, url: await emulator.listen() };
}

/** Sends one create, and adds the caller's answer to `answers`. */
async function create(graphqlUrl: string, name: string, answers: unknown[]): Promise<Payload> {
  const variables = { input: { ...VALID_INPUT, name } };
  const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables });
  answers.push(body);
  return body.data?.['createDatasourceConnection'] as Payload;
}

/** Repeats {@link create} while Redis does not answer in time on a busy machine, because nothing is sent then. */
async function createWhenStored(graphqlUrl: string, name: string, answers: unknown[]): Promise<Payload> {
  for (;;) {
    const payload = await create(graphqlUrl, name, answers);
    if (payload.code !== 'IDEMPOTENCY_STORE_UNAVAILABLE') return payload;
  }
}

/** Creates without a fault and with each one, then sends a document with a syntax error. Returns the union members. */
async function createInEveryFault(emulator: Emulator, graphqlUrl: string, answers: unknown[]): Promise<unknown[]> {
  const types: unknown[] = [];
  for (const [index, fault] of [undefined, ...FAULTS].entries()) {
    if (fault !== undefined) emulator.inject(fault);
    types.push((await createWhenStored(graphqlUrl, `connection-${index}`, answers)).__typename);
  }
  answers.push((await sendGraphql(graphqlUrl, { query: `{ a(b: "${SENTINELS.callerValue}` })).body);
  return types;
}

/** The union members that {@link createInEveryFault} returns; the one for a 401 depends on the credentials. */
function expectedTypes(after401: string): string[] {
  return [
    'CreateDatasourceConnectionSuccess',
    ...Array(5).fill('OutcomeUnknownError'),
    after401,
    'DliUnavailableError',
    ...Array(3).fill('OutcomeUnknownError'),
  ];
}

/** Asserts that a report has no secrets, but the variables that are not secret, such as the project. */
function expectNoLeaks({ text, variables }: DiagnosticReport): void {
  expect(variables['DLI_REGION']).toBe('cn-north-4');
  expect(findLeaks(text.replaceAll(SENTINELS.projectId, ''))).toEqual([]);
}

describe('the gateway process', () => {
  it('with an access key discloses no secret in any failure, nor in a diagnostic report of Node', async () => {
    const { emulator, url } = await startEmulator();
    const { options, write } = prepareReport();
    const variables = { ...SENTINEL_ACCESS_KEY, ...PROXY, NODE_OPTIONS: options };
    const gateway = startGatewayProcess(environment(url, variables));
    const { graphqlUrl } = await gateway.addresses();
    const answers: unknown[] = [];
    const types = await createInEveryFault(emulator, graphqlUrl, answers);
    expectNoLeaks(await write(gateway));
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(0);
    expect(types).toEqual(expectedTypes('DliUnavailableError'));
    const output = gateway.stdout() + gateway.stderr();
    expect(output.match(/"operation":"createConnection"/g)?.length).toBe(11);
    expect(findLeaks(output + JSON.stringify(answers), { host: new URL(url).host })).toEqual([]);
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
        REDIS_URL: `http://:${encodeURIComponent(SENTINELS.redisPassword)}@redis.sentinel-host.example`,
      }),
    );
    expect(await gateway.end()).toBe(78);
    const output = gateway.stdout() + gateway.stderr();
    expect(output).toContain('HUAWEICLOUD_SDK_PROJECT_ID');
    expect(output).toContain('REDIS_URL');
    expect(findLeaks(output, { host: 'sentinel-host' })).toEqual([]);
  });
});

describeWithProgram('redis-server', 'the gateway process with Redis', program => {
  /** Starts a Redis with a password, an emulator, and a gateway that knows both and signs in as an IAM user. */
  async function startWithRedis({ isKilled = false } = {}) {
    const redis = await startRedisServer(program, { arguments: ['--requirepass', SENTINELS.redisPassword] });
    if (isKilled) await redis.kill();
    const redisUrl = new URL(redis.url);
    redisUrl.password = encodeURIComponent(SENTINELS.redisPassword);
    const { emulator, url } = await startEmulator();
    // The limit makes the gateway also count in Redis.
    const limits = { RATE_LIMIT_CREATES_PER_SECOND: '100' };
    const { options, write } = prepareReport();
    const variables = { ...SENTINEL_USER, ...PROXY, ...limits, REDIS_URL: redisUrl.href, NODE_OPTIONS: options };
    const gateway = startGatewayProcess(environment(url, variables));
    const { graphqlUrl, adminUrl } = await gateway.addresses();
    const answers: unknown[] = [];
    /**
     * Ends the gateway and checks all of its answers and output, and a diagnostic report of Node. Returns the output.
     */
    async function end(): Promise<string> {
      expectNoLeaks(await write(gateway));
      for (const path of ['readyz', 'metrics']) answers.push(await (await fetch(`${adminUrl}/${path}`)).text());
      gateway.signal('SIGTERM');
      expect(await gateway.end()).toBe(0);
      const output = gateway.stdout() + gateway.stderr();
      const hosts = { host: new URL(url).host, redisHost: redisUrl.host };
      expect(findLeaks(output + JSON.stringify(answers), hosts)).toEqual([]);
      expect(findBadLines(gateway.stdout())).toEqual([]);
      return output;
    }
    return { emulator, redis, redisUrl, gateway, graphqlUrl, answers, end };
  }

  it('and an IAM user discloses no secret in any failure, nor in a diagnostic report of Node', async () => {
    const { emulator, redis, redisUrl, gateway, graphqlUrl, answers, end } = await startWithRedis();
    const types = await createInEveryFault(emulator, graphqlUrl, answers);

    // A new password, which every connection of the gateway encounters when it is reopened.
    const client = openClient(redisUrl.href);
    await client.config('SET', 'requirepass', 'another');
    for (const type of ['normal', 'pubsub']) await client.call('CLIENT', 'KILL', 'TYPE', type);
    await gateway.find(/Redis refuses the user name or the password/);
    types.push((await create(graphqlUrl, 'refused', answers)).__typename);
    await redis.kill();
    types.push((await create(graphqlUrl, 'unreachable', answers)).__typename);

    const output = await end();
    expect(types).toEqual([
      ...expectedTypes('CreateDatasourceConnectionSuccess'),
      ...Array(2).fill('DliUnavailableError'),
    ]);
    expect(output.match(/"operation":"createConnection"/g)?.length).toBe(12);
  });

  it('that cannot be reached discloses no secret', async () => {
    const { gateway, graphqlUrl, answers, end } = await startWithRedis({ isKilled: true });
    await gateway.find(/there is no connection to Redis \(ECONNREFUSED\)/);
    const { __typename, code } = await create(graphqlUrl, 'unreachable', answers);

    await end();
    expect([__typename, code]).toEqual(['DliUnavailableError', 'IDEMPOTENCY_STORE_UNAVAILABLE']);
  });
});
