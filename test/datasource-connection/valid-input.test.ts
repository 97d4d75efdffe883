import { describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';

/** What DLI receives for the example input of the helper. */
const SENT = {
  name: 'orders_pg',
  service: 'rds',
  security_group_id: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
  network_id: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
  url: '192.168.0.12:5432',
};
const ZOOKEEPER_LINK =
  'cloudtable-8636-zk2-ldQklrNa.mycloudtable.com:2181,cloudtable-8636-zk3-N9EEH4mI.mycloudtable.com:2181,cloudtable-8636-zk1-78Lt0l8L.mycloudtable.com:2181';
const LONGEST_LIST = `${'zk.example.com:2181,'.repeat(25)}zkabcde:2181`;
const LONGEST_HOST = `${`${'a'.repeat(63)}.`.repeat(7)}${'b'.repeat(59)}`;
const FULL_TAGS = Array.from({ length: 10 }, (_, index) => ({
  key: `${index}`.padEnd(128, 'k'),
  value: `${index}`.padEnd(255, 'v'),
}));

const shared = shareGateway();

describe('a valid input', () => {
  it.each<[what: string, changes: Record<string, unknown>, sent: Record<string, unknown>]>([
    ['as in the example', {}, SENT],
    ['with a name of 1 character', { name: 'a' }, { ...SENT, name: 'a' }],
    ['with a name of 64 characters', { name: 'n'.repeat(64) }, { ...SENT, name: 'n'.repeat(64) }],
    ['with a name of dashes', { name: '----' }, { ...SENT, name: '----' }],
    ['with the name constructor', { name: 'constructor' }, { ...SENT, name: 'constructor' }],
    ['with the name __proto__', { name: '__proto__' }, { ...SENT, name: '__proto__' }],
    [
      'with ids that are no UUIDs',
      { networkId: 'n', securityGroupId: '-' },
      { ...SENT, network_id: 'n', security_group_id: '-' },
    ],
    ['with ids of 64 characters', { networkId: '0'.repeat(64) }, { ...SENT, network_id: '0'.repeat(64) }],
    ['with a number as id', { networkId: 42 }, { ...SENT, network_id: '42' }],
    ['with the lowest port', { url: 'db:1' }, { ...SENT, url: 'db:1' }],
    ['with the highest port', { url: '255.255.255.255:65535' }, { ...SENT, url: '255.255.255.255:65535' }],
    ['with a url of 512 characters', { url: `${LONGEST_HOST}:5432` }, { ...SENT, url: `${LONGEST_HOST}:5432` }],
    [
      'with several addresses of 512 characters together',
      { service: 'CLOUD_TABLE', url: LONGEST_LIST },
      { ...SENT, service: 'cloudtable', url: LONGEST_LIST },
    ],
    ['without the optional fields', { clusterName: undefined, tags: undefined, idempotencyKey: undefined }, SENT],
    ['with null for the optional fields', { clusterName: null, tags: null, idempotencyKey: null }, SENT],
    ['with no tags', { tags: [] }, SENT],
    ['with an idempotency key, which is not sent', { idempotencyKey: 'k'.repeat(16) }, SENT],
    ['with a long idempotency key', { idempotencyKey: 'Az09_-'.padEnd(64, 'k') }, SENT],
    ['with a cluster', { clusterName: 'c'.repeat(128) }, { ...SENT, cluster_name: 'c'.repeat(128) }],
    ['with 10 tags of the maximum size', { tags: FULL_TAGS }, { ...SENT, tags: FULL_TAGS }],
    ['with an empty tag value', { tags: [{ key: 'k', value: '' }] }, { ...SENT, tags: [{ key: 'k', value: '' }] }],
    [
      'with every sort of character that tags may have',
      { tags: [{ key: '部门 é_.:=+-@9', value: 'Ω' }] },
      { ...SENT, tags: [{ key: '部门 é_.:=+-@9', value: 'Ω' }] },
    ],
    [
      'with one tag that is not in a list',
      { tags: { key: 'k', value: 'v' } },
      { ...SENT, tags: [{ key: 'k', value: 'v' }] },
    ],
    [
      'with inherited names as tag keys',
      {
        tags: [
          { key: '__proto__', value: 'a' },
          { key: 'constructor', value: 'b' },
        ],
      },
      {
        ...SENT,
        tags: [
          { key: '__proto__', value: 'a' },
          { key: 'constructor', value: 'b' },
        ],
      },
    ],
  ])('is sent to DLI with exactly the documented keys: %s', async (_what, changes, sent) => {
    const gateway = shared();
    const payload = await gateway.create(changes);

    expect(payload).toEqual({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: gateway.emulator.connections()[0]?.connectionId,
      message: '',
      reconciled: false,
    });
    expect(bodiesSent(gateway)).toEqual([sent]);
  });

  it("is sent as in the vendor's example for CloudTable, keys in order", async () => {
    const gateway = shared();
    await gateway.create({ name: 'test1', service: 'CLOUD_TABLE', url: ZOOKEEPER_LINK });

    expect(gateway.emulator.ledger.entries('createConnection').map(({ body }) => body)).toEqual([
      `{"name":"test1","service":"cloudtable","security_group_id":"a07ab107-a4ad-4835-ad09-08a2f2efccdb","network_id":"e83ba67d-e812-42d3-908d-6ea0b2cc5ecb","url":"${ZOOKEEPER_LINK}"}`,
    ]);
  });

  it.each([
    ['CLOUD_TABLE', 'cloudtable', 'CloudTable'],
    ['CLOUD_TABLE_OPENTSDB', 'cloudtable.opentsdb', 'CloudTable.OPENTSDB'],
    ['MRS_OPENTSDB', 'mrs.opentsdb', 'MRS.OPENTSDB'],
    ['DWS', 'dws', 'DWS'],
    ['RDS', 'rds', 'RDS'],
    ['CSS', 'css', 'CSS'],
  ])('of service %s is sent as %s and known to DLI as %s', async (service, wireName, canonical) => {
    const gateway = shared();
    await gateway.create({ service });

    expect(bodiesSent(gateway)).toEqual([{ ...SENT, service: wireName }]);
    expect(gateway.emulator.connections()).toMatchObject([
      { name: 'orders_pg', service: canonical, destination: '192.168.0.12:5432', clusterName: '', tags: [] },
    ]);
  });
});

function bodiesSent({ emulator }: TestGateway): unknown[] {
  return emulator.ledger.entries('createConnection').map(({ body }) => JSON.parse(body));
}
