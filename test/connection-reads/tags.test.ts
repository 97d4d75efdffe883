import { afterEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_ACCESS_KEY } from '../../src/emulator/emulator.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { connectionOf, pageOf } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';

afterEach(closeGateways);

const shared = shareGateway({ emulator: { tagStyle: 'objects' } });

const TAGS = [
  { key: 'team', value: 'data 42/orders' },
  { key: 'empty', value: '' },
];

describe('the tags of a connection', () => {
  it('are null if DLI does not report them', async () => {
    const gateway = await startGateway();
    const { connectionId = '' } = await gateway.create({ tags: [{ key: 'team', value: 'data' }] });
    expect((await connectionOf(gateway, connectionId))?.tags).toBeNull();
    expect((await pageOf(gateway)).items).toMatchObject([{ id: connectionId, tags: null }]);
  });

  it.each(['objects', 'texts', 'map'] as const)('are those of its create if DLI reports them as %s', async tagStyle => {
    const gateway = await startGateway({ emulator: { tagStyle } });
    const tags = [
      { key: 'team', value: 'data = 42' },
      { key: 'empty', value: '' },
    ];
    const { connectionId = '' } = await gateway.create({ tags });
    expect((await connectionOf(gateway, connectionId))?.tags).toEqual(tags);
    expect((await pageOf(gateway)).items).toMatchObject([{ id: connectionId, tags }]);
  });

  it('are an empty list if DLI reports none', async () => {
    const gateway = shared();
    const { connectionId = '' } = await gateway.create();
    expect((await connectionOf(gateway, connectionId))?.tags).toEqual([]);
  });

  it('do not include those of the gateway and of Huawei Cloud', async () => {
    const env = { DLI_MARKER_TAG: 'true' };
    const gateway = await startGateway({ env, emulator: { tagStyle: 'objects' } });
    const { connectionId = '' } = await gateway.create({ tags: [{ key: 'team', value: 'data' }] });
    const [created] = gateway.emulator.connections();
    const sent = created?.tags.map(({ key }) => key);
    expect(sent).toEqual(expect.arrayContaining(['team', 'gw_req']));
    expect((await connectionOf(gateway, connectionId))?.tags).toEqual([{ key: 'team', value: 'data' }]);

    const tags = [{ key: '_sys_enterprise_project_id', value: '0' }, ...TAGS];
    const { connectionId: seeded } = gateway.emulator.seedConnection({ tags });
    expect((await connectionOf(gateway, seeded))?.tags).toEqual(TAGS);
  });

  it('do not include one that holds a credential of the gateway', async () => {
    const gateway = shared();
    const tags = [
      { key: 'note', value: `uses ${DEFAULT_ACCESS_KEY}.` },
      { key: DEFAULT_ACCESS_KEY, value: '' },
      ...TAGS,
    ];
    const { connectionId } = gateway.emulator.seedConnection({ tags });
    expect((await connectionOf(gateway, connectionId))?.tags).toEqual(TAGS);
    expect((await pageOf(gateway)).items).toMatchObject([{ tags: TAGS }]);
  });
});
