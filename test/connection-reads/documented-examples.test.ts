import { describe, expect, it } from '@jest/globals';
import { connectionOf, pageOf } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const gateway = shareGateway();

const SEED_URL =
  'cloudtable-8636-zk2-ldQklrNa.mycloudtable.com:2181,cloudtable-8636-zk3-N9EEH4mI.mycloudtable.com:2181,cloudtable-8636-zk1-78Lt0l8L.mycloudtable.com:2181';
const LIST_URL =
  'cloudtable-c172-zk3-WBFt4fr2.mycloudtable.com:2181,cloudtable-c172-zk2-LHZEWNau.mycloudtable.com:2181,cloudtable-c172-zk1-cvwY6lMh.mycloudtable.com:2181';

const NOTHING_ELSE = {
  __typename: 'ClassicDatasourceConnection',
  queues: [],
  tags: null,
  failureReason: null,
  connectionAddress: null,
  clusterName: null,
};

/** Get responses printed in DLI's manuals, and the connections that callers get. */
const GETS: [what: string, body: string, shown: Record<string, unknown>][] = [
  [
    'of 2021, with a stray count and a service that does not fit the address',
    `{ "is_success": true, "message": "", "connection_id": "378eb1e6-521d-41a4-a41c-bbb58f34a6d6",
      "destination": "cloudtable-cf82-zk3-pa6HnHpf.cloudtable.com:2181,cloudtable-cf82-zk2-weBkIrjI.cloudtable.com:2181,cloudtable-cf82-zk1-WY09px9l.cloudtable.com:2181",
      "state": "CREATING", "process": 0, "name": "op", "connection_url": "", "cluster_name": "",
      "service": "CloudTable.OPENTSDB", "create_time": 1566180327674, "count": 1 }`,
    {
      id: '378eb1e6-521d-41a4-a41c-bbb58f34a6d6',
      name: 'op',
      state: 'CREATING',
      stateText: 'CREATING',
      createdAt: '2019-08-19T02:05:27.674Z',
      service: 'CLOUD_TABLE_OPENTSDB',
      serviceText: 'CloudTable.OPENTSDB',
      destination:
        'cloudtable-cf82-zk3-pa6HnHpf.cloudtable.com:2181,cloudtable-cf82-zk2-weBkIrjI.cloudtable.com:2181,cloudtable-cf82-zk1-WY09px9l.cloudtable.com:2181',
      progress: 0,
    },
  ],
  [
    'of 2018, in a state that no table has, without service and time',
    `{ "is_success": true, "message": "", "connection_id": "68233202-63bf-4f27-a99b-fa5f5a2dbae1",
      "destination": "${SEED_URL}", "state": "RUNNING", "process": 0, "name": "test1",
      "connection_url": "", "cluster_name": "#SQL#" }`,
    {
      id: '68233202-63bf-4f27-a99b-fa5f5a2dbae1',
      name: 'test1',
      state: 'UNKNOWN',
      stateText: 'RUNNING',
      createdAt: null,
      service: null,
      serviceText: null,
      destination: SEED_URL,
      progress: 0,
    },
  ],
  [
    'of today, FAILED with its reason in the message although is_success is true',
    `{ "message": "Can't get ready router.", "is_success": true,
      "connection_id": "8164e4fc-63e2-4e6c-a123-8d9cd2513322",
      "destination": "192.168.12.148:3306", "state": "FAILED" }`,
    {
      id: '8164e4fc-63e2-4e6c-a123-8d9cd2513322',
      name: '',
      state: 'FAILED',
      stateText: 'FAILED',
      createdAt: null,
      service: null,
      serviceText: null,
      destination: '192.168.12.148:3306',
      progress: null,
      failureReason: "Can't get ready router.",
    },
  ],
];

/** List responses printed in DLI's manuals. */
const LISTS: [what: string, body: string, shown: Record<string, unknown>][] = [
  [
    'of 2019, with a DELETED connection and no count',
    `{ "is_success": true, "message": "", "connections": [ {
      "is_success": true, "message": "", "connection_id": "75419c22-7a31-42e4-a3f3-102f6e6895c9",
      "destination": "${LIST_URL}",
      "state": "DELETED", "process": 0, "name": "test", "connection_url": "", "cluster_name": "",
      "service": "CloudTable", "create_time": 1549092947256 } ] }`,
    {
      id: '75419c22-7a31-42e4-a3f3-102f6e6895c9',
      name: 'test',
      state: 'DELETED',
      stateText: 'DELETED',
      createdAt: '2019-02-02T07:35:47.256Z',
      service: 'CLOUD_TABLE',
      serviceText: 'CloudTable',
      destination: LIST_URL,
      progress: 0,
    },
  ],
  [
    'of 2018, with a misspelt key, whole progress and an address for tables',
    `{ "is_success": true, "message": "", "connections": [ {
      "is_success": true, "message ": "", "connection_id": "75419c22-7a31-42e4-a3f3-102f6e6895c9",
      "destination": "${LIST_URL}", "state": "DELETED", "process": 1, "name": "test",
      "connection_url": "to-ct-1174405117-4Ph3lijb.datasource.com:2181", "cluster_name": "#SQL#" } ] }`,
    {
      id: '75419c22-7a31-42e4-a3f3-102f6e6895c9',
      name: 'test',
      state: 'DELETED',
      stateText: 'DELETED',
      createdAt: null,
      service: null,
      serviceText: null,
      destination: LIST_URL,
      progress: 1,
      connectionAddress: 'to-ct-1174405117-4Ph3lijb.datasource.com:2181',
    },
  ],
];

describe('examples of the manuals', () => {
  it.each(GETS)('a get response is parsed: %s', async (_what, body, shown) => {
    gateway().emulator.inject({ operation: 'getConnection', body });
    expect(await connectionOf(gateway(), String(shown['id']))).toEqual({ ...NOTHING_ELSE, ...shown });
  });

  it.each(LISTS)('a list response is parsed: %s', async (_what, body, shown) => {
    gateway().emulator.inject({ operation: 'listConnections', body });
    expect(await pageOf(gateway(), 'filter: {includeDeleted: true}')).toEqual({
      items: [{ ...NOTHING_ELSE, ...shown }],
      nextCursor: null,
      totalCount: 1,
    });
  });
});

const ID = '378eb1e6-521d-41a4-a41c-bbb58f34a6d6';

describe('fields described in the manuals', () => {
  it.each<[what: string, field: string, shown: Record<string, unknown>]>([
    ['progress between 0 and 1', '"process": 0.35', { progress: 0.35 }],
    ['progress above 1', '"process": 35', { progress: 1 }],
    ['progress below 0', '"process": -1', { progress: 0 }],
    ['progress that is not a number', '"process": "35%"', { progress: null }],
    ['a state in lower case', '"state": "active"', { state: 'ACTIVE', stateText: 'active' }],
    ['a state of one version of the manual', '"state": "ABNORMAL"', { state: 'UNKNOWN', stateText: 'ABNORMAL' }],
    ['a state that is the name of an object property', '"state": "constructor"', { state: 'UNKNOWN' }],
    ['no state', `"connection_id": "${ID}", "state": null`, { state: 'UNKNOWN', stateText: null }],
    ['ct for CloudTable', '"service": "ct"', { service: 'CLOUD_TABLE', serviceText: 'ct' }],
    ['OpenTSDB in the other spelling', '"service": "MRS.OpenTSDB"', { service: 'MRS_OPENTSDB' }],
    ['an unknown service', '"service": "GaussDB"', { service: null, serviceText: 'GaussDB' }],
    ['a cluster', '"cluster_name": "spark1"', { clusterName: 'spark1' }],
    ['a time out of range', '"create_time": 9e20', { createdAt: null }],
    [
      'queues by uuid',
      '"available_queue_info": [{"uuid": "u", "status": "FAILED", "name": "q1", "err_msg": "No route.", "update_time": 1566180327674}]',
      {
        queues: [{ name: 'q1', state: 'FAILED', failureReason: 'No route.', updatedAt: '2019-08-19T02:05:27.674Z' }],
      },
    ],
    [
      'queues by peer_id, with little else',
      '"available_queue_info": [{"peer_id": "p", "name": "q1"}]',
      { queues: [{ name: 'q1', state: null, failureReason: null, updatedAt: null }] },
    ],
    [
      'queues by their names',
      '"queue_list": ["q1", "q2"]',
      { queues: [{ name: 'q1' }, { name: 'q2' }].map(queue => expect.objectContaining(queue)) },
    ],
    ['queues that are not lists', '"available_queue_info": "none", "queue_list": {}', { queues: [] }],
    [
      'the reason of a failure in a queue',
      '"state": "FAILED", "available_queue_info": [{"name": "q1", "err_msg": "No route."}]',
      { failureReason: 'No route.' },
    ],
    ['no failure reason while it is active', '"state": "ACTIVE", "message": "Fine."', { failureReason: null }],
    [
      'no reason that may hold an id or an address',
      '"state": "FAILED", "message": "router 0a1b2c3d4e5f60718293a4b5c6d7e8f9 at 10.0.0.7"',
      { failureReason: null },
    ],
  ])('are parsed: %s', async (_what, field, shown) => {
    gateway().emulator.inject({
      operation: 'getConnection',
      body: `{"state": "ACTIVE", "name": "x", ${field}}`,
    });
    expect(await connectionOf(gateway(), ID)).toMatchObject({ id: ID, ...shown });
  });
});
