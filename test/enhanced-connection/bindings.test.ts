import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { createTestClock } from '../helpers/clock.js';
import type { EnhancedPayload } from '../helpers/enhanced-gateway.js';
import {
  enhancedCalls,
  POOL_A,
  POOL_B,
  POOL_OVERLAPPING,
  QUEUE_DEDICATED,
  QUEUE_OF_POOL_A,
} from '../helpers/enhanced-gateway.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const BOUND = 'BindDatasourceConnectionSuccess';
const UNBOUND = 'UnbindDatasourceConnectionSuccess';
const UNKNOWN_ID = '6a2cb1d1-5ecb-4b1e-8a4f-0a5b52d9a1b0';
const NO_POOL = { kind: 'ELASTIC_RESOURCE_POOL', name: 'no_such_pool' };
const clock = createTestClock();
// The emulator never shows a change later than a response.
const limits = { bindingRecheckMs: 60 };
const shared = shareGateway({ emulator: { peeringMs: 0, stuckResources: 'pool_b' }, limits }, clock);

type Sent = 'associateQueue' | 'disassociateQueue';

/** A new connection of the shared gateway. */
async function start(...resources: { kind: string; name: string }[]) {
  const gateway = shared();
  const calls = enhancedCalls(gateway);
  const name = freshName().replaceAll('-', '_');
  const { connectionId = '' } = await calls.createEnhanced({ name, resources, idempotencyKey: randomUUID() });
  const { emulator } = gateway;
  const sent = (operation: Sent) => emulator.ledger.entries(operation).map(({ body }) => JSON.parse(body) as unknown);
  const already = { associateQueue: sent('associateQueue').length, disassociateQueue: 0 };
  return {
    ...calls,
    emulator,
    createClassic: gateway.create,
    id: connectionId,
    /** The bodies of the requests since the connection was created. */
    sent: (operation: Sent) => sent(operation).slice(already[operation]),
  };
}

describe('binding a connection', () => {
  it('sends one name per request, in lower case, and a queue as its pool', async () => {
    const { bind, id, sent } = await start();
    const payload = await bind(id, { ...POOL_A, name: 'POOL_A' }, QUEUE_DEDICATED, QUEUE_OF_POOL_A);
    expect(payload).toMatchObject({ __typename: BOUND, connection: { id, readiness: 'READY' } });
    expect(namesOf(payload)).toEqual(['pool_a', 'queue_dedicated']);
    expect(sent('associateQueue')).toEqual(
      expect.arrayContaining([{ elastic_resource_pools: ['pool_a'] }, { queues: ['queue_dedicated'] }]),
    );
    expect(sent('associateQueue')).toHaveLength(2);
  });

  it('accepts the id in upper case', async () => {
    const { bind, unbind, remove, id } = await start();
    expect(await bind(id.toUpperCase(), POOL_A)).toMatchObject({ __typename: BOUND, connection: { id } });
    expect(await unbind(id.toUpperCase(), POOL_A)).toMatchObject({ __typename: UNBOUND });
    expect(await remove(id.toUpperCase())).toMatchObject({ __typename: 'DeleteDatasourceConnectionSuccess' });
  });

  it('succeeds again without a request when it is repeated', async () => {
    const { bind, id, sent } = await start();
    const first = await bind(id, POOL_A);
    expect(await bind(id, POOL_A)).toEqual(first);
    expect(sent('associateQueue')).toHaveLength(1);
  });

  it('succeeds even if the binding fails later, which the binding reports', async () => {
    const { bind, id } = await start();
    expect(await bind(id, POOL_OVERLAPPING)).toMatchObject({
      __typename: BOUND,
      bindings: [{ state: 'FAILED', failure: { cause: 'CIDR_OVERLAP' } }],
      connection: { readiness: 'FAILED', isSettled: true },
    });
  });

  it('binds nothing if a name does not exist', async () => {
    const { bind, id, sent } = await start();
    expect(await bind(id, POOL_A, NO_POOL)).toMatchObject({
      __typename: 'ConnectionResourceNotFoundError',
      code: 'RESOURCE_NOT_FOUND',
      names: [NO_POOL.name],
    });
    expect(sent('associateQueue')).toEqual([]);
  });

  it('leaves it to DLI to check a name when the lists of pools and queues cannot be read', async () => {
    const { bind, id, emulator } = await start();
    emulator.inject({ operation: 'listElasticResourcePools', error: 'DLI.10005', times: 0 });
    emulator.inject({ operation: 'listQueues', error: 'DLI.10005', times: 0 });
    const name = `other_${randomUUID().slice(0, 8)}`;
    expect(await bind(id, { ...NO_POOL, name })).toMatchObject({
      __typename: 'ConnectionResourceNotFoundError',
      names: [name],
    });
  });

  it.each([
    ['does not exist', async () => UNKNOWN_ID],
    ['is a classic one', async () => (await shared().create({ name: freshName() })).connectionId ?? ''],
    ['was deleted', ({ id, remove }: Awaited<ReturnType<typeof start>>) => remove(id).then(() => id)],
  ])('is impossible if the connection %s', async (_what, prepare) => {
    const started = await start();
    const id = await prepare(started);
    expect(await started.bind(id, POOL_A)).toMatchObject({ __typename: 'ConnectionNotFoundError', connectionId: id });
    // Past the pause between two reads of the list.
    clock.advance(1_000);
    expect(await started.unbind(id, POOL_A)).toMatchObject({ __typename: 'ConnectionNotFoundError' });
  });
});

const AMBIGUOUS: readonly [what: string, fault: Partial<Fault>][] = [
  ['a reset', { behaviour: 'reset' }],
  ['500', { status: 500 }],
  ['408', { status: 408 }],
  ['400 DLI.0999', { error: 'DLI.0999' }],
  ['a peering error', { error: 'DLI.22101' }],
  ['is_success: false', { body: { is_success: false, message: 'no' } }],
  ['a page of HTML', { status: 200, body: '<html></html>' }],
  ['200 without a body', { status: 200, body: '' }],
];

describe('a bind whose response proves nothing', () => {
  it.each(AMBIGUOUS)('succeeds if the binding exists: %s', async (_what, fault) => {
    const { bind, id, emulator, sent } = await start();
    emulator.inject({ operation: 'associateQueue', apply: true, ...fault });
    expect(await bind(id, POOL_A)).toMatchObject({ __typename: BOUND, bindings: [{ ...POOL_A }] });
    expect(sent('associateQueue')).toHaveLength(1);
  });

  it.each(AMBIGUOUS)('is sent once more if the binding does not exist: %s', async (_what, fault) => {
    const { bind, id, emulator, sent } = await start();
    emulator.inject({ operation: 'associateQueue', apply: false, ...fault });
    expect(await bind(id, POOL_A)).toMatchObject({ __typename: BOUND, bindings: [{ ...POOL_A }] });
    expect(sent('associateQueue')).toHaveLength(2);
  });

  it('has an unknown outcome if the second one proves nothing either', async () => {
    const { bind, id, emulator, sent } = await start();
    emulator.inject({ operation: 'associateQueue', behaviour: 'reset', apply: false, times: 2 });
    const payload = await bind(id, POOL_A);
    expect(payload).toMatchObject({
      __typename: 'ChangeOutcomeUnknownError',
      code: 'OUTCOME_UNKNOWN',
      reason: 'CONNECTION_LOST',
      retryAfterSeconds: expect.any(Number),
    });
    expect(sent('associateQueue')).toHaveLength(2);
    expect(await bind(id, POOL_A)).toMatchObject({ __typename: BOUND });
  });

  it('has an unknown outcome if the connection cannot be read afterwards', async () => {
    const { bind, id, emulator } = await start();
    emulator.inject({ operation: 'associateQueue', behaviour: 'reset', apply: true, times: 2 });
    emulator.inject({ operation: 'getEnhancedConnection', status: 500, skip: 1, times: 0 });
    expect(await bind(id, POOL_A)).toMatchObject({ __typename: 'ChangeOutcomeUnknownError' });
  });
});

describe('a bind that DLI refuses', () => {
  it('is a success if the pool was bound nevertheless', async () => {
    const { bind, id, emulator } = await start();
    emulator.inject({ operation: 'associateQueue', error: 'DLI.0006', apply: true });
    expect(await bind(id, POOL_A)).toMatchObject({ __typename: BOUND });
  });

  it('is refused after two checks that do not show the binding', async () => {
    const { bind, id, emulator } = await start();
    emulator.inject({ operation: 'associateQueue', error: 'DLI.0012' });
    const payload = await bind(id, POOL_A);
    expect(payload).toMatchObject({ __typename: 'DliRejectedError', dliCode: 'DLI.0012' });
    expect(payload.message).toContain('Nothing was bound');
  });

  it('names what the same call has bound nevertheless', async () => {
    const { bind, id, emulator, read } = await start();
    emulator.inject({ operation: 'associateQueue', error: 'DLI.0012' });
    const payload = await bind(id, QUEUE_DEDICATED, POOL_A);
    expect(payload).toMatchObject({ __typename: 'DliRejectedError', dliCode: 'DLI.0012' });
    const bound = (await read(id))?.bindings.map(({ name }) => name) ?? [];
    expect(bound).toHaveLength(1);
    expect(payload.message).toContain(bound[0]);
  });

  it('is not refused but postponed if DLI receives too many requests', async () => {
    const { bind, id, emulator } = await start();
    emulator.inject({ operation: 'associateQueue', error: 'APIGW.0308' });
    expect(await bind(id, POOL_A)).toMatchObject({
      __typename: 'DliUnavailableError',
      code: 'UPSTREAM_THROTTLED',
      retryAfterSeconds: expect.any(Number),
    });
  });
});

describe('unbinding a connection', () => {
  it('unbinds the pool of a queue, and succeeds again when it is repeated', async () => {
    const { unbind, id, sent } = await start(POOL_A, QUEUE_DEDICATED);
    const first = await unbind(id, QUEUE_OF_POOL_A);
    expect(first).toMatchObject({ __typename: UNBOUND, connection: { bindings: [{ ...QUEUE_DEDICATED }] } });
    expect(await unbind(id, QUEUE_OF_POOL_A)).toEqual(first);
    expect(sent('disassociateQueue')).toEqual([{ elastic_resource_pools: ['pool_a'] }]);
  });

  it('is not done for a queue whose pool may be bound while the lists of pools and queues fail', async () => {
    const { emulator } = shared();
    const { connectionId } = emulator.seedEnhancedConnection({ bindings: [{ kind: 'pool', name: 'pool_a' }] });
    for (const operation of ['listElasticResourcePools', 'listQueues'] as const)
      emulator.inject({ operation, status: 500, times: 0 });
    const { unbind } = enhancedCalls(shared());
    expect(await unbind(connectionId, QUEUE_OF_POOL_A)).toMatchObject({ __typename: 'DliUnavailableError' });
    expect(emulator.ledger.count('disassociateQueue')).toBe(0);
  });

  it('counts as done only when the connection shows it, not when DLI says so', async () => {
    const { unbind, id, emulator } = await start(POOL_A);
    const body = { is_success: true, message: 'Disassociated peer connection for queues:{pool_a}.' };
    emulator.inject({ operation: 'disassociateQueue', apply: false, body });
    expect(await unbind(id, POOL_A)).toMatchObject({ __typename: 'ChangeOutcomeUnknownError' });
  });

  it('is sent if the bindings cannot be read, and its outcome is unknown', async () => {
    const { unbind, id, emulator, sent } = await start(POOL_A);
    const body = { is_success: true, id, status: 'ACTIVE', elastic_resource_pools: ['pool_a'] };
    emulator.inject({ operation: 'getEnhancedConnection', body, times: 0 });
    emulator.inject({ operation: 'disassociateQueue', status: 500, apply: true, times: 0 });
    expect(await unbind(id, POOL_A)).toMatchObject({ __typename: 'ChangeOutcomeUnknownError' });
    expect(sent('disassociateQueue')).toHaveLength(2);
  });

  it('is impossible for a binding that has failed', async () => {
    const { unbind, id } = await start(POOL_OVERLAPPING);
    expect(await unbind(id, POOL_OVERLAPPING)).toMatchObject({
      __typename: 'ConnectionBusyError',
      code: 'CONNECTION_BUSY',
      bindings: [{ ...POOL_OVERLAPPING, state: 'FAILED' }],
      waitSeconds: null,
    });
  });

  it.each(AMBIGUOUS)('succeeds if the binding is gone even if the response proves nothing: %s', async (_w, fault) => {
    const { unbind, id, emulator } = await start(POOL_A);
    emulator.inject({ operation: 'disassociateQueue', apply: true, ...fault });
    expect(await unbind(id, POOL_A)).toMatchObject({ __typename: UNBOUND, connection: { readiness: 'UNBOUND' } });
  });

  it('has an unknown outcome if neither of two requests proves anything', async () => {
    const { unbind, id, emulator, sent } = await start(POOL_A);
    emulator.inject({ operation: 'disassociateQueue', status: 500, apply: false, times: 2 });
    expect(await unbind(id, POOL_A)).toMatchObject({ __typename: 'ChangeOutcomeUnknownError' });
    expect(sent('disassociateQueue')).toHaveLength(2);
  });
});

describe('deleting a connection', () => {
  it('finds an enhanced one by its id, and succeeds again when it is repeated', async () => {
    const { remove, id } = await start(POOL_A);
    const success = { __typename: 'DeleteDatasourceConnectionSuccess', connectionId: id };
    expect(await remove(id)).toMatchObject({ ...success, connection: { kind: 'ENHANCED', state: 'DELETED' } });
    expect(await remove(id)).toMatchObject(success);
  });

  it('is refused with ifUnbound if the connection is bound', async () => {
    const { remove, unbind, id, emulator } = await start(POOL_A);
    expect(await remove(id, { ifUnbound: true })).toMatchObject({
      __typename: 'ConnectionInUseError',
      code: 'CONNECTION_IN_USE',
      bindings: [{ ...POOL_A }],
    });
    expect(emulator.ledger.count('deleteEnhancedConnection')).toBe(0);
    await unbind(id, POOL_A);
    expect(await remove(id, { ifUnbound: true })).toMatchObject({ __typename: 'DeleteDatasourceConnectionSuccess' });
  });

  it('is refused with ifUnbound if the bindings cannot be read', async () => {
    const { remove, id, emulator } = await start(POOL_A);
    emulator.inject({ operation: 'getEnhancedConnection', body: { is_success: true, id, status: 'ACTIVE' } });
    expect(await remove(id, { ifUnbound: true })).toMatchObject({ __typename: 'DliUnavailableError' });
    expect(emulator.ledger.count('deleteEnhancedConnection')).toBe(0);
  });

  it('has to wait while a binding is being created', async () => {
    const { remove, id } = await start(POOL_B);
    expect(await remove(id)).toMatchObject({
      __typename: 'ConnectionBusyError',
      bindings: [{ ...POOL_B, state: 'CREATING' }],
      waitSeconds: expect.any(Number),
    });
  });
});

function namesOf({ bindings = [] }: EnhancedPayload): string[] {
  return bindings.map(({ name }) => name).sort();
}
