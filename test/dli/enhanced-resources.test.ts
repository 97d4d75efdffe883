import { describe, expect, it } from '@jest/globals';
import type { Resource } from '../../src/dli/connection.js';
import { createManualClock } from '../helpers/manual-clock.js';
import type { Answer, ReceivedRequest } from './helpers/dli-clients.js';
import { ENHANCED, errorOf, linesOf, NOT_OFFERED, startClients, UNKNOWN_ID } from './helpers/dli-clients.js';

const ID = '4c693ecc-bab8-4113-a838-129cedc9a563';
const POOLS = 'GET /v3/elastic-resource-pools?limit=100&offset=0';
const QUEUES = 'GET /v1.0/queues?queue_type=all';
const ERROR: Answer = { status: 400, body: { error_code: 'DLI.0999', error_msg: 'Server-side errors.' } };

const DOCUMENTED_POOLS = {
  elastic_resource_pools: [
    { elastic_resource_pool_name: 'Pool_A', cidr_in_vpc: '172.16.0.0/14', status: 'AVAILABLE', queues: ['Q1', 'q2'] },
    { elastic_resource_pool_name: 'pool_b', status: 'SCALING', queues: [] },
  ],
  count: 2,
};
const DOCUMENTED_QUEUES = {
  is_success: true,
  message: '',
  queues: [
    { queue_name: 'q1', elastic_resource_pool_name: 'Pool_A', cidr_in_vpc: '172.16.0.0/14', resource_mode: 1 },
    { queue_name: 'q2' },
    { queue_name: 'Dedicated', elastic_resource_pool_name: '', is_restarting: false },
    { queueName: 'other_style' },
    { status: 'AVAILABLE' },
  ],
};

const pool = (name: string): Resource => ({ kind: 'ELASTIC_RESOURCE_POOL', name });
const queue = (name: string): Resource => ({ kind: 'QUEUE', name });

/** Answers with the lists of pools and queues. */
function answerOf(pools: Answer, queues: Answer) {
  return ({ path }: ReceivedRequest): Answer => (path === '/v1.0/queues' ? queues : pools);
}

const startWith = (pools: Answer, queues: Answer) => startClients(answerOf(pools, queues));

describe('the pools and queues of a project', () => {
  it('are read from two lists, with names in lower case', async () => {
    const { bindings, context, received } = await startWith({ body: DOCUMENTED_POOLS }, { body: DOCUMENTED_QUEUES });
    const { resources, knownKinds } = await bindings.listResources(context());
    expect(resources).toEqual([
      { ...pool('pool_a'), poolName: null },
      { ...pool('pool_b'), poolName: null },
      { ...queue('q1'), poolName: 'pool_a' },
      { ...queue('q2'), poolName: 'pool_a' },
      { ...queue('dedicated'), poolName: null },
      { ...queue('other_style'), poolName: null },
    ]);
    expect([...knownKinds].toSorted()).toEqual(['ELASTIC_RESOURCE_POOL', 'QUEUE']);
    expect(linesOf(received).toSorted()).toEqual([QUEUES, POOLS].toSorted());
  });

  it('include all pages of pools', async () => {
    const names = Array.from({ length: 150 }, (_, index) => `pool_${index}`);
    const { bindings, context } = await startClients(({ path, query }) => {
      if (path === '/v1.0/queues') return { body: { queues: [] } };
      const offset = Number(new URLSearchParams(query).get('offset'));
      const page = names.slice(offset, offset + 100).map(name => ({ elastic_resource_pool_name: name }));
      return { body: { elastic_resource_pools: page, count: page.length } };
    });
    const { resources } = await bindings.listResources(context());
    expect(resources.map(({ name }) => name)).toEqual(names);
  });

  it.each<[what: string, pools: Answer, queues: Answer, kinds: string[], names: string[]]>([
    ['pools', NOT_OFFERED, { body: DOCUMENTED_QUEUES }, ['QUEUE'], ['q1', 'q2', 'dedicated', 'other_style']],
    [
      'queues',
      { body: DOCUMENTED_POOLS },
      { status: 404, body: '<html>' },
      ['ELASTIC_RESOURCE_POOL'],
      ['pool_a', 'pool_b', 'q1', 'q2'],
    ],
  ])('are those of the other list where DLI does not offer %s', async (_what, pools, queues, kinds, names) => {
    const { bindings, context } = await startWith(pools, queues);
    const { resources, knownKinds } = await bindings.listResources(context());
    expect([...knownKinds]).toEqual(kinds);
    expect(resources.map(({ name }) => name)).toEqual(names);
  });

  it.each<[what: string, pools: Answer, queues: Answer, code: string]>([
    ['neither list is offered', NOT_OFFERED, NOT_OFFERED, 'REJECTED'],
    ['the list of pools fails', ERROR, { body: DOCUMENTED_QUEUES }, 'UNAVAILABLE'],
    ['the list of queues fails', { body: DOCUMENTED_POOLS }, ERROR, 'UNAVAILABLE'],
    ['the list of queues is incomplete', { body: DOCUMENTED_POOLS }, { body: { queues: [], count: 1 } }, 'UNAVAILABLE'],
    ['there is no list of pools', { body: { is_success: true } }, { body: DOCUMENTED_QUEUES }, 'UNAVAILABLE'],
  ])('cannot be read when %s', async (_what, pools, queues, code) => {
    const { bindings, context } = await startWith(pools, queues);
    expect(await errorOf(bindings.listResources(context()))).toMatchObject({ name: 'DliError', code });
  });
});

describe('the directory of pools and queues', () => {
  it('names the pool that a queue belongs to', async () => {
    const { directory, context } = await startWith({ body: DOCUMENTED_POOLS }, { body: DOCUMENTED_QUEUES });
    const requested = [queue('q1'), queue('dedicated'), pool('pool_b'), pool('q1'), queue('none')];
    expect(await directory.resolve(requested, context())).toEqual([
      { requested: queue('q1'), bound: pool('pool_a'), exists: true },
      { requested: queue('dedicated'), bound: queue('dedicated'), exists: true },
      { requested: pool('pool_b'), bound: pool('pool_b'), exists: true },
      { requested: pool('q1'), bound: pool('q1'), exists: false },
      { requested: queue('none'), bound: queue('none'), exists: false },
    ]);
  });

  it.each<[what: string, pools: Answer, queues: Answer]>([
    ['fail', ERROR, ERROR],
    ['are not offered', NOT_OFFERED, NOT_OFFERED],
  ])('takes names as they are when the lists %s', async (_what, pools, queues) => {
    const { directory, context } = await startWith(pools, queues);
    expect(await directory.resolve([queue('q1')], context())).toEqual([
      { requested: queue('q1'), bound: queue('q1'), exists: undefined },
    ]);
  });

  it('does not know whether a pool exists where DLI does not list pools', async () => {
    const { directory, context } = await startWith(NOT_OFFERED, { body: DOCUMENTED_QUEUES });
    expect(await directory.resolve([pool('pool_x'), queue('q9')], context())).toEqual([
      { requested: pool('pool_x'), bound: pool('pool_x'), exists: undefined },
      { requested: queue('q9'), bound: queue('q9'), exists: false },
    ]);
  });

  it('takes names as they are when the lists do not arrive in time', async () => {
    const { directory, context } = await startClients(() => new Promise<Answer>(() => undefined));
    const [resolved] = await directory.resolve([queue('q1')], context(50));
    expect(resolved).toEqual({ requested: queue('q1'), bound: queue('q1'), exists: undefined });
  });

  it('reads the lists once for all callers, and again after 30 s', async () => {
    const clock = createManualClock();
    const answer = answerOf({ body: DOCUMENTED_POOLS }, { body: DOCUMENTED_QUEUES });
    const { directory, context, received } = await startClients(answer, clock);
    const resolve = () => directory.resolve([queue('q1')], context());
    await Promise.all([resolve(), resolve(), resolve()]);
    clock.advance(30_000);
    await resolve();
    expect(received).toHaveLength(2);
    clock.advance(1);
    await resolve();
    expect(received).toHaveLength(4);
  });

  it('reads the lists again for a name that they lack, if they are older than a second', async () => {
    const clock = createManualClock();
    const queues: unknown[] = [];
    const { directory, context, received } = await startClients(
      ({ path }) => ({ body: path === '/v1.0/queues' ? { queues } : DOCUMENTED_POOLS }),
      clock,
    );
    const exists = async () => (await directory.resolve([queue('new')], context()))[0]?.exists;
    expect(await exists()).toBe(false);
    clock.advance(1_000);
    queues.push({ queue_name: 'new' });
    expect(await exists()).toBe(false);
    expect(received).toHaveLength(2);
    clock.advance(1);
    expect(await exists()).toBe(true);
    expect(await exists()).toBe(true);
    expect(received).toHaveLength(4);
  });
});

describe('the hosts of a connection', () => {
  it('are read completely, in the order of DLI, without incomplete ones', async () => {
    const hosts = Array.from({ length: 20_000 }, (_, index) => ({ name: `node-${20_000 - index}`, ip: '10.0.0.1' }));
    const { bindings, context, received } = await startClients(() => ({
      body: { id: ID, status: 'ACTIVE', hosts: [...hosts, { name: 'x' }, { ip: '10.0.0.2' }, 7] },
    }));
    expect(await bindings.getHosts(ID, context())).toEqual(hosts);
    expect(linesOf(received)).toEqual([`GET ${ENHANCED}/${ID}`]);
  });

  it.each<[what: string, body: unknown]>([
    ['are missing', { id: ID }],
    ['are null', { id: ID, hosts: null }],
    ['are empty', { status: 'ACTIVE', hosts: [] }],
  ])('are none when they %s', async (_what, body) => {
    const { bindings, context } = await startClients(() => ({ body }));
    expect(await bindings.getHosts(ID, context())).toEqual([]);
  });

  it('are undefined when there is no such connection', async () => {
    const { bindings, context } = await startClients(() => UNKNOWN_ID);
    expect(await bindings.getHosts(ID, context())).toBeUndefined();
  });

  it.each<[what: string, answer: Answer]>([
    ['fails', ERROR],
    ['is of another connection', { body: { id: ID.replace('4', '5'), hosts: [] } }],
    ['is an empty object', { body: {} }],
  ])('cannot be read from a response that %s', async (_what, answer) => {
    const { bindings, context } = await startClients(() => answer);
    expect(await errorOf(bindings.getHosts(ID, context()))).toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('the tags of a connection', () => {
  it('are read from their own path, without confidential texts', async () => {
    const tags = [
      { key: 'team', value: 'data' },
      { key: 'empty', value: '' },
      { key: 'note', value: 'the swordfish' },
    ];
    const { bindings, context, received, confidential } = await startClients(() => ({ body: { tags, count: 3 } }));
    confidential.add(['swordfish']);
    expect(await bindings.getTags(ID, context())).toEqual(tags.slice(0, 2));
    expect(linesOf(received)).toEqual([`GET /v3/dli_enhanced_datasource/${ID}/tags`]);
  });

  it('are none when they are missing', async () => {
    const { bindings, context } = await startClients(() => ({ body: { is_success: true } }));
    expect(await bindings.getTags(ID, context())).toEqual([]);
  });

  it('cannot be read when DLI refuses', async () => {
    const { bindings, context } = await startClients(() => UNKNOWN_ID);
    expect(await errorOf(bindings.getTags(ID, context()))).toMatchObject({
      code: 'REJECTED',
      upstreamCode: 'DLI.0002',
    });
  });
});
