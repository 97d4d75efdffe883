import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  DEFAULT_ACCESS_KEY,
  DEFAULT_PROJECT_ID,
  DEFAULT_PROJECT_NAME,
  DEFAULT_SECRET_KEY,
} from '../../src/emulator/emulator.js';
import { CREATE_BODY, ENHANCED_BODY, startEmulator } from '../helpers/running-emulator.js';
import { startOfficialClient } from './helpers/run-official-client.js';

const KEYS = { accessKey: DEFAULT_ACCESS_KEY, secretKey: DEFAULT_SECRET_KEY };

describe('the official client', () => {
  let runOfficialClient: Awaited<ReturnType<typeof startOfficialClient>>;
  beforeAll(async () => {
    runOfficialClient = await startOfficialClient();
  });

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

  it('creates, binds, gets, lists, unbinds and deletes enhanced connections', async () => {
    const { baseUrl, emulator } = await startEmulator();
    const connectionId = 'created';
    const names = { elastic_resource_pools: ['pool_a'], queues: ['queue_dedicated'] };
    const results = await runOfficialClient({
      endpoint: baseUrl,
      ...KEYS,
      projectId: DEFAULT_PROJECT_ID,
      steps: [
        { operation: 'createEnhanced', body: { ...ENHANCED_BODY, tags: [{ key: '部门', value: 'a b' }] } },
        { operation: 'listPools', query: { name: 'pool_a', limit: '1', offset: '0' } },
        { operation: 'listQueues', query: { queue_type: 'all', 'page-size': '1' } },
        { operation: 'associate', connectionId, body: names },
        { operation: 'getEnhanced', connectionId },
        {
          operation: 'listEnhanced',
          query: { limit: '2', offset: '0', name: 'orders', status: 'ACTIVE', tags: '部门=a b' },
        },
        { operation: 'tags', connectionId },
        { operation: 'privileges', connectionId },
        { operation: 'disassociate', connectionId, body: names },
        { operation: 'deleteEnhanced', connectionId },
        { operation: 'getEnhanced', connectionId },
      ],
    });
    expect(results).toMatchObject([
      { httpStatusCode: 201, is_success: true },
      { httpStatusCode: 200, count: 1, elastic_resource_pools: [{ elastic_resource_pool_name: 'pool_a' }] },
      { httpStatusCode: 200, queues: [{ queue_name: 'default' }] },
      { httpStatusCode: 200, message: 'associated peer connection for queues: {pool_a,queue_dedicated}.' },
      { httpStatusCode: 200, name: 'orders', elastic_resource_pools: [{ name: 'pool_a', status: 'ACTIVE' }] },
      { httpStatusCode: 200, count: 1, connections: [{ available_queue_info: [{ name: 'queue_dedicated' }] }] },
      { httpStatusCode: 200, tags: [{ key: '部门', value: 'a b' }], count: 1 },
      { httpStatusCode: 200, privileges: [] },
      { httpStatusCode: 200, message: 'Disassociated peer connection for queues:{pool_a,queue_dedicated}.' },
      { httpStatusCode: 200, message: 'Deleted' },
      { httpStatusCode: 200, status: 'DELETED', elastic_resource_pools: [], available_queue_info: [] },
    ]);
    expect(emulator.ledger.entries().map(({ operation, authenticated }) => [operation, authenticated])).toEqual([
      ['createEnhancedConnection', true],
      ['listElasticResourcePools', true],
      ['listQueues', true],
      ['associateQueue', true],
      ['getEnhancedConnection', true],
      ['listEnhancedConnections', true],
      ['listEnhancedConnectionTags', true],
      ['getEnhancedConnectionPrivileges', true],
      ['disassociateQueue', true],
      ['deleteEnhancedConnection', true],
      ['getEnhancedConnection', true],
    ]);
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
