import { afterEach, describe, expect, it } from '@jest/globals';
import type { Payload, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';

afterEach(closeGateways);

const SUCCESS = 'CreateDatasourceConnectionSuccess';

function createMany({ create }: TestGateway, count: number): Promise<Payload[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => create({ name: `connection-${index}` })));
}

function calls({ emulator }: TestGateway): string[] {
  return emulator.ledger.entries().map(entry => entry.operation);
}

describe('a gateway with the credentials of an IAM user', () => {
  it('requests a token for the project by password, and sends it instead of a signature', async () => {
    const gateway = await startGateway({ env: IAM_USER });
    expect(await gateway.create()).toMatchObject({ __typename: SUCCESS });
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
    expect(await gateway.create()).toMatchObject({ __typename: SUCCESS });
    const [issue, create] = gateway.emulator.ledger.entries();
    expect(JSON.parse(issue?.body ?? '').auth.scope).toEqual({ project: { name: 'cn-north-4' } });
    expect(create?.path).toBe('/v2.0/48cc2c48765f481480c7db940d6409d1/datasource-connection');
  });

  it('uses one token for many creates', async () => {
    const gateway = await startGateway({ env: IAM_USER });
    await createMany(gateway, 3);
    await createMany(gateway, 3);
    expect(gateway.emulator.ledger.count('issueToken')).toBe(1);
  });

  it('requests a single token for simultaneous creates, and all succeed', async () => {
    // On a still clock no create waits too long.
    const gateway = await startGateway({ env: IAM_USER, clock: createManualClock() });
    gateway.emulator.inject({ operation: 'issueToken', delayMs: 300 });
    const count = proofSize(50, 200);
    const payloads = await createMany(gateway, count);
    expect(payloads.filter(payload => payload.__typename === SUCCESS)).toHaveLength(count);
    expect(gateway.emulator.ledger.count('issueToken')).toBe(1);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(count);
  });
});

describe('a token that DLI refuses', () => {
  it('is replaced once, and the create is resent once', async () => {
    const gateway = await startGateway({ env: IAM_USER });
    await gateway.create();
    gateway.emulator.expireTokens();
    expect(await gateway.create({ name: 'second' })).toMatchObject({ __typename: SUCCESS });
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
    const gateway = await startGateway({ env: IAM_USER });
    await gateway.create();
    gateway.emulator.expireTokens();
    const payloads = await createMany(gateway, 40);
    expect(payloads.filter(payload => payload.__typename === SUCCESS)).toHaveLength(40);
    expect(gateway.emulator.ledger.count('issueToken')).toBe(2);
    expect(gateway.emulator.connections()).toHaveLength(41);
  });

  it.each(['DLI.0013', 'DLI.0014', 'DLI.0015', 'APIG.0301', 'APIGW.0303', 'APIGW.0305', 'APIGW.0307'])(
    'for ever (%s) means that the credentials fail, after two creates',
    async error => {
      const gateway = await startGateway({ env: IAM_USER });
      gateway.emulator.inject({ operation: 'createConnection', error, times: 0 });
      expect(await gateway.create()).toEqual({
        __typename: 'DliUnavailableError',
        code: 'UPSTREAM_AUTH_FAILED',
        message: "Huawei Cloud refused the gateway's credentials, which its operators must fix. Nothing was created.",
        retryAfterSeconds: 60,
      });
      expect(calls(gateway)).toEqual(['issueToken', 'createConnection', 'issueToken', 'createConnection']);
    },
  );

  it.each(['APIGW.0302', 'APIGW.0306'])('for lack of permissions (%s) is not replaced', async error => {
    const gateway = await startGateway({ env: IAM_USER });
    gateway.emulator.inject({ operation: 'createConnection', error, times: 0 });
    expect(await gateway.create()).toMatchObject({ code: 'UPSTREAM_AUTH_FAILED' });
    expect(calls(gateway)).toEqual(['issueToken', 'createConnection']);
  });

  it('leads to an unknown outcome if the resent create gets no response', async () => {
    const gateway = await startGateway({ env: IAM_USER });
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0307' });
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'reset', times: 0 });
    expect(await gateway.create()).toMatchObject({ __typename: 'OutcomeUnknownError' });
    expect(gateway.emulator.ledger.count('createConnection')).toBe(2);
  });

  it('creates nothing if no other token is available', async () => {
    const gateway = await startGateway({ env: IAM_USER });
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0307', times: 0 });
    gateway.emulator.inject({ operation: 'issueToken', skip: 1, status: 503, times: 0 });
    expect(await gateway.create()).toMatchObject({ code: 'UPSTREAM_AUTH_UNAVAILABLE' });
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1);
  });
});
