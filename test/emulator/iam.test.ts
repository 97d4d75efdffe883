import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT_ID, DEFAULT_PROJECT_NAME } from '../../src/emulator/emulator.js';
import { CONNECTIONS_PATH, shareEmulator, startEmulator, tokenBody } from '../helpers/running-emulator.js';

const shared = shareEmulator();

const OTHER_PROJECT = { id: '0d0466b0e7f0497ba4a9cd76ee27c0a5', name: 'cn-east-3' };
const DEFAULT_PROJECT = { id: DEFAULT_PROJECT_ID, name: DEFAULT_PROJECT_NAME };
const PROJECTS = [DEFAULT_PROJECT, OTHER_PROJECT];

describe('a token request', () => {
  it.each([
    ['name', { name: DEFAULT_PROJECT_NAME }],
    ['id', { id: DEFAULT_PROJECT_ID }],
  ])('by project %s returns a token for DLI with the documented body', async (_by, project) => {
    const { send } = await startEmulator({ now: () => Date.parse('2020-01-03T09:05:22.701Z') });
    const { status, headers, json } = await send('POST', '/v3/auth/tokens?nocatalog=true', tokenBody({ project }));
    const token = headers.get('x-subject-token') ?? '';
    expect(status).toBe(201);
    expect(token).toMatch(/^MII[A-Za-z0-9+/=]{1000,}$/);
    const id = expect.stringMatching(/^[0-9a-f]{32}$/);
    const domain = { id, name: 'emulator-account' };
    expect(json).toEqual({
      token: {
        expires_at: '2020-01-04T09:05:22.701000Z',
        issued_at: '2020-01-03T09:05:22.701000Z',
        methods: ['password'],
        catalog: [],
        roles: [{ id: '0', name: 'te_admin' }],
        project: { ...DEFAULT_PROJECT, domain },
        user: { id, name: 'emulator-user', password_expires_at: '', domain },
      },
    });
    expect((await send('GET', CONNECTIONS_PATH, undefined, { 'x-auth-token': token })).status).toBe(200);
  });

  it.each([
    ['the account', { domain: { name: 'emulator-account' } }],
    ['nothing', undefined],
  ])('scoped to %s returns a token that DLI refuses', async (_scope, scope) => {
    const { send } = shared();
    const body = tokenBody({});
    const auth = { ...(body as { auth: object }).auth, ...(scope === undefined ? {} : { scope }) };
    const { status, headers } = await send('POST', '/v3/auth/tokens', { auth });
    expect(status).toBe(201);
    const token = headers.get('x-subject-token') ?? '';
    expect(await send('GET', CONNECTIONS_PATH, undefined, { 'x-auth-token': token })).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.10010' },
    });
  });

  it('keeps earlier tokens valid', async () => {
    const { send } = shared();
    const first = await send('POST', '/v3/auth/tokens', tokenBody());
    await send('POST', '/v3/auth/tokens', tokenBody());
    const token = first.headers.get('x-subject-token') ?? '';
    expect((await send('GET', CONNECTIONS_PATH, undefined, { 'x-auth-token': token })).status).toBe(200);
  });

  it.each([
    [
      'a wrong password',
      JSON.stringify(tokenBody()).replace('not-real', 'wrong'),
      401,
      'The username or password is wrong.',
      'Unauthorized',
    ],
    [
      'an unknown user',
      JSON.stringify(tokenBody()).replace('emulator-user', 'nobody'),
      401,
      'The username or password is wrong.',
      'Unauthorized',
    ],
    ['a body of another form', '{"auth":{}}', 400, 'The request body is invalid', 'Bad Request'],
    ['no JSON', '{', 400, 'The request body is invalid', 'Bad Request'],
    [
      'an unknown project',
      JSON.stringify(tokenBody({ project: { name: 'mars' } })),
      404,
      'Could not find the project of the requested scope.',
      'Not Found',
    ],
  ])('with %s is refused with an error of IAM', async (_why, body, code, message, title) => {
    const { send } = shared();
    expect(await send('POST', '/v3/auth/tokens', body)).toMatchObject({
      status: code,
      json: { error: { code, message, title } },
    });
  });

  it('is refused with a body over 32 KB', async () => {
    const { send } = shared();
    expect(await send('POST', '/v3/auth/tokens', 'x'.repeat(32_769))).toMatchObject({
      status: 400,
      json: { error_code: 'IAM.1101' },
    });
  });
});

describe('a token', () => {
  it('must be updated after its expiry', async () => {
    let nowMs = 1_000_000;
    const { call } = await startEmulator({ tokenLifetimeMs: 5_000, now: () => nowMs });
    expect((await call('GET', CONNECTIONS_PATH)).status).toBe(200);
    nowMs += 5_000;
    expect(await call('GET', CONNECTIONS_PATH)).toMatchObject({
      status: 401,
      json: { error_code: 'APIGW.0307', error_msg: 'The token must be updated.' },
    });
  });

  it('must be updated after all were expired explicitly', async () => {
    const { emulator, call } = shared();
    await call('GET', CONNECTIONS_PATH);
    emulator.expireTokens();
    expect(await call('GET', CONNECTIONS_PATH)).toMatchObject({
      status: 401,
      json: { error_code: 'APIGW.0307' },
    });
  });

  it('is refused if it was never issued', async () => {
    const { send } = shared();
    expect(await send('GET', CONNECTIONS_PATH, undefined, { 'x-auth-token': 'made-up' })).toMatchObject({
      status: 401,
      json: {
        error_code: 'APIGW.0301',
        error_msg: 'Incorrect IAM authentication information: decrypt token fail',
      },
    });
  });

  it('of another project is refused with DLI.10006', async () => {
    const { call } = await startEmulator({ projects: PROJECTS });
    const path = CONNECTIONS_PATH.replace(DEFAULT_PROJECT_ID, OTHER_PROJECT.id);
    expect(await call('GET', path)).toMatchObject({ status: 400, json: { error_code: 'DLI.10006' } });
  });
});

describe('the list of projects', () => {
  it.each([
    ['/v3/projects', ['cn-north-4', 'cn-east-3']],
    ['/v3/projects?name=cn-east-3', ['cn-east-3']],
    ['/v3/projects?name=mars', []],
    ['/v3/projects?page=2&per_page=1', ['cn-east-3']],
    ['/v3/auth/projects', ['cn-north-4', 'cn-east-3']],
  ])('at %s contains %j', async (path, names) => {
    const { call } = await startEmulator({ projects: PROJECTS });
    const { status, json } = await call('GET', path);
    expect(status).toBe(200);
    expect((json as { projects: { name: string }[] }).projects.map(project => project.name)).toEqual(names);
  });

  it('has the documented fields', async () => {
    const { call } = shared();
    expect((await call('GET', '/v3/projects')).json).toMatchObject({
      projects: [{ ...DEFAULT_PROJECT, enabled: true, is_domain: false, description: '' }],
      links: { previous: null, next: null },
    });
  });

  it('is refused without credentials with an error of IAM', async () => {
    const { send } = shared();
    expect(await send('GET', '/v3/projects')).toMatchObject({
      status: 401,
      json: { error: { code: 401, title: 'Unauthorized' } },
    });
  });

  it('is refused by the API gateway with a wrong signature', async () => {
    const { send } = shared();
    const authorization = `SDK-HMAC-SHA256 Access=X, SignedHeaders=x-sdk-date, Signature=${'0'.repeat(64)}`;
    expect(await send('GET', '/v3/projects', undefined, { authorization })).toMatchObject({
      status: 401,
      json: { error_code: 'APIGW.0301' },
    });
  });
});
