import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config/secret-files.js';
import { bearer, codeIn, startTokenGateway } from './helpers/token-gateway.js';

const SERVICES = { query: '{ datasourceServices { service } }' };
const FORBIDDEN = 'Your access token does not give you the right to do this.';

describe('a caller without the required scope', () => {
  it('cannot create, and nothing is executed', async () => {
    const gateway = await startTokenGateway();
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
    const gateway = await startTokenGateway();
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
      const gateway = await startTokenGateway();
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

  /** What a token allows: to read, to create. */
  async function rightsOf(env: Environment, claims: Record<string, unknown>) {
    const gateway = await startTokenGateway(env);
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
    expect(await rightsOf({}, claims)).toEqual(rights);
  });

  it.each<[names: string, claims: Record<string, unknown>]>([
    ['roles', { roles: READ }],
    ['permissions', { permissions: READ }],
    ['cognito:groups', { 'cognito:groups': READ }],
    ['realm_access.roles', { realm_access: { roles: READ } }],
    ['resource_access.dli-gateway.roles', { resource_access: { 'dli-gateway': { roles: READ } } }],
    ['resource_access.com.example.gateway.roles', { resource_access: { 'com.example.gateway': { roles: READ } } }],
    ['https://example.com/roles', { 'https://example.com/roles': 'x dli:connection:read' }],
    ['https://example.com/access.roles', { 'https://example.com/access': { roles: READ } }],
    ['a.b', { 'a.b': READ, a: { b: ALL } }],
    ['scp, roles', { scp: 'access_as_user', roles: READ }],
    ['scp,roles', { scp: READ }],
  ])('are only those of the configured claims: %s', async (names, claims) => {
    const others = { scope: 'dli:connection:create', permission: ALL };
    expect(await rightsOf({ OIDC_SCOPE_CLAIM: names }, { ...others, ...claims })).toEqual([true, false]);
  });

  it.each([
    7,
    true,
    null,
    { roles: ALL },
    [7, null, ALL, { roles: ALL }],
    ['dli:connection:read dli:connection:create'],
  ])('are none in a claim of another form: %j', async value => {
    expect(await rightsOf({ OIDC_SCOPE_CLAIM: 'access.rights' }, { access: { rights: value } })).toEqual([
      false,
      false,
    ]);
    expect(await rightsOf({}, { scope: value, scp: value })).toEqual([false, false]);
  });

  it.each(['constructor.name', '__proto__.constructor.name', 'roles.length', 'roles.0', 'sub.length', '.', '..roles'])(
    'are never read from what is no claim: %s',
    async path => {
      const env = { OIDC_SCOPE_CLAIM: path, OIDC_SCOPE_READ: 'Object', OIDC_SCOPE_CREATE: '1' };
      expect(await rightsOf(env, { roles: ['Object'], sub: '1' })).toEqual([false, false]);
    },
  );
});
