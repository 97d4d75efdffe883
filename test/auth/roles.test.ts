import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config/secret-files.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { bearer, codeIn, shareTokenGateway, startTokenGateway } from '../helpers/token-gateway.js';

const SERVICES = { query: '{ datasourceServices { service } }' };
const FORBIDDEN = 'Your access token does not give you the right to do this.';

const shared = shareTokenGateway();

describe('a caller without the required scope', () => {
  it('cannot create, and nothing is executed', async () => {
    const gateway = shared();
    const token = await gateway.sign({ claims: { scope: 'dli:connection:read' } });
    const { status, headers, body } = await gateway.createAs(token);

    expect({ status, body }).toEqual({
      status: 200,
      body: {
        data: null,
        errors: [
          {
            message: FORBIDDEN,
            locations: [{ line: 3, column: 5 }],
            path: ['createDatasourceConnection'],
            extensions: { code: 'FORBIDDEN', traceId: headers.get('x-request-id') },
          },
        ],
      },
    });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('cannot read', async () => {
    const gateway = shared();
    const token = await gateway.sign({ claims: { scope: 'dli:connection:create' } });
    const answer = await gateway.send(SERVICES, bearer(token));

    expect({ status: answer.status, received: codeIn(answer) }).toEqual({
      status: 200,
      received: 'FORBIDDEN',
    });
  });

  it.each([undefined, '', 'DLI:CONNECTION:CREATE', 'dli:connection:creates', 'dli:connection:create,x', 7])(
    'is authenticated even without any known scope: %j',
    async scope => {
      const gateway = shared();
      const token = await gateway.sign({ claims: { scope } });

      expect((await gateway.ask(token)).status).toBe(200);
      expect(codeIn(await gateway.createAs(token))).toBe('FORBIDDEN');
      expect(codeIn(await gateway.send(SERVICES, bearer(token)))).toBe('FORBIDDEN');
    },
  );
});

it('the names of the scopes are configurable', async () => {
  const gateway = await startTokenGateway({ OIDC_SCOPE_READ: 'look', OIDC_SCOPE_CREATE: 'api://dli/make' });
  const token = await gateway.sign({ claims: { scope: 'openid look api://dli/make' } });

  expect((await gateway.send(SERVICES, bearer(token))).status).toBe(200);
  expect(codeIn(await gateway.createAs(token))).toBe('CreateDatasourceConnectionSuccess');
  expect(codeIn(await gateway.createAs(await gateway.sign()))).toBe('FORBIDDEN');
});

describe('the scopes', () => {
  const ALL = ['dli:connection:read', 'dli:connection:create'];
  const READ = ['dli:connection:read'];
  const ofPath = shareTokenGateway({ OIDC_SCOPE_CLAIM: 'access.rights' });

  /** Whether a token may read and create through a gateway with these variables. */
  async function rightsWith(env: Environment, claims: Record<string, unknown>) {
    return rightsIn(await startTokenGateway(env), claims);
  }

  async function rightsIn(gateway: TokenGateway, claims: Record<string, unknown>) {
    const token = await gateway.sign({ claims: { scope: undefined, ...claims } });
    expect((await gateway.ask(token)).status).toBe(200);
    const read = await gateway.send(SERVICES, bearer(token));
    return [codeIn(read) !== 'FORBIDDEN', codeIn(await gateway.createAs(token)) !== 'FORBIDDEN'];
  }

  it.each<[which: string, claims: Record<string, unknown>, rights: [read: boolean, create: boolean]]>([
    ['are those of scope and scp together', { scope: 'dli:connection:read', scp: ALL.slice(1) }, [true, true]],
    ['may be a list', { scope: READ }, [true, false]],
    ['are not those of other claims', { roles: ALL, permissions: ALL, groups: ALL }, [false, false]],
  ])('%s by default', async (_which, claims, rights) => {
    expect(await rightsIn(shared(), claims)).toEqual(rights);
  });

  const OTHERS = { scope: 'dli:connection:create', permission: ALL };
  const NAMES: [name: string, claims: Record<string, unknown>][] = [
    ['permissions', { permissions: READ }],
    ['cognito:groups', { 'cognito:groups': READ }],
    ['realm_access.roles', { realm_access: { roles: READ } }],
    ['resource_access.dli-gateway.roles', { resource_access: { 'dli-gateway': { roles: READ } } }],
    ['resource_access.com.example.gateway.roles', { resource_access: { 'com.example.gateway': { roles: READ } } }],
    ['https://example.com/roles', { 'https://example.com/roles': 'x dli:connection:read' }],
    ['https://example.com/access.roles', { 'https://example.com/access': { roles: READ } }],
    ['a.b', { 'a.b': READ, a: { b: ALL } }],
  ];
  const ofNames = shareTokenGateway({ OIDC_SCOPE_CLAIM: NAMES.map(([name]) => name).join(', ') });

  it.each(NAMES)('are only those of the configured claims, such as %s', async (_name, claims) => {
    expect(await rightsIn(ofNames(), { ...OTHERS, ...claims })).toEqual([true, false]);
  });

  it.each<[names: string, claims: Record<string, unknown>]>([
    ['roles', { roles: READ }],
    ['scp, roles', { scp: 'access_as_user', roles: READ }],
    ['scp,roles', { scp: READ }],
  ])('are only those of the configured claims: %s', async (names, claims) => {
    expect(await rightsWith({ OIDC_SCOPE_CLAIM: names }, { ...OTHERS, ...claims })).toEqual([true, false]);
  });

  it.each([
    7,
    true,
    null,
    { roles: ALL },
    [7, null, ALL, { roles: ALL }],
    ['dli:connection:read dli:connection:create'],
  ])('are ignored in a claim of another form: %j', async value => {
    expect(await rightsIn(ofPath(), { access: { rights: value } })).toEqual([false, false]);
    expect(await rightsIn(shared(), { scope: value, scp: value })).toEqual([false, false]);
  });

  it('are never read from a path that leads to no claim', async () => {
    const names = 'constructor.name,__proto__.constructor.name,roles.length,roles.0,sub.length,.,..roles';
    const env = { OIDC_SCOPE_CLAIM: names, OIDC_SCOPE_READ: 'Object', OIDC_SCOPE_CREATE: '1' };
    expect(await rightsWith(env, { roles: ['Object'], sub: '1' })).toEqual([false, false]);
  });
});
