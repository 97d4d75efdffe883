import { describe, expect, it } from '@jest/globals';
import {
  DEFAULT_ACCESS_KEY,
  DEFAULT_PROJECT_ID,
  DEFAULT_PROJECT_NAME,
  DEFAULT_SECRET_KEY,
} from '../../src/emulator/emulator.js';
import { runOfficialClient } from './helpers/run-official-client.js';
import { CREATE_BODY, startEmulator } from './helpers/running-emulator.js';

const KEYS = { accessKey: DEFAULT_ACCESS_KEY, secretKey: DEFAULT_SECRET_KEY };

describe('the official client', () => {
  it('creates, gets, lists by tag and deletes', async () => {
    const { baseUrl, emulator } = await startEmulator();
    const results = await runOfficialClient({
      endpoint: baseUrl,
      ...KEYS,
      projectId: DEFAULT_PROJECT_ID,
      steps: [
        { operation: 'create', body: { ...CREATE_BODY, tags: [{ key: '部门', value: 'a b' }] } },
        { operation: 'get', connectionId: 'created' },
        { operation: 'list', query: { tags: '部门=a b' } },
        { operation: 'list', query: { tags: 'other=(a)' } },
        { operation: 'delete', connectionId: 'created' },
      ],
    });
    expect(results).toMatchObject([
      { httpStatusCode: 201, is_success: true },
      { httpStatusCode: 200, name: 'orders', state: 'ACTIVE' },
      { httpStatusCode: 200, count: 1 },
      { httpStatusCode: 200, count: 0 },
      { httpStatusCode: 200, message: 'Deleted' },
    ]);
    expect(
      emulator.ledger.entries().map(({ authentication, authenticated }) => [authentication, authenticated]),
    ).toEqual(Array.from({ length: 5 }, () => ['signature', true]));
  });

  it('uses temporary keys with their security token', async () => {
    const temporary = {
      accessKey: 'TEMPORARYKEY',
      secretKey: 'temporary-secret',
      securityToken: 'token-of-it',
    };
    const { baseUrl } = await startEmulator({ accessKeys: [temporary] });
    const job = { endpoint: baseUrl, projectId: DEFAULT_PROJECT_ID, steps: [{ operation: 'list' as const }] };
    const { securityToken: _, ...withoutToken } = temporary;
    expect([
      ...(await runOfficialClient({ ...job, ...temporary })),
      ...(await runOfficialClient({ ...job, ...temporary, securityToken: 'another' })),
      ...(await runOfficialClient({ ...job, ...withoutToken })),
    ]).toMatchObject([
      { httpStatusCode: 200 },
      {
        httpStatusCode: 401,
        errorCode: 'APIGW.0301',
        errorMsg: expect.stringMatching(/: decrypt token fail$/),
      },
      { httpStatusCode: 401, errorCode: 'APIGW.0301', errorMsg: expect.stringMatching(/err:ak not exist$/) },
    ]);
  });

  it('looks up the project by region name, with a body in a GET', async () => {
    const { baseUrl, emulator } = await startEmulator();
    const results = await runOfficialClient({
      endpoint: baseUrl,
      iamEndpoint: baseUrl,
      region: DEFAULT_PROJECT_NAME,
      ...KEYS,
      steps: [{ operation: 'create', body: CREATE_BODY }],
    });
    expect(results).toMatchObject([{ httpStatusCode: 201 }]);
    expect(emulator.ledger.entries()).toMatchObject([
      { operation: 'listProjects', query: `name=${DEFAULT_PROJECT_NAME}`, body: '{}', authenticated: true },
      { operation: 'createConnection', authenticated: true },
    ]);
    expect(emulator.connections()).toMatchObject([{ projectId: DEFAULT_PROJECT_ID }]);
  });

  it('parses the errors of the emulator like the real ones', async () => {
    const { baseUrl, emulator } = await startEmulator();
    const job = { endpoint: baseUrl, projectId: DEFAULT_PROJECT_ID };
    emulator.inject({ operation: 'listConnections', error: 'APIGW.0308' });
    const results = [
      ...(await runOfficialClient({ ...job, ...KEYS, steps: [{ operation: 'list' }] })),
      ...(await runOfficialClient({ ...job, ...KEYS, secretKey: 'wrong', steps: [{ operation: 'list' }] })),
      ...(await runOfficialClient({ ...job, ...KEYS, projectId: 'other', steps: [{ operation: 'list' }] })),
      ...(await runOfficialClient({
        ...job,
        ...KEYS,
        steps: [{ operation: 'get', connectionId: 'nothing' }],
      })),
    ];
    const requestId = expect.stringMatching(/^[0-9a-f]{32}$/);
    expect(results).toMatchObject([
      { httpStatusCode: 429, errorCode: 'APIGW.0308', requestId },
      {
        httpStatusCode: 401,
        errorCode: 'APIGW.0301',
        errorMsg: 'Incorrect IAM authentication information: verify aksk signature fail',
        requestId,
      },
      { httpStatusCode: 400, errorCode: 'DLI.10006', requestId },
      { httpStatusCode: 400, errorCode: 'DLI.0001', errorMsg: 'Connection nothing is not exist', requestId },
    ]);
  });
});
