import { describe, expect, it } from '@jest/globals';
import { startGateway } from '../helpers/gateway.js';
import { connectionOf, pageOf, queryPage } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const gateway = shareGateway();

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const OTHER_ID = '378eb1e6-521d-41a4-a41c-bbb58f34a6d6';
const COMPLETE = {
  connection_id: ID,
  name: 'orders_pg',
  state: 'ACTIVE',
  service: 'RDS',
  destination: '192.168.0.12:5432',
  create_time: 1_566_180_327_674,
  process: 1,
};
const SHOWN = {
  id: ID,
  name: 'orders_pg',
  state: 'ACTIVE',
  service: 'RDS',
  destination: '192.168.0.12:5432',
  createdAt: '2019-08-19T02:05:27.674Z',
  progress: 1,
};

/** Serves a list of DLI, and returns the page and the warnings about it. */
async function list(connections: unknown, more: object = {}) {
  const { emulator, log } = gateway();
  const { length } = log();
  emulator.inject({ operation: 'listConnections', body: { is_success: true, connections, ...more } });
  return { page: await pageOf(gateway()), warnings: warningsIn(log().slice(length)) };
}

function warningsIn(log: string): Record<string, unknown>[] {
  const lines = log.split('\n').filter(line => line !== '');
  return lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(({ level }) => level === 40);
}

function tags(...pairs: string[]): object {
  return { tags: pairs.map(pair => ({ key: pair.replace(/=.*/, ''), value: pair.replace(/^[^=]*=/, '') })) };
}

/** An undocumented field of a connection, what callers get for it, and what the log says about it. */
const ODD: [what: string, fields: object, shown: object, detail: string][] = [
  ['a time as text', { create_time: '1566180327674' }, {}, 'create_time: string'],
  ['a time that is none', { create_time: '2019-08-19' }, { createdAt: null }, 'create_time: string'],
  ['a time that is an object', { create_time: {} }, { createdAt: null }, 'create_time: object'],
  ['progress as text', { process: '0.5' }, { progress: 0.5 }, 'process: string'],
  ['a name that is a number', { name: 42 }, { name: '42' }, 'name: number'],
  ['a name that is a list', { name: ['x'] }, { name: '' }, 'name: list'],
  ['a state that is a flag', { state: true }, { state: 'UNKNOWN', stateText: null }, 'state: boolean'],
  ['a service that is an object', { service: { a: 1 } }, { service: null, serviceText: null }, 'service: object'],
  ['an address that is a number', { destination: 5432 }, { destination: '5432' }, 'destination: number'],
  ['a cluster that is a list', { cluster_name: [] }, { clusterName: null }, 'cluster_name: list'],
  ['queues that are a text', { available_queue_info: 'q' }, { queues: [] }, 'available_queue_info: string'],
  [
    'a queue that is a text',
    { available_queue_info: ['q', { name: 'q1', update_time: '1566180327674' }] },
    { queues: [expect.objectContaining({ name: 'q1', updatedAt: SHOWN.createdAt })] },
    'available_queue_info[0]: string, available_queue_info[1].update_time: string',
  ],
  [
    'the name of a queue that is an object',
    { queue_list: [{}, 'q2'] },
    { queues: [expect.objectContaining({ name: 'q2' })] },
    'queue_list.0: object',
  ],
  [
    'tags as texts',
    { tags: ['team=data', 'note=a=b'] },
    tags('team=data', 'note=a=b'),
    'tags[0]: string, tags[1]: string',
  ],
  ['tags as one object', { tags: { team: 'data', floor: 3, more: {} } }, tags('team=data', 'floor=3'), 'tags: object'],
  ['tags that are a text', { tags: 'team=data' }, { tags: null }, 'tags: string'],
  [
    'tags that are none',
    { tags: [7, 'team', '=data', { key: ['x'], value: 'y' }, { value: 'z' }, { key: 'team', value: null }] },
    tags('team='),
    'tags[0]: number, tags[1]: string, tags[2]: string, tags[3].key: list',
  ],
];

describe('a field that is not as documented', () => {
  it.each(ODD)('leaves the rest of a list readable, and is logged once: %s', async (_what, fields, shown, detail) => {
    const other = { ...COMPLETE, connection_id: OTHER_ID, create_time: 1 };
    const { page, warnings } = await list([other, { ...COMPLETE, ...fields }]);
    expect(page.totalCount).toBe(2);
    expect(page.items.find(({ id }) => id === ID)).toMatchObject({ ...SHOWN, ...shown });
    const paths = detail.replace(/(^|, )/g, '$1connections[1].');
    expect(warnings).toMatchObject([{ operation: 'listConnections', outcome: 'ODD_FIELDS', detail: paths }]);
  });

  it.each(ODD)(
    'leaves the rest of a connection readable, and is logged once: %s',
    async (_w, fields, shown, detail) => {
      const { emulator, log } = gateway();
      const { length } = log();
      emulator.inject({ operation: 'getConnection', body: { is_success: 'true', ...COMPLETE, ...fields } });
      expect(await connectionOf(gateway(), ID)).toMatchObject({ ...SHOWN, ...shown });
      expect(warningsIn(log().slice(length))).toMatchObject([
        { operation: 'getConnection', outcome: 'ODD_FIELDS', detail: `is_success: string, ${detail}` },
      ]);
    },
  );

  it('is counted, but only the first five are named, without their values', async () => {
    const connections = Array.from({ length: 1_000 }, (_, index) => ({
      connection_id: `68233202-63bf-4f27-a99b-${String(index).padStart(12, '0')}`,
      name: { canary: 'canary' },
    }));
    const { page, warnings } = await list(connections);
    expect(page.totalCount).toBe(1_000);
    const named = [0, 1, 2, 3, 4].map(index => `connections[${index}].name: object`).join(', ');
    expect(warnings).toMatchObject([{ outcome: 'ODD_FIELDS', count: 1_000, detail: `${named}, …` }]);
    expect(gateway().log()).not.toContain('canary');
  });

  it('is not reported when it is only missing or null', async () => {
    const { page, warnings } = await list([
      { connection_id: ID },
      { connection_id: OTHER_ID, name: null, process: null },
    ]);
    expect([page.totalCount, warnings]).toEqual([2, []]);
  });

  it('leaves out the connections that cannot be identified', async () => {
    const { page, warnings } = await list([null, 'x', { name: 'a' }, { ...COMPLETE, connection_id: 7 }, COMPLETE]);
    expect(page.items.map(({ id }) => id)).toEqual([ID]);
    expect(warnings).toMatchObject([
      {
        outcome: 'LEFT_OUT',
        count: 4,
        detail:
          'connections[0]: null, connections[1]: string, connections[2].connection_id: missing, connections[3].connection_id: number',
      },
    ]);
  });

  it('makes a list unreadable only if it is the list itself, which the log names', async () => {
    const { emulator, log } = gateway();
    emulator.inject({ operation: 'listConnections', body: { connections: 'none' }, times: 0 });
    const { body } = await queryPage(gateway());
    expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual(['UPSTREAM_UNAVAILABLE']);
    expect(log()).toContain('"detail":"connections: string"');
  });

  it.each([['2'], [null], [1]])('does not matter when it is the count %j', async count => {
    expect((await list([COMPLETE, { ...COMPLETE, connection_id: OTHER_ID }], { count })).page.totalCount).toBe(2);
  });

  it.each([['1e3'], [[12]], ['12 items'], [''], [true], [{}]])(
    'makes a list unreadable when it is the count %j, because the list may be incomplete',
    async count => {
      const { emulator, log } = gateway();
      emulator.inject({ operation: 'listConnections', body: { connections: [COMPLETE], count }, times: 0 });
      const { body } = await queryPage(gateway());
      expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual(['UPSTREAM_UNAVAILABLE']);
      expect(log()).toContain('"detail":"count: ');
    },
  );
});

describe('responses with undocumented fields', () => {
  it.each([
    ['ODD_FIELDS', { connections: [{ ...COMPLETE, name: 42 }] }],
    ['LEFT_OUT', { connections: [{ ...COMPLETE, connection_id: 7 }] }],
  ])('are logged 20 times a minute per operation, and the others are counted: %s', async (outcome, body) => {
    const flooded = await startGateway({ env: { READ_FRESHNESS_MS: '0' } });
    flooded.emulator.inject({ operation: 'listConnections', body, times: 0 });
    for (let reads = 0; reads < 25; reads += 1) await pageOf(flooded);
    await flooded.close();
    const warnings = warningsIn(flooded.log()).filter(warning => warning['outcome'] === outcome);
    expect(warnings).toHaveLength(21);
    expect(warnings.at(-1)).toMatchObject({
      operation: 'listConnections',
      count: 5,
      msg: 'undocumented responses not logged',
    });
  });
});

describe('an element that is listed twice', () => {
  it('is shown once, whatever the case of its id', async () => {
    const { page } = await list([COMPLETE, COMPLETE, { ...COMPLETE, connection_id: ID.toUpperCase() }], { count: 3 });
    expect(page.totalCount).toBe(1);
    expect(page.items).toMatchObject([SHOWN]);
  });
});
