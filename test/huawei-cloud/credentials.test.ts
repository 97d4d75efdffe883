import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { DEFAULT_ACCESS_KEY, DEFAULT_PROJECT_ID, DEFAULT_SECRET_KEY } from '../../src/emulator/emulator.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';

afterEach(closeGateways);

const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const NO_PROJECT_ID = { HUAWEICLOUD_SDK_PROJECT_ID: undefined };
const AUTH_FAILED = {
  __typename: 'DliUnavailableError',
  code: 'UPSTREAM_AUTH_FAILED',
  message: "Huawei Cloud refused the gateway's credentials, which its operators must fix. Nothing was created.",
};

function requests({ emulator }: TestGateway): string[] {
  return emulator.ledger.entries().map(({ method, path }) => `${method} ${path}`);
}

describe('an access key', () => {
  it('signs a create including the header with the project id', async () => {
    const gateway = await startGateway();
    expect(await gateway.create()).toMatchObject(SUCCESS);
    const [create] = gateway.emulator.ledger.entries();
    expect(create).toMatchObject({
      method: 'POST',
      path: '/v2.0/48cc2c48765f481480c7db940d6409d1/datasource-connection',
      query: '',
      authentication: 'signature',
      authenticated: true,
      headers: { 'content-type': 'application/json', 'x-project-id': '48cc2c48765f481480c7db940d6409d1' },
    });
    const names = Object.keys(create?.headers ?? {});
    expect(names).not.toContain('x-auth-token');
    expect(names).not.toContain('x-security-token');
  });

  it('is sent with its security token if it is temporary', async () => {
    const accessKeys = [{ accessKey: DEFAULT_ACCESS_KEY, secretKey: DEFAULT_SECRET_KEY, securityToken: 'temporary' }];
    const { emulator, create } = await startGateway({
      env: { HUAWEICLOUD_SDK_SECURITY_TOKEN: 'temporary' },
      emulator: { accessKeys },
    });
    expect(await create()).toMatchObject(SUCCESS);
    const [{ headers = {}, ...entry } = {}] = emulator.ledger.entries();
    expect(entry).toMatchObject({ authentication: 'signature', authenticated: true });
    expect(headers).toHaveProperty('x-security-token');
  });

  it.each([
    ['whose secret is wrong', { HUAWEICLOUD_SDK_SK: 'wrong' }],
    ['that does not exist', { HUAWEICLOUD_SDK_AK: 'UNKNOWNACCESSKEY0001' }],
    ['with a security token that it does not have', { HUAWEICLOUD_SDK_SECURITY_TOKEN: 'wrong' }],
  ])('%s fails after a single create', async (_which, env) => {
    const gateway = await startGateway({ env });
    expect(await gateway.create()).toEqual({ ...AUTH_FAILED, retryAfterSeconds: 60 });
    expect(gateway.emulator.ledger.count()).toBe(1);
  });
});

describe('an IAM user', () => {
  it.each([
    ['with a wrong password', { IAM_PASSWORD: 'wrong' }],
    ['that does not exist', { IAM_USERNAME: 'nobody' }],
    ['of another account', { IAM_DOMAIN_NAME: 'elsewhere' }],
    ['without the project', { HUAWEICLOUD_SDK_PROJECT_ID: '00000000000000000000000000000000' }],
  ])('%s fails before a create is sent', async (_which, env) => {
    const gateway = await startGateway({ env: { ...IAM_USER, ...env } });
    expect(await gateway.create()).toMatchObject(AUTH_FAILED);
    expect(requests(gateway)).toEqual(['POST /v3/auth/tokens']);
  });
});

describe('the project of an access key, if it is not configured', () => {
  it('is looked up once by the name of the region for 20 simultaneous creates', async () => {
    const gateway = await startGateway({ env: NO_PROJECT_ID });
    gateway.emulator.inject({ operation: 'listProjects', delayMs: 100 });
    const names = Array.from({ length: 20 }, (_, index) => `connection-${index}`);
    const payloads = await Promise.all(names.map(name => gateway.create({ name })));
    expect(payloads).toEqual(Array(20).fill(expect.objectContaining(SUCCESS)));
    const lookUps = gateway.emulator.ledger.entries('listProjects');
    expect(lookUps).toMatchObject([
      { method: 'GET', path: '/v3/projects', query: 'name=cn-north-4', authenticated: true },
    ]);
    expect(new Set(gateway.emulator.ledger.entries('createConnection').map(entry => entry.path))).toEqual(
      new Set(['/v2.0/48cc2c48765f481480c7db940d6409d1/datasource-connection']),
    );
  });

  it.each<[what: string, fault: Partial<Fault>, code: string]>([
    ['does not exist', { body: { projects: [] } }, 'UPSTREAM_AUTH_FAILED'],
    [
      'has another name',
      { body: { projects: [{ id: DEFAULT_PROJECT_ID, name: 'cn-north-4_sub' }] } },
      'UPSTREAM_AUTH_FAILED',
    ],
    [
      'exists twice',
      { body: { projects: ['1', '2'].map(id => ({ id, name: 'cn-north-4' })) } },
      'UPSTREAM_AUTH_FAILED',
    ],
    ['may not be looked up', { error: 'IAM.0003' }, 'UPSTREAM_AUTH_FAILED'],
    ['cannot be looked up now', { status: 500 }, 'UPSTREAM_AUTH_UNAVAILABLE'],
    ['has a malformed id', { body: { projects: [{ id: '../x', name: 'cn-north-4' }] } }, 'UPSTREAM_AUTH_UNAVAILABLE'],
    ['is not in the response', { body: {} }, 'UPSTREAM_AUTH_UNAVAILABLE'],
  ])('and %s: no create is sent, and the log names the setting', async (_what, fault, code) => {
    const gateway = await startGateway({ env: NO_PROJECT_ID });
    gateway.emulator.inject({ operation: 'listProjects', times: 0, ...fault });
    expect(await gateway.create()).toMatchObject({ __typename: 'DliUnavailableError', code });
    expect(requests(gateway)).toEqual(['GET /v3/projects']);
    expect(gateway.log()).toContain('HUAWEICLOUD_SDK_PROJECT_ID');
  });
});
