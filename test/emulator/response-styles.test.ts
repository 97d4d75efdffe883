import { describe, expect, it } from '@jest/globals';
import type { EmulatorOptions } from '../../src/emulator/emulator.js';
import { CONNECTIONS_PATH, CREATE_BODY, startEmulator } from '../helpers/running-emulator.js';

const CREATED_AT_MS = Date.UTC(2026, 0, 1);
const NO_ID = '00000000-0000-4000-8000-000000000000';

/** The get response and the list element of the same connection, and the list without the element. */
async function answersOf(options: Partial<EmulatorOptions>, seed: object = {}) {
  const { emulator, call } = await startEmulator(options);
  const given = { name: 'c', state: 'ACTIVE', createdAtMs: CREATED_AT_MS, connectionUrl: 'to-rds', ...seed };
  const { connectionId } = emulator.seedConnection(given);
  const get = (await call('GET', `${CONNECTIONS_PATH}/${connectionId}`)).json as Record<string, unknown>;
  const list = (await call('GET', CONNECTIONS_PATH)).json as { connections: Record<string, unknown>[] };
  const { connections, ...frame } = list;
  return { connectionId, get, element: connections[0] ?? {}, frame };
}

const KEYS_OF_2018 =
  'cluster_name connection_id connection_url destination is_success message name process state'.split(' ');
const KEYS_OF_2019 = [...KEYS_OF_2018, 'create_time', 'service'].sort();

describe('responses in the style of', () => {
  it('2018 have no service and no time, the cluster name of SQL mode, and a misspelt key in lists', async () => {
    const { get, element, frame } = await answersOf({ answerStyle: '2018' });
    expect(Object.keys(get).sort()).toEqual(KEYS_OF_2018);
    expect(get['cluster_name']).toBe('#SQL#');
    expect(Object.keys(element).sort()).toEqual(KEYS_OF_2018.map(key => (key === 'message' ? 'message ' : key)));
    expect(frame).toEqual({ is_success: true, message: '' });
  });

  it('2019 have service and time, but no queues and no count', async () => {
    const { get, element, frame } = await answersOf({ answerStyle: '2019' }, { queues: ['q'] });
    expect([Object.keys(get).sort(), Object.keys(element).sort()]).toEqual([KEYS_OF_2019, KEYS_OF_2019]);
    expect(frame).toEqual({ is_success: true, message: '' });
  });

  it('2021 have queues with peer_id in get and list, and a count', async () => {
    const { connectionId, get, element, frame } = await answersOf({ answerStyle: '2021' }, { queues: ['q'] });
    const queue = {
      peer_id: `${connectionId}-q`,
      status: 'ACTIVE',
      name: 'q',
      err_msg: '',
      update_time: CREATED_AT_MS,
    };
    expect(get).toMatchObject({ available_queue_info: [queue], count: 1 });
    expect(element).toMatchObject({ available_queue_info: [queue] });
    expect([element['queue_list'], frame]).toEqual([undefined, { is_success: true, message: '', count: 1 }]);
  });

  it('2024 have queues with uuid in get, and queue names in lists', async () => {
    const { get, element, frame } = await answersOf({}, { queues: ['q'] });
    expect(get).toMatchObject({ available_queue_info: [{ uuid: expect.any(String), name: 'q' }] });
    expect([get['count'], element['queue_list'], frame]).toMatchObject([undefined, ['q'], { count: 1 }]);
  });
});

describe('a creation', () => {
  it('that fails reports the reason in its message and its queues from the time of the failure', async () => {
    let nowMs = CREATED_AT_MS;
    const { call, create } = await startEmulator({
      creationMs: 1_000,
      failureReason: 'No route to host.',
      now: () => nowMs,
    });
    const id = await create({ name: 'fail_orders', cluster_name: 'q' });
    const get = async () => (await call('GET', `${CONNECTIONS_PATH}/${id}`)).json;
    const queue = (status: string, reason: string, time: number) => ({
      state: status,
      message: reason,
      available_queue_info: [{ status, err_msg: reason, update_time: time }],
    });
    expect(await get()).toMatchObject(queue('CREATING', '', CREATED_AT_MS));
    nowMs += 1_500;
    expect(await get()).toMatchObject(queue('FAILED', 'No route to host.', CREATED_AT_MS + 1_000));
    nowMs += 1_500;
    await call('DELETE', `${CONNECTIONS_PATH}/${id}`);
    expect(await get()).toMatchObject({ available_queue_info: [{ update_time: CREATED_AT_MS + 3_000 }] });
  });

  it('advances in the configured number of steps, whether it fails or succeeds', async () => {
    let nowMs = CREATED_AT_MS;
    const { call, create } = await startEmulator({ creationMs: 1_000, creationSteps: 4, now: () => nowMs });
    const id = await create();
    const seen = new Set<unknown>();
    for (; nowMs <= CREATED_AT_MS + 1_000; nowMs += 50) {
      const { json } = await call('GET', `${CONNECTIONS_PATH}/${id}`);
      seen.add((json as { process: number }).process);
    }
    expect([...seen]).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });
});

describe('an unknown id', () => {
  it.each([
    ['DLI.0001', 400],
    ['DLI.0002', 400],
    ['DLI.0023', 404],
  ] as const)('is refused with %s, status %i', async (notFoundError, status) => {
    const { call } = await startEmulator({ notFoundError });
    for (const method of ['GET', 'DELETE']) {
      const answer = await call(method, `${CONNECTIONS_PATH}/68233202-63bf-4f27-a99b-fa5f5a2dbae1`);
      expect([answer.status, answer.json]).toMatchObject([status, { error_code: notFoundError }]);
    }
  });

  it('is also that of a deleted connection if tombstones expire immediately', async () => {
    const { call, create } = await startEmulator({ tombstoneMs: 0 });
    const path = `${CONNECTIONS_PATH}/${await create()}`;
    expect((await call('DELETE', path)).status).toBe(200);
    expect((await call('GET', path)).json).toMatchObject({ error_code: 'DLI.0001' });
    expect((await call('GET', CONNECTIONS_PATH)).json).toMatchObject({ connections: [] });
  });
});

describe('seeding over HTTP', () => {
  it('adds one connection or many alike, and returns them', async () => {
    const { send, call } = await startEmulator();
    const one = { name: 'orders', state: 'FAILED', message: 'Because.', queues: ['q'] };
    const answer = await send('POST', '/emulator/connections', [one, { name: 'many', count: 3, state: 'ACTIVE' }]);
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      connections: [one, { name: 'many-1' }, { name: 'many-2' }, { name: 'many-3' }],
    });
    expect((await call('GET', CONNECTIONS_PATH)).json).toMatchObject({ count: 4 });
  });

  it('adds nothing if one of several seeds is invalid, and names it', async () => {
    const { send, emulator } = await startEmulator();
    const answer = await send('POST', '/emulator/connections', [
      { name: 'good' },
      { nom: 'bad' },
      { count: 20_001, connectionId: 'no' },
    ]);
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.json)).toMatch(/connection 2: .*nom.*connection 3: .*/);
    expect(emulator.connections()).toEqual([]);
  });
});

describe('undocumented answers', () => {
  it('refuse an unknown id in the configured words', async () => {
    const { call } = await startEmulator({ notFoundMessage: '连接{id}不存在。' });
    for (const method of ['GET', 'DELETE'])
      expect(await call(method, `${CONNECTIONS_PATH}/${NO_ID}`)).toMatchObject({
        status: 400,
        json: { error_code: 'DLI.0001', error_msg: `连接${NO_ID}不存在。` },
      });
  });

  it('print numbers as text, and list every connection twice', async () => {
    const { emulator, call } = await startEmulator({ numbersAsText: true, listTwice: true });
    const { connectionId } = emulator.seedConnection({ state: 'ACTIVE', createdAtMs: 1_566_180_327_674, process: 0.5 });
    const printed = { connection_id: connectionId, create_time: '1566180327674', process: '0.5', is_success: true };
    expect((await call('GET', `${CONNECTIONS_PATH}/${connectionId}`)).json).toMatchObject(printed);
    expect((await call('GET', CONNECTIONS_PATH)).json).toMatchObject({ count: '2', connections: [printed, printed] });
  });

  it.each([
    ['none', undefined],
    ['objects', [{ key: 'team', value: 'data' }]],
    ['texts', ['team=data']],
    ['map', { team: 'data' }],
  ] as const)('report tags in the style %s', async (tagStyle, tags) => {
    const { emulator, call } = await startEmulator({ tagStyle });
    const { connectionId } = emulator.seedConnection({ tags: [{ key: 'team', value: 'data' }] });
    const { json } = await call('GET', `${CONNECTIONS_PATH}/${connectionId}`);
    const { connections } = (await call('GET', CONNECTIONS_PATH)).json as { connections: { tags?: unknown }[] };
    expect([(json as { tags?: unknown }).tags, connections[0]?.tags]).toEqual([tags, tags]);
  });

  it('can be switched on while the emulator runs', async () => {
    const { send, call } = await startEmulator();
    const settings = { notFoundMessage: 'gone', numbersAsText: true, listTwice: true };
    expect(await send('PATCH', '/emulator/settings', settings)).toMatchObject({ status: 200, json: settings });
    expect((await call('GET', CONNECTIONS_PATH)).json).toMatchObject({ count: '0' });
  });

  it('refuse a create with 403 and a code of another component', async () => {
    const { emulator, call } = await startEmulator();
    emulator.inject({ operation: 'createConnection', error: 'IAM.0003' });
    expect(await call('POST', CONNECTIONS_PATH, CREATE_BODY)).toMatchObject({
      status: 403,
      json: { error_code: 'IAM.0003' },
    });
  });
});
