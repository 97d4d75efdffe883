import { describe, expect, it } from '@jest/globals';
import { CONNECTIONS_PATH, CREATE_BODY, startEmulator } from './helpers/running-emulator.js';

const NO_ID = '00000000-0000-4000-8000-000000000000';

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
