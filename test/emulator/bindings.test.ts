import { describe, expect, it } from '@jest/globals';
import type { EmulatorOptions } from '../../src/emulator/emulator.js';
import type { RunningEmulator } from '../helpers/running-emulator.js';
import { ENHANCED_BODY, shareEmulator, startEmulator } from '../helpers/running-emulator.js';

const shared = shareEmulator();

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function clockAt(nowMs: number) {
  const clock = { nowMs, now: () => clock.nowMs };
  return clock;
}

/** Calls that bind and unbind the resources of one connection. */
function changesOf({ call }: RunningEmulator, path: string) {
  return {
    bind: (names: object) => call('POST', `${path}/associate-queue`, names),
    unbind: (names: object) => call('POST', `${path}/disassociate-queue`, names),
  };
}

/** An emulator with one connection: the shared emulator unless it needs settings. */
async function startBound(options: Partial<EmulatorOptions> = {}, fields: Record<string, unknown> = {}) {
  const running = Object.keys(options).length === 0 ? shared() : await startEmulator(options);
  const path = await running.createEnhanced(fields);
  const bindings = () =>
    running.emulator.enhancedConnections()[0]?.bindings.map(({ kind, name, status }) => `${kind} ${name} ${status}`);
  return { ...running, ...changesOf(running, path), path, bindings };
}

describe('binding', () => {
  it('responds as documented and takes its time', async () => {
    const clock = clockAt(1_000);
    const { bind, call, path } = await startBound({ peeringMs: 500, now: clock.now });
    clock.nowMs = 2_000;
    const names = { elastic_resource_pools: ['pool_a'], queues: ['queue_dedicated'] };
    expect(await bind(names)).toMatchObject({
      status: 200,
      json: { is_success: true, message: 'associated peer connection for queues: {pool_a,queue_dedicated}.' },
    });
    const entry = { peer_id: expect.stringMatching(UUID), err_msg: '' };
    clock.nowMs = 2_499;
    const creating = { ...entry, status: 'CREATING', update_time: 2_000 };
    expect((await call('GET', path)).json).toMatchObject({
      elastic_resource_pools: [{ ...creating, name: 'pool_a' }],
      available_queue_info: [{ ...creating, name: 'queue_dedicated' }],
    });
    clock.nowMs = 9_999;
    const active = { ...entry, status: 'ACTIVE', update_time: 2_500 };
    expect((await call('GET', path)).json).toMatchObject({
      elastic_resource_pools: [{ ...active, name: 'pool_a' }],
      available_queue_info: [{ ...active, name: 'queue_dedicated' }],
    });
  });

  it('of a queue of a pool binds the pool', async () => {
    const { bind, unbind, bindings, emulator } = await startBound();
    await bind({ queues: ['queue_a1'] });
    expect(bindings()).toEqual(['pool pool_a ACTIVE']);
    await unbind({ queues: ['queue_a2'] });
    expect(bindings()).toEqual([]);
    const applied = { appliedResources: [{ kind: 'pool', name: 'pool_a' }] };
    expect(emulator.ledger.entries('associateQueue')).toMatchObject([applied]);
    expect(emulator.ledger.entries('disassociateQueue')).toMatchObject([applied]);
  });

  it('ignores the case of names', async () => {
    const { bind, bindings } = await startBound();
    await bind({ elastic_resource_pools: ['POOL_A', 'pool_a'], queues: ['Queue_Dedicated'] });
    expect(bindings()).toEqual(['pool pool_a ACTIVE', 'queue queue_dedicated ACTIVE']);
  });

  it('twice succeeds, adds no second entry and is not a change in the ledger', async () => {
    const { bind, bindings, emulator } = await startBound();
    await bind({ elastic_resource_pools: ['pool_a'] });
    expect((await bind({ elastic_resource_pools: ['pool_a'], queues: ['queue_a1'] })).status).toBe(200);
    expect(bindings()).toEqual(['pool pool_a ACTIVE']);
    const [first, second] = emulator.ledger.entries('associateQueue');
    expect([first?.appliedResources, second?.appliedResources]).toEqual([
      [{ kind: 'pool', name: 'pool_a' }],
      undefined,
    ]);
    expect([first?.appliedConnectionId, second?.appliedConnectionId]).toEqual([
      emulator.enhancedConnections()[0]?.connectionId,
      undefined,
    ]);
  });

  it.each([
    ['nothing', {}, 'DLI.0001', /Parameter 'elastic_resource_pools'/],
    ['two empty lists', { queues: [], elastic_resource_pools: [] }, 'DLI.0001', /at least one/],
    ['a name that is no list', { queues: 'queue_dedicated' }, 'DLI.0001', /Parameter 'queues'/],
    ['the default queue', { queues: ['Default'] }, 'DLI.0007', /default queue/],
    ['an unknown queue', { queues: ['Missing'] }, 'DLI.0002', /^There is no queue named Missing$/],
    ['an unknown pool', { elastic_resource_pools: ['q'] }, 'DLI.0002', /^There is no queue named q$/],
    ['a queue as a pool', { elastic_resource_pools: ['queue_a1'] }, 'DLI.0002', /^There is no queue/],
    ['a pool as a queue', { queues: ['pool_a'] }, 'DLI.0002', /^There is no queue/],
  ])('and unbinding is refused for %s', async (_what, names, code, message) => {
    const { bind, unbind } = await startBound();
    const refusal = { status: 400, json: { error_code: code, error_msg: expect.stringMatching(message) } };
    expect(await bind(names)).toMatchObject(refusal);
    expect(await unbind(names)).toMatchObject(refusal);
  });

  it.each([
    ['a pool that is being scaled', { elastic_resource_pools: ['busy'] }],
    ['a queue of such a pool', { queues: ['in_busy'] }],
    ['a restarting queue', { queues: ['restarting'] }],
  ])('is refused for %s', async (_what, names) => {
    const { bind, bindings, emulator } = await startBound();
    emulator.setResources({
      pools: [{ name: 'busy', cidr: '172.16.0.0/18', status: 'SCALING', queues: ['in_busy'] }],
      queues: [{ name: 'restarting', cidr: '172.16.64.0/18', isRestarting: true }],
    });
    expect(await bind(names)).toMatchObject({ status: 400, json: { error_code: 'DLI.0012' } });
    expect(bindings()).toEqual([]);
  });

  it.each([
    [true, ['pool pool_a ACTIVE'], [{ kind: 'pool', name: 'pool_a' }]],
    [false, [], undefined],
  ])('of several names, one of them bad, with partialBinding %s leaves %j', async (partialBinding, left, applied) => {
    const { bind, bindings, emulator } = await startBound({ partialBinding });
    const names = { elastic_resource_pools: ['pool_a', 'missing', 'pool_b'], queues: ['queue_dedicated'] };
    expect((await bind(names)).status).toBe(400);
    expect(bindings()).toEqual(left);
    expect(emulator.ledger.entries('associateQueue').map(entry => entry.appliedResources)).toEqual([applied]);
  });

  it('stays CREATING if the name matches stuckResources, so that the connection cannot be deleted', async () => {
    const clock = clockAt(1_000);
    const { bind, bindings, call, path } = await startBound({ stuckResources: '^pool_b', now: clock.now });
    await bind({ elastic_resource_pools: ['pool_a', 'pool_b'] });
    clock.nowMs += 3_600_000;
    expect(bindings()).toEqual(['pool pool_a ACTIVE', 'pool pool_b CREATING']);
    expect((await call('DELETE', path)).status).toBe(400);
  });

  it('has no effect if a fault determines the response, unless the fault has apply: true', async () => {
    const { bind, bindings, emulator } = await startBound();
    emulator.inject({ operation: 'associateQueue', error: 'DLI.0999' });
    emulator.inject({ operation: 'associateQueue', status: 504, apply: true });
    await bind({ elastic_resource_pools: ['pool_a'] });
    expect(bindings()).toEqual([]);
    expect((await bind({ elastic_resource_pools: ['pool_a'] })).status).toBe(504);
    expect(bindings()).toEqual(['pool pool_a ACTIVE']);
    expect(emulator.ledger.entries('associateQueue').map(entry => entry.appliedResources)).toEqual([
      undefined,
      [{ kind: 'pool', name: 'pool_a' }],
    ]);
  });
});

describe('a binding fails', () => {
  async function reasonsFor(options: Partial<EmulatorOptions>, names: object) {
    const { bind, emulator } = await startBound(options);
    await bind(names);
    return emulator.enhancedConnections()[0]?.bindings.map(({ name, status, errorMessage }) => ({
      name,
      status,
      errorMessage,
    }));
  }

  it('if the range of the pool overlaps with the range of the subnet', async () => {
    const clock = clockAt(1_000);
    const { bind, call, path } = await startBound({ peeringMs: 500, now: clock.now });
    await bind({ elastic_resource_pools: ['pool_overlapping'] });
    expect((await call('GET', path)).json).toMatchObject({
      elastic_resource_pools: [{ status: 'CREATING', err_msg: '' }],
    });
    clock.nowMs += 500;
    expect((await call('GET', path)).json).toMatchObject({
      status: 'ACTIVE',
      elastic_resource_pools: [
        { status: 'FAILED', err_msg: expect.stringMatching(/CIDR.*overlap/), update_time: 1_500 },
      ],
    });
  });

  it.each([
    ['10.0.0.0/8', 'ACTIVE'],
    ['172.16.63.0/24', 'FAILED'],
    ['172.16.64.0/24', 'ACTIVE'],
    ['172.0.0.0/8', 'FAILED'],
    ['fd00::/8', 'ACTIVE'],
  ])('depending on the configured range %s of the subnet: %s', async (cidr, status) => {
    const subnetCidrs = { [ENHANCED_BODY.dest_network_id]: cidr };
    expect(await reasonsFor({ subnetCidrs }, { elastic_resource_pools: ['pool_a'] })).toMatchObject([{ status }]);
  });

  it('according to the default range, even if the subnet is named like a property of every object', async () => {
    const { bindings } = await startBound(
      {},
      { dest_network_id: 'constructor', elastic_resource_pools: ['pool_a', 'pool_overlapping'] },
    );
    expect(bindings()).toEqual(['pool pool_a ACTIVE', 'pool pool_overlapping FAILED']);
  });

  it('if its range overlaps with that of another bound pool, but not with that of a failed one', async () => {
    const { bind, bindings, emulator } = await startBound();
    emulator.setResources({
      pools: [
        { name: 'failed', cidr: '0.0.0.0/0' },
        { name: 'first', cidr: '172.16.0.0/16' },
        { name: 'second', cidr: '172.16.5.0/24' },
        { name: 'third', cidr: '172.17.0.0/16' },
      ],
    });
    for (const name of ['failed', 'first', 'second', 'third']) await bind({ elastic_resource_pools: [name] });
    expect(bindings()).toEqual(['pool failed FAILED', 'pool first ACTIVE', 'pool second FAILED', 'pool third ACTIVE']);
  });

  it('with the documented words if DLI may not read the subnet', async () => {
    const id = ENHANCED_BODY.dest_network_id;
    expect(await reasonsFor({ agencyPermission: false }, { queues: ['queue_dedicated'] })).toEqual([
      {
        name: 'queue_dedicated',
        status: 'FAILED',
        errorMessage: expect.stringMatching(
          new RegExp(`^Failed to get subnet ${id}\\. Response code 404.*\\{.*the subnet could not be found\\."\\}$`),
        ),
      },
    ]);
  });
});

describe('unbinding', () => {
  it('removes the entry at once and responds as documented', async () => {
    const { unbind, bindings } = await startBound({}, { elastic_resource_pools: ['pool_a', 'pool_b'] });
    expect(await unbind({ elastic_resource_pools: ['Pool_A'] })).toMatchObject({
      status: 200,
      json: { is_success: true, message: 'Disassociated peer connection for queues:{Pool_A}.' },
    });
    expect(bindings()).toEqual(['pool pool_b ACTIVE']);
  });

  it('of something that is not bound succeeds and is not a change in the ledger', async () => {
    const { unbind, emulator } = await startBound();
    expect((await unbind({ elastic_resource_pools: ['pool_a'] })).status).toBe(200);
    const [entry] = emulator.ledger.entries('disassociateQueue');
    expect([entry?.appliedConnectionId, entry?.appliedResources]).toEqual([undefined, undefined]);
  });

  it('is refused for a FAILED binding, after the names before it', async () => {
    const { unbind, bindings } = await startBound(
      {},
      { elastic_resource_pools: ['pool_a', 'pool_overlapping', 'pool_b'] },
    );
    expect(await unbind({ elastic_resource_pools: ['pool_a', 'pool_overlapping', 'pool_b'] })).toMatchObject({
      status: 400,
      json: { error_code: 'DLI.0007' },
    });
    expect(bindings()).toEqual(['pool pool_overlapping FAILED', 'pool pool_b ACTIVE']);
  });

  it('is possible for a pool that no longer exists', async () => {
    const { unbind, bindings, emulator } = await startBound({}, { elastic_resource_pools: ['pool_a'] });
    emulator.setResources({ pools: [] });
    expect((await unbind({ elastic_resource_pools: ['pool_a'] })).status).toBe(200);
    expect(bindings()).toEqual([]);
  });
});

describe('a seeded binding', () => {
  it('keeps a given status, and otherwise takes its time', async () => {
    const clock = clockAt(1_000);
    const { emulator, call } = await startEmulator({ peeringMs: 500, now: clock.now });
    emulator.seedEnhancedConnection({
      bindings: [
        { kind: 'pool', name: 'POOL_A', status: 'CREATING' },
        { kind: 'pool', name: 'pool_overlapping' },
        { kind: 'queue', name: 'gone', status: 'FAILED', errorMessage: 'No route.' },
      ],
    });
    clock.nowMs += 500;
    const [connection] = emulator.enhancedConnections();
    expect(connection?.bindings).toMatchObject([
      { name: 'pool_a', status: 'CREATING', errorMessage: '' },
      { name: 'pool_overlapping', status: 'FAILED', errorMessage: expect.stringContaining('overlap') },
      { name: 'gone', status: 'FAILED', errorMessage: 'No route.' },
    ]);
    const path = `/v2.0/${connection?.projectId}/datasource/enhanced-connections/${connection?.connectionId}`;
    expect(await call('POST', `${path}/disassociate-queue`, { queues: ['gone'] })).toMatchObject({ status: 400 });
  });
});
