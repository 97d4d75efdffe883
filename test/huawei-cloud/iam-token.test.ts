import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import type { Payload, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

afterEach(closeGateways);

const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const HOUR_MS = 3_600_000;
/** Creates are sent once per tick, for one minute. */
const TICK_MS = proofSize(3_000, 1_000);
const TICKS = 60_000 / TICK_MS;
const NO_TOKEN = { __typename: 'DliUnavailableError', code: 'UPSTREAM_AUTH_UNAVAILABLE' };

/** Its token expires between tests, so each test begins with a request for another one. */
const shared = shareGateway({ env: IAM_USER, emulator: { tokenLifetimeMs: 1_800_000 } });

/** Starts a gateway with an IAM user whose tokens live for 24 hours, on a clock that only the test advances. */
async function startWithClock() {
  const clock = createManualClock();
  const options = { env: IAM_USER, clock, emulator: { now: () => clock.epochMs() } };
  return { ...(await startGateway(options)), clock };
}

function createMany({ create }: TestGateway, count: number): Promise<Payload[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => create({ name: `connection-${index}` })));
}

function calls({ emulator }: TestGateway): string[] {
  return emulator.ledger.entries().map(entry => entry.operation);
}

describe('a gateway with the credentials of an IAM user', () => {
  it('requests a token for the project by password, and sends it instead of a signature', async () => {
    const gateway = shared();
    expect(await gateway.create()).toMatchObject(SUCCESS);
    const [issue, create] = gateway.emulator.ledger.entries();
    expect(issue).toMatchObject({
      operation: 'issueToken',
      path: '/v3/auth/tokens',
      query: 'nocatalog=true',
    });
    expect(JSON.parse(issue?.body ?? '')).toEqual({
      auth: {
        identity: {
          methods: ['password'],
          password: {
            user: {
              name: 'emulator-user',
              password: '[removed]',
              domain: { name: 'emulator-account' },
            },
          },
        },
        scope: { project: { id: '48cc2c48765f481480c7db940d6409d1' } },
      },
    });
    expect(create).toMatchObject({ authentication: 'token', authenticated: true });
    expect(create?.headers).toHaveProperty('x-auth-token');
    expect(Object.keys(create?.headers ?? {})).not.toContain('authorization');
  });

  it('requests a token by the name of the region if no project is configured, and uses the returned project', async () => {
    const gateway = await startGateway({ env: { ...IAM_USER, HUAWEICLOUD_SDK_PROJECT_ID: undefined } });
    expect(await gateway.create()).toMatchObject(SUCCESS);
    const [issue, create] = gateway.emulator.ledger.entries();
    expect(JSON.parse(issue?.body ?? '').auth.scope).toEqual({ project: { name: 'cn-north-4' } });
    expect(create?.path).toBe('/v2.0/48cc2c48765f481480c7db940d6409d1/datasource-connection');
  });

  it('uses one token for many creates', async () => {
    const gateway = shared();
    await createMany(gateway, 3);
    await createMany(gateway, 3);
    expect(gateway.emulator.ledger.count('issueToken')).toBe(1);
  });

  it('requests a single token for simultaneous creates, and all succeed', async () => {
    // On a stopped clock, no create waits too long.
    const gateway = await startGateway({ env: IAM_USER, clock: createManualClock() });
    gateway.emulator.inject({ operation: 'issueToken', delayMs: 300 });
    const count = proofSize(20, 200);
    const payloads = await createMany(gateway, count);
    expect(payloads.filter(payload => payload.__typename === SUCCESS.__typename)).toHaveLength(count);
    expect(gateway.emulator.ledger.count('issueToken')).toBe(1);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(count);
  });
});

describe('a token that DLI refuses', () => {
  it('is replaced once, and the create is resent once', async () => {
    const gateway = shared();
    await gateway.create();
    gateway.emulator.expireTokens();
    expect(await gateway.create({ name: 'second' })).toMatchObject(SUCCESS);
    expect(calls(gateway)).toEqual([
      'issueToken',
      'createConnection',
      'createConnection',
      'issueToken',
      'createConnection',
    ]);
    expect(gateway.emulator.connections()).toHaveLength(2);
  });

  it('is replaced once for all creates that were refused', async () => {
    const gateway = shared();
    await gateway.create();
    gateway.emulator.expireTokens();
    const payloads = await createMany(gateway, 10);
    expect(payloads.filter(payload => payload.__typename === SUCCESS.__typename)).toHaveLength(10);
    expect(gateway.emulator.ledger.count('issueToken')).toBe(2);
    expect(gateway.emulator.connections()).toHaveLength(11);
  });

  it.each(['DLI.0013', 'DLI.0014', 'DLI.0015', 'APIG.0301', 'APIGW.0303', 'APIGW.0305', 'APIGW.0307'])(
    'repeatedly (%s) means that the credentials fail, after two creates',
    async error => {
      const gateway = shared();
      // After a success, refusals of earlier tests do not count.
      await gateway.create({ name: freshName() });
      gateway.emulator.ledger.clear();
      gateway.emulator.inject({ operation: 'createConnection', error, times: 0 });
      expect(await gateway.create()).toEqual({
        __typename: 'DliUnavailableError',
        code: 'UPSTREAM_AUTH_FAILED',
        message: "Huawei Cloud refused the gateway's credentials, which its operators must fix. Nothing was created.",
        retryAfterSeconds: 60,
      });
      expect(calls(gateway)).toEqual(['createConnection', 'issueToken', 'createConnection']);
    },
  );

  it.each(['APIGW.0302', 'APIGW.0306'])('for lack of permissions (%s) is not replaced', async error => {
    const gateway = shared();
    await gateway.create({ name: freshName() });
    gateway.emulator.ledger.clear();
    gateway.emulator.inject({ operation: 'createConnection', error, times: 0 });
    expect(await gateway.create()).toMatchObject({ code: 'UPSTREAM_AUTH_FAILED' });
    expect(calls(gateway)).toEqual(['createConnection']);
  });

  it('leads to an unknown outcome if the resent create gets no response', async () => {
    const gateway = await startGateway({ env: IAM_USER });
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0307' });
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'reset', times: 0 });
    expect(await gateway.create()).toMatchObject({ __typename: 'OutcomeUnknownError' });
    expect(gateway.emulator.ledger.count('createConnection')).toBe(2);
  });

  it('creates nothing if no new token is available', async () => {
    const gateway = await startGateway({ env: IAM_USER });
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0307', times: 0 });
    gateway.emulator.inject({ operation: 'issueToken', skip: 1, status: 503, times: 0 });
    expect(await gateway.create()).toMatchObject({ code: 'UPSTREAM_AUTH_UNAVAILABLE' });
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1);
  });
});

describe('an IAM outage of one minute while the token is valid', () => {
  it.each<[how: string, fault: Partial<Fault>]>([
    ['throttles', { error: 'IAM.0012' }],
    ['fails', { status: 500 }],
    ['resets connections', { behaviour: 'reset' }],
  ])('in which IAM %s causes at most 8 requests with jitter, and no create fails', async (_how, fault) => {
    const { emulator, create, clock } = await startWithClock();
    await create();
    clock.advance(20 * HOUR_MS);
    emulator.inject({ operation: 'issueToken', times: 0, ...fault });
    for (let tick = 0; tick < TICKS; tick += 1) {
      expect(await create({ name: `tick-${tick}` })).toMatchObject(SUCCESS);
      clock.advance(TICK_MS);
    }
    const times = emulator.ledger.entries('issueToken').map(({ atMs }) => atMs);
    const gaps = times.slice(2).map((atMs, index) => atMs - (times[index + 1] ?? 0));
    expect(gaps.length).toBeGreaterThanOrEqual(3);
    expect(gaps.length).toBeLessThanOrEqual(7);
    // The back-off doubles up to 30 s and is shortened by jitter. It ends on a tick.
    const backOffs = gaps.map((_, index) => Math.min(30_000, 1_000 * 2 ** index));
    const ticks = backOffs.map(backOff => Math.ceil(backOff / TICK_MS) + 1);
    expect(gaps.every((gap, index) => gap <= (ticks[index] ?? 0) * TICK_MS)).toBe(true);
    expect(gaps.every((gap, index) => gap >= (backOffs[index] ?? 0) / 2)).toBe(true);
  });
});

describe('an IAM outage from the start', () => {
  it('causes at most 12 requests per minute, regardless of the number of creates', async () => {
    const { emulator, create, clock } = await startWithClock();
    emulator.inject({ operation: 'issueToken', status: 503, times: 0 });
    for (let tick = 0; tick < TICKS; tick += 1) {
      const names = Array.from({ length: 2 }, (_, index) => `tick-${tick}-${index}`);
      const payloads: Payload[] = await Promise.all(names.map(name => create({ name })));
      expect(payloads).toEqual(Array(2).fill(expect.objectContaining(NO_TOKEN)));
      clock.advance(TICK_MS);
    }
    expect(emulator.ledger.count('issueToken')).toBeGreaterThanOrEqual(4);
    expect(emulator.ledger.count('issueToken')).toBeLessThanOrEqual(12);
    expect(emulator.ledger.count('createConnection')).toBe(0);
  });

  it('in which IAM hangs is reported to all callers within 5.5 s, after one request', async () => {
    const { emulator, create } = await startGateway({ env: { ...IAM_USER, OPERATION_TIMEOUT_MS: '120000' } });
    emulator.inject({ operation: 'issueToken', behaviour: 'hang', times: 0 });
    const startedMs = performance.now();
    const names = Array.from({ length: 20 }, (_, index) => `hanging-${index}`);
    const payloads = await Promise.all(names.map(name => create({ name })));
    // Ten times as long, to allow for busy machines.
    expect(performance.now() - startedMs).toBeLessThan(55_000);
    expect(payloads).toEqual(Array(20).fill(expect.objectContaining(NO_TOKEN)));
    expect(emulator.ledger.count('issueToken')).toBe(1);
  });
});
