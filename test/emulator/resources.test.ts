import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT_ID } from '../../src/emulator/emulator.js';
import { shareEmulator, startEmulator } from '../helpers/running-emulator.js';

const shared = shareEmulator();

const POOLS_PATH = `/v3/${DEFAULT_PROJECT_ID}/elastic-resource-pools`;
const QUEUES_PATH = `/v1.0/${DEFAULT_PROJECT_ID}/queues`;

function poolNamesOf(json: unknown): string[] {
  const { elastic_resource_pools: pools } = json as { elastic_resource_pools: Record<string, string>[] };
  return pools.map(pool => pool['elastic_resource_pool_name'] ?? '');
}

function queueNamesOf(json: unknown): string[] {
  const { queues } = json as { queues: Record<string, string>[] };
  return queues.map(queue => queue['queue_name'] ?? '');
}

describe('the list of elastic resource pools', () => {
  it('has the documented form', async () => {
    const { call, emulator } = shared();
    const [pool_a, pool_b] = [
      { name: 'POOL_A', cidr: '172.16.0.0/14', queues: ['Q1'] },
      { name: 'broken', status: 'FAILED', failReason: 'No address is left.', isIpv6Enabled: true } as const,
    ];
    emulator.setResources({ pools: [pool_a, pool_b] });
    expect(await call('GET', POOLS_PATH)).toMatchObject({ status: 200 });
    expect((await call('GET', POOLS_PATH)).json).toEqual({
      is_success: true,
      message: '',
      count: 2,
      elastic_resource_pools: [
        {
          elastic_resource_pool_name: 'pool_a',
          cidr_in_vpc: '172.16.0.0/14',
          status: 'AVAILABLE',
          fail_reason: '',
          ipv6_enable: false,
          queues: ['q1'],
        },
        {
          elastic_resource_pool_name: 'broken',
          cidr_in_vpc: '172.16.0.0/12',
          status: 'FAILED',
          fail_reason: 'No address is left.',
          ipv6_enable: true,
          queues: [],
        },
      ],
    });
  });

  it.each([
    ['', ['pool_a', 'pool_b', 'pool_overlapping']],
    ['?limit=1&offset=1', ['pool_b']],
    ['?name=OVER', ['pool_overlapping']],
    ['?status=available&limit=1', ['pool_a']],
    ['?status=SCALING', []],
  ])('with query "%s" has %j', async (query, expected) => {
    const { call } = shared();
    const { json } = await call('GET', `${POOLS_PATH}${query}`);
    expect(poolNamesOf(json)).toEqual(expected);
    expect(json).toMatchObject({ count: expected.length });
  });

  it('has at most 100 pools by default', async () => {
    const { call, emulator } = shared();
    emulator.setResources({ pools: Array.from({ length: 101 }, (_, index) => ({ name: `p${index}` })) });
    expect((await call('GET', POOLS_PATH)).json).toMatchObject({ count: 100 });
  });

  it('refuses an invalid limit', async () => {
    const { call } = shared();
    expect(await call('GET', `${POOLS_PATH}?limit=many`)).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0001' },
    });
  });
});

describe('the list of queues', () => {
  it('has the documented form, with the pool of a queue', async () => {
    const { call } = shared();
    expect((await call('GET', `${QUEUES_PATH}?queue_type=all`)).json).toEqual({
      is_success: true,
      message: '',
      queues: [
        { queue_name: 'default', queue_type: 'sql', resource_mode: 0, is_restarting: false },
        {
          queue_name: 'queue_dedicated',
          queue_type: 'general',
          resource_mode: 1,
          is_restarting: false,
          cidr_in_vpc: '172.16.128.0/18',
        },
        ...['queue_a1', 'queue_a2'].map(name => ({
          queue_name: name,
          queue_type: 'sql',
          resource_mode: 1,
          is_restarting: false,
          cidr_in_vpc: '172.16.0.0/18',
          elastic_resource_pool_name: 'pool_a',
        })),
        expect.objectContaining({ queue_name: 'queue_b1', elastic_resource_pool_name: 'pool_b' }),
      ],
    });
  });

  it.each([
    ['', ['default', 'queue_a1', 'queue_a2', 'queue_b1']],
    ['?queue_type=general', ['queue_dedicated']],
    ['?queue_type=all&page-size=2&current-page=2', ['queue_a1', 'queue_a2']],
  ])('with query "%s" has %j', async (query, expected) => {
    const { call } = shared();
    expect(queueNamesOf((await call('GET', `${QUEUES_PATH}${query}`)).json)).toEqual(expected);
  });

  it('refuses an unknown type', async () => {
    const { call } = shared();
    expect((await call('GET', `${QUEUES_PATH}?queue_type=x`)).status).toBe(400);
  });

  it('prints numbers as text if the settings say so', async () => {
    const { call } = await startEmulator({ numbersAsText: true });
    expect((await call('GET', QUEUES_PATH)).json).toMatchObject({ queues: [{ resource_mode: '0' }, {}, {}, {}] });
    expect((await call('GET', POOLS_PATH)).json).toMatchObject({ count: '3' });
  });
});

describe('the resources', () => {
  it('are replaced over HTTP, each list on its own', async () => {
    const { send, call } = shared();
    const pools = [{ name: 'other', cidr: '10.0.0.0/8', queues: ['q'] }];
    expect((await send('PUT', '/emulator/resources', { pools })).status).toBe(204);
    expect(poolNamesOf((await call('GET', POOLS_PATH)).json)).toEqual(['other']);
    expect((await send('PUT', '/emulator/resources', { queues: [] })).status).toBe(204);
    expect(queueNamesOf((await call('GET', `${QUEUES_PATH}?queue_type=all`)).json)).toEqual(['q']);
  });

  it('are refused over HTTP if a field is invalid, naming it, and nothing changes', async () => {
    const { send, call } = shared();
    const pools = [{ name: '', cidr: '10.0.0.0', state: 'AVAILABLE' }];
    const { status, json } = await send('PUT', '/emulator/resources', { pools });
    expect(status).toBe(400);
    expect((json as { problems: string[] }).problems).toEqual([
      expect.stringMatching(/^pools\.0\.name: /),
      'pools.0.cidr: is not an address range',
      expect.stringContaining('state'),
    ]);
    expect((await call('GET', POOLS_PATH)).json).toMatchObject({ count: 3 });
  });

  it('are the default ones after a reset', async () => {
    const { emulator, call } = shared();
    emulator.setResources({ pools: [], queues: [] });
    emulator.reset({ keepTokens: true });
    expect((await call('GET', POOLS_PATH)).json).toMatchObject({ count: 3 });
  });
});

describe('a part of the API that is not offered', () => {
  const classic = `/v2.0/${DEFAULT_PROJECT_ID}/datasource-connection`;
  const enhanced = `/v2.0/${DEFAULT_PROJECT_ID}/datasource/enhanced-connections`;
  const tags = `/v3/${DEFAULT_PROJECT_ID}/dli_enhanced_datasource/x/tags`;

  it.each([
    ['classicOffered', [classic], [enhanced, POOLS_PATH, QUEUES_PATH]],
    ['enhancedOffered', [enhanced, `${enhanced}/x`, `${enhanced}/x/privileges`, tags], [classic, POOLS_PATH]],
    ['poolsOffered', [POOLS_PATH, QUEUES_PATH], [classic, enhanced]],
  ])('responds with 404 only to its paths: %s', async (setting, missing, offered) => {
    const { send, call, emulator } = await startEmulator();
    await send('PATCH', '/emulator/settings', { [setting]: false });
    for (const path of missing)
      expect(await call('GET', path)).toMatchObject({ status: 404, json: { error_code: 'APIGW.0101' } });
    for (const path of offered) expect(await call('GET', path)).toMatchObject({ status: 200 });
    expect(emulator.ledger.count('unknown')).toBe(0);
  });
});
