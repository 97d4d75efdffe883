import { describe, expect, it } from '@jest/globals';
import { CONNECTIONS_PATH, CREATE_BODY, shareEmulator, startEmulator } from '../helpers/running-emulator.js';

const shared = shareEmulator();

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function clockAt(nowMs: number) {
  const clock = { nowMs, now: () => clock.nowMs };
  return clock;
}

describe('a new connection', () => {
  it('starts in state CREATING without address and progress', async () => {
    const clock = clockAt(1_566_180_327_674);
    const { call } = await startEmulator({ creationMs: 1_000, now: clock.now });
    const created = await call('POST', CONNECTIONS_PATH, { ...CREATE_BODY, service: 'ct' });
    expect(created.status).toBe(201);
    expect(created.json).toEqual({
      is_success: true,
      message: '',
      connection_id: expect.stringMatching(UUID),
    });
    const { connection_id: id } = created.json as { connection_id: string };
    const got = await call('GET', `${CONNECTIONS_PATH}/${id}`);
    expect(got.status).toBe(200);
    expect(got.json).toEqual({
      is_success: true,
      message: '',
      connection_id: id,
      destination: '192.168.12.148:3306',
      state: 'CREATING',
      process: 0,
      name: 'orders',
      connection_url: '',
      cluster_name: '',
      service: 'CloudTable',
      create_time: 1_566_180_327_674,
      available_queue_info: [],
    });
  });

  it('progresses and becomes ACTIVE with an address', async () => {
    const clock = clockAt(1_000_000);
    const { call, create } = await startEmulator({ creationMs: 1_000, now: clock.now });
    const path = `${CONNECTIONS_PATH}/${await create()}`;
    clock.nowMs += 250;
    expect((await call('GET', path)).json).toMatchObject({ state: 'CREATING', process: 0.25 });
    clock.nowMs += 750;
    expect((await call('GET', path)).json).toMatchObject({
      state: 'ACTIVE',
      process: 1,
      connection_url: expect.stringMatching(/^to-rds-\d{9,10}-[A-Za-z0-9]{8}\.datasource\.com:3306$/),
    });
  });

  it('becomes FAILED with a reason if its name matches failNames', async () => {
    const clock = clockAt(1_000_000);
    const { call, create } = await startEmulator({ creationMs: 1_000, now: clock.now });
    const path = `${CONNECTIONS_PATH}/${await create({ name: 'fail-1', cluster_name: 'spark' })}`;
    clock.nowMs += 1_000;
    expect((await call('GET', path)).json).toMatchObject({
      is_success: true,
      state: 'FAILED',
      process: 0.5,
      message: "Can't get ready router.",
      connection_url: '',
      available_queue_info: [{ name: 'spark', status: 'FAILED', err_msg: "Can't get ready router." }],
    });
  });

  it('has the id of a queue under the configured key', async () => {
    const { call, create } = await startEmulator({ queueInfoKey: 'peer_id' });
    const { json } = await call('GET', `${CONNECTIONS_PATH}/${await create({ cluster_name: 'spark' })}`);
    const { available_queue_info: queues } = json as { available_queue_info: object[] };
    expect(Object.keys(queues[0] ?? {})).toContain('peer_id');
  });
});

describe('deleting', () => {
  it('is refused while the connection is being created', async () => {
    const { call, create } = await startEmulator({ creationMs: 1_000, now: () => 0 });
    const id = await create();
    const { status, json } = await call('DELETE', `${CONNECTIONS_PATH}/${id}`);
    expect({ status, json }).toEqual({
      status: 400,
      json: { error_code: 'DLI.0007', error_msg: `Connection ${id} in state CREATING cannot be deleted.` },
    });
  });

  it('leaves a tombstone that get and list return', async () => {
    const { call, create } = shared();
    const id = await create();
    expect(await call('DELETE', `${CONNECTIONS_PATH}/${id}`)).toMatchObject({
      status: 200,
      json: { is_success: true, message: 'Deleted' },
    });
    expect((await call('GET', `${CONNECTIONS_PATH}/${id}`)).json).toMatchObject({
      state: 'DELETED',
      process: 1,
    });
    expect((await call('GET', CONNECTIONS_PATH)).json).toMatchObject({
      count: 1,
      connections: [{ connection_id: id, state: 'DELETED' }],
    });
  });

  it('removes the tombstone after its lifetime', async () => {
    const clock = clockAt(1_000_000);
    const { call, create, emulator } = await startEmulator({ tombstoneMs: 5_000, now: clock.now });
    const id = await create();
    await call('DELETE', `${CONNECTIONS_PATH}/${id}`);
    clock.nowMs += 5_000;
    expect((await call('GET', `${CONNECTIONS_PATH}/${id}`)).status).toBe(400);
    expect((await call('GET', CONNECTIONS_PATH)).json).toMatchObject({ connections: [], count: 0 });
    expect(emulator.connections()).toEqual([]);
  });

  it('refuses a second delete like an unknown id', async () => {
    const { call, create } = shared();
    const id = await create();
    await call('DELETE', `${CONNECTIONS_PATH}/${id}`);
    expect(await call('DELETE', `${CONNECTIONS_PATH}/${id}`)).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0001', error_msg: `Connection ${id} is not exist` },
    });
  });
});

describe('the list', () => {
  it('contains connections oldest first, with a count and queue names', async () => {
    const clock = clockAt(1_000);
    const { call, create } = await startEmulator({ now: clock.now });
    await create({ name: 'b', cluster_name: 'spark' });
    clock.nowMs += 1;
    await create({ name: 'a' });
    const { status, json } = await call('GET', `${CONNECTIONS_PATH}/`);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      is_success: true,
      message: '',
      count: 2,
      connections: [
        { name: 'b', is_success: true, queue_list: ['spark'] },
        { name: 'a', queue_list: [] },
      ],
    });
  });

  it.each([
    ['honoured', 'stage=prod,team=a', 200, ['both']],
    ['honoured', 'stage=prod', 200, ['both', 'one']],
    ['honoured', 'prod', 400, undefined],
    ['ignored', 'stage=prod,team=a', 200, ['both', 'one', 'none']],
    ['refused', 'stage=prod', 400, undefined],
  ] as const)('with a tag filter that is %s, %s answers %i', async (tagFilter, filter, status, names) => {
    const clock = clockAt(1_000);
    const { call, create } = await startEmulator({ tagFilter, now: clock.now });
    const stage = { key: 'stage', value: 'prod' };
    await create({ name: 'both', tags: [stage, { key: 'team', value: 'a' }] });
    clock.nowMs += 1;
    await create({ name: 'one', tags: [stage] });
    clock.nowMs += 1;
    await create({ name: 'none' });
    const answer = await call('GET', `${CONNECTIONS_PATH}?tags=${encodeURIComponent(filter)}`);
    const { connections } = answer.json as { connections?: { name: string }[] };
    expect(answer.status).toBe(status);
    expect(connections?.map(connection => connection.name)).toEqual(names);
  });

  it('contains a new connection only after the lag, while get finds it immediately', async () => {
    const clock = clockAt(1_000);
    const { call, create } = await startEmulator({ listLagMs: 500, now: clock.now });
    const id = await create();
    expect((await call('GET', CONNECTIONS_PATH)).json).toMatchObject({ count: 0 });
    expect((await call('GET', `${CONNECTIONS_PATH}/${id}`)).status).toBe(200);
    clock.nowMs += 500;
    expect((await call('GET', CONNECTIONS_PATH)).json).toMatchObject({ count: 1 });
  });
});

describe('creating', () => {
  it.each([
    ['ct', 'CloudTable'],
    ['CLOUDTABLE', 'CloudTable'],
    ['CloudTable.OpenTSDB', 'CloudTable.OPENTSDB'],
    ['mrs.opentsdb', 'MRS.OPENTSDB'],
    ['Dws', 'DWS'],
    ['rds', 'RDS'],
    ['css', 'CSS'],
  ])('accepts service %s and returns it as %s', async (service, canonical) => {
    const { create, emulator } = shared();
    await create({ service });
    expect(emulator.connections()).toMatchObject([{ service: canonical, state: 'ACTIVE' }]);
  });

  it.each<[why: string, fields: Record<string, unknown>]>([
    ['no name', { name: undefined }],
    ['a space in the name', { name: 'a b' }],
    ['an empty name', { name: '' }],
    ['a name of 65 characters', { name: 'a'.repeat(65) }],
    ['a name that is a number', { name: 1 }],
    ['an unknown service', { service: 'mongo' }],
    ['no security group', { security_group_id: undefined }],
    ['an empty network id', { network_id: '' }],
    ['an empty url', { url: '' }],
    ['a url of 513 characters', { url: 'a'.repeat(513) }],
    ['11 tags', { tags: Array.from({ length: 11 }, (_, index) => ({ key: `k${index}`, value: '' })) }],
    ['a tag key of 129 characters', { tags: [{ key: 'k'.repeat(129), value: '' }] }],
    ['a tag value of 256 characters', { tags: [{ key: 'k', value: 'v'.repeat(256) }] }],
    ['a system tag', { tags: [{ key: '_sys_a', value: '' }] }],
    ['a tag key with leading and trailing spaces', { tags: [{ key: ' k', value: '' }] }],
    ['a tag with a forbidden character', { tags: [{ key: 'k', value: 'a/b' }] }],
    [
      'a repeated tag key',
      {
        tags: [
          { key: 'k', value: '1' },
          { key: 'k', value: '2' },
        ],
      },
    ],
    ['tags that are not a list', { tags: 'k=v' }],
  ])('refuses %s with DLI.0001', async (_why, fields) => {
    const { call, emulator } = shared();
    const answer = await call('POST', CONNECTIONS_PATH, { ...CREATE_BODY, ...fields });
    expect(answer).toMatchObject({ status: 400, json: { error_code: 'DLI.0001' } });
    expect(emulator.connections()).toEqual([]);
  });

  it.each(['{"name":', '[]', 'null', '"text"'])('refuses the body %s with DLI.0001', async body => {
    const { call } = shared();
    expect(await call('POST', CONNECTIONS_PATH, body)).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0001' },
    });
  });

  it('accepts values exactly at their limits', async () => {
    const { call } = shared();
    const tags = Array.from({ length: 10 }, (_, index) => ({
      key: `标签 ${index}`.padEnd(128, 'k'),
      value: 'v'.repeat(255),
    }));
    const answer = await call('POST', CONNECTIONS_PATH, {
      ...CREATE_BODY,
      name: 'a'.repeat(64),
      url: 'u'.repeat(512),
      tags,
      unknown_field: true,
    });
    expect(answer.status).toBe(201);
  });

  it('refuses the default queue with DLI.0007', async () => {
    const { call } = shared();
    expect(await call('POST', CONNECTIONS_PATH, { ...CREATE_BODY, cluster_name: 'default' })).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0007' },
    });
  });

  it('refuses a name in use with DLI.0006', async () => {
    const { call, create } = shared();
    await create();
    expect(await call('POST', CONNECTIONS_PATH, CREATE_BODY)).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0006' },
    });
  });

  it('accepts the name of a deleted connection', async () => {
    const { call, create } = shared();
    await call('DELETE', `${CONNECTIONS_PATH}/${await create()}`);
    expect((await call('POST', CONNECTIONS_PATH, CREATE_BODY)).status).toBe(201);
  });

  it('accepts a name in use if names need not be unique', async () => {
    const { create, emulator } = await startEmulator({ uniqueNames: false });
    await create();
    await create();
    expect(emulator.connections()).toHaveLength(2);
  });
});

describe('seeding', () => {
  it.each(['CREATING', 'ACTIVE', 'FAILED', 'DELETED', 'RUNNING', 'ABNORMAL'])(
    'puts a connection in state %s',
    async state => {
      const { call, emulator } = await startEmulator({ creationMs: 10 });
      const { connectionId } = emulator.seedConnection({ name: 'seeded', state });
      expect((await call('GET', `${CONNECTIONS_PATH}/${connectionId}`)).json).toMatchObject({
        name: 'seeded',
        state,
      });
    },
  );

  it('keeps every given value', async () => {
    const { emulator } = shared();
    const given = {
      connectionId: '75419c22-7a31-42e4-a3f3-102f6e6895c9',
      state: 'DELETED',
      process: 0,
      connectionUrl: '',
      createdAtMs: 1_549_092_947_256,
      queues: ['q1', 'q2'],
    };
    expect(emulator.seedConnection(given)).toMatchObject(given);
  });
});
