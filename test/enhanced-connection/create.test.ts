import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import {
  enhancedCalls,
  POOL_A,
  POOL_B,
  POOL_OVERLAPPING,
  QUEUE_DEDICATED,
  QUEUE_OF_POOL_A,
  VALID_ENHANCED_INPUT,
} from '../helpers/enhanced-gateway.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const SUCCESS = 'CreateEnhancedDatasourceConnectionSuccess';
const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
const UUID = expect.stringMatching(/^[0-9a-f-]{36}$/);
const LOST = { operation: 'createEnhancedConnection', behaviour: 'reset', apply: false } as const;

const shared = shareGateway({ emulator: { peeringMs: 0, uniqueNames: false } });
const sharedWithMarker = shareGateway({
  emulator: { peeringMs: 0, uniqueNames: false },
  env: { DLI_MARKER_TAG: 'true' },
});

/** The calls of the shared gateway, and a name and a key that no other test uses. */
function start(gateway = shared()) {
  const { ledger } = gateway.emulator;
  const name = freshName().replaceAll('-', '_');
  return {
    ...enhancedCalls(gateway),
    emulator: gateway.emulator,
    createClassic: gateway.create,
    call: { name, idempotencyKey: randomUUID() },
    posts: () => ledger.count('createEnhancedConnection'),
    created: () => ledger.entries('createEnhancedConnection').flatMap(entry => entry.appliedConnectionId ?? []),
    bound: () => ledger.entries('associateQueue').flatMap(({ appliedResources = [] }) => appliedResources),
  };
}

describe('an enhanced connection', () => {
  it('is created once for all calls with one key', async () => {
    const { createEnhanced, call, created, posts } = start();
    const first = await createEnhanced(call);
    expect(first).toMatchObject({
      __typename: SUCCESS,
      connectionId: UUID,
      reconciled: false,
      recognisedBy: 'ANSWER',
      notBound: [],
      connection: {
        kind: 'ENHANCED',
        name: call.name,
        state: 'ACTIVE',
        readiness: 'UNBOUND',
        isSettled: true,
        vpcId: VALID_ENHANCED_INPUT.vpcId,
        networkId: VALID_ENHANCED_INPUT.networkId,
        hostCount: 0,
        bindings: [],
      },
    });
    expect(await createEnhanced(call)).toEqual(first);
    expect(await Promise.all([createEnhanced(call), createEnhanced(call)])).toEqual([first, first]);
    expect([posts(), created()]).toEqual([1, [first.connectionId]]);
  });

  it('is bound to the pools and queues of the call, none of which the create request names', async () => {
    const { createEnhanced, call, emulator, bound } = start();
    const payload = await createEnhanced({ ...call, resources: [POOL_B, QUEUE_OF_POOL_A, QUEUE_DEDICATED] });
    expect(payload).toMatchObject({
      __typename: SUCCESS,
      notBound: [],
      connection: {
        readiness: 'READY',
        bindings: expect.arrayContaining([
          expect.objectContaining({ ...POOL_A, state: 'ACTIVE', peeringId: UUID, failure: null }),
          expect.objectContaining({ ...POOL_B, state: 'ACTIVE' }),
          expect.objectContaining({ ...QUEUE_DEDICATED, state: 'ACTIVE' }),
        ]),
        queues: [expect.objectContaining({ name: 'queue_dedicated' })],
      },
    });
    expect(bound()).toHaveLength(3);
    const [{ body } = { body: '' }] = emulator.ledger.entries('createEnhancedConnection');
    expect(Object.keys(JSON.parse(body)).sort()).toEqual(['dest_network_id', 'dest_vpc_id', 'name']);
  });

  it('names what could not be bound, and again when the call is repeated', async () => {
    const { createEnhanced, call } = start();
    const resources = [POOL_A, { kind: 'QUEUE', name: 'no_such_queue' }];
    const first = await createEnhanced({ ...call, resources });
    expect(first).toMatchObject({
      __typename: SUCCESS,
      notBound: [{ kind: 'QUEUE', name: 'no_such_queue', code: 'RESOURCE_NOT_FOUND', message: expect.any(String) }],
      connection: { readiness: 'READY', bindings: [expect.objectContaining(POOL_A)] },
    });
    expect(await createEnhanced({ ...call, resources })).toEqual(first);
  });

  it('shows why a binding has failed, and what to do', async () => {
    const { createEnhanced, call } = start();
    const { connection } = await createEnhanced({ ...call, resources: [POOL_A, POOL_OVERLAPPING] });
    expect(connection?.readiness).toBe('PARTLY_READY');
    const failed = connection?.bindings.find(({ name }) => name === POOL_OVERLAPPING.name);
    expect(failed).toMatchObject({
      state: 'FAILED',
      // DLI's reason names address ranges, which are not shown.
      failure: { cause: 'CIDR_OVERLAP', reason: null, advice: expect.stringMatching(/address range/) },
    });
  });

  it('is not bound again by a repeat of its create after it was unbound', async () => {
    const { createEnhanced, unbind, read, call, bound } = start();
    const input = { ...call, resources: [POOL_A] };
    const { connectionId = '' } = await createEnhanced(input);
    await unbind(connectionId, POOL_A);
    expect(await createEnhanced(input)).toMatchObject({ __typename: SUCCESS, connectionId, notBound: [] });
    expect(await read(connectionId)).toMatchObject({ readiness: 'UNBOUND', bindings: [] });
    expect(bound()).toHaveLength(1);
  });

  it.each([
    ['another name', { name: 'other' }],
    ['another VPC', { vpcId: randomUUID() }],
    ['another pool', { resources: [POOL_B] }],
    ['other hosts', { hosts: [{ name: 'node1', ip: '192.168.0.9' }] }],
  ])('has a key that cannot be used for %s', async (_what, changes) => {
    const { createEnhanced, call, posts } = start();
    await createEnhanced({ ...call, resources: [POOL_A] });
    expect(await createEnhanced({ ...call, resources: [POOL_A], ...changes })).toMatchObject({
      __typename: 'IdempotencyKeyReusedError',
    });
    expect(posts()).toBe(1);
  });

  it('has a key that cannot be used for a classic connection, but its name can', async () => {
    const { createEnhanced, createClassic, call } = start();
    await createEnhanced(call);
    expect(await createClassic(call)).toMatchObject({ __typename: 'IdempotencyKeyReusedError' });
    expect(await createClassic({ ...call, idempotencyKey: randomUUID() })).toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
    });
  });

  it('is not created if DLI refuses it', async () => {
    const { createEnhanced, call, emulator, created } = start();
    emulator.inject({ operation: 'createEnhancedConnection', error: 'DLI.1028' });
    const first = await createEnhanced({ ...call, resources: [POOL_A] });
    expect(first).toMatchObject({ __typename: 'DliRejectedError', dliCode: 'DLI.1028' });
    expect(await createEnhanced({ ...call, resources: [POOL_A] })).toEqual(first);
    expect([created(), emulator.ledger.count('associateQueue')]).toEqual([[], 0]);
  });

  it('has a name that DLI may refuse as taken', async () => {
    const { createEnhanced, call, emulator } = start();
    emulator.inject({ operation: 'createEnhancedConnection', error: 'DLI.0006' });
    expect(await createEnhanced(call)).toMatchObject({ __typename: 'NameTakenError', name: call.name });
  });
});

const AMBIGUOUS: readonly [what: string, fault: Partial<Fault>][] = [
  ['a reset', { behaviour: 'reset' }],
  ['a truncated body', { behaviour: 'truncate', truncateAt: 20 }],
  ['408', { status: 408 }],
  ['500', { status: 500 }],
  ['504 with an HTML page', { status: 504, body: '<html>Gateway Timeout</html>' }],
  ['400 DLI.0999', { error: 'DLI.0999' }],
  ['400 DLI.0019', { error: 'DLI.0019' }],
  ['a peering error', { error: 'DLI.22101' }],
  ['201 without an id', { body: { is_success: true, message: '' } }],
  ['201 with is_success: false', { body: { is_success: false, message: 'no' } }],
];

describe('an enhanced create whose response proves nothing', () => {
  it.each(AMBIGUOUS)('is found by name, VPC, subnet and time: %s', async (_what, fault) => {
    const { createEnhanced, call, emulator, posts, created } = start();
    emulator.inject({ operation: 'createEnhancedConnection', apply: true, ...fault });
    const payload = await createEnhanced({ ...call, resources: [POOL_A] });
    expect(payload).toMatchObject({
      __typename: SUCCESS,
      connectionId: created()[0],
      reconciled: true,
      recognisedBy: 'LIKENESS',
      notBound: [],
      connection: { bindings: [expect.objectContaining(POOL_A)] },
    });
    expect(await createEnhanced({ ...call, resources: [POOL_A] })).toEqual(payload);
    expect(posts()).toBe(1);
  });

  it('is found by its label', async () => {
    const { createEnhanced, call, emulator, created } = start(sharedWithMarker());
    // Somebody else's connection, which only the label tells apart.
    emulator.seedEnhancedConnection({ ...VALID_ENHANCED_INPUT, name: call.name });
    emulator.inject({ ...LOST, apply: true });
    const tags = [{ key: 'team', value: 'billing' }];
    expect(await createEnhanced({ ...call, tags })).toMatchObject({
      __typename: SUCCESS,
      connectionId: created()[0],
      reconciled: true,
      recognisedBy: 'LABEL',
    });
  });

  it('is never sent again if the list does not show it', async () => {
    const { createEnhanced, call, emulator, posts } = start();
    emulator.inject(LOST);
    const payload = await createEnhanced({ ...call, resources: [POOL_A] });
    expect(payload).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST', idempotencyKey: call.idempotencyKey });
    expect(await createEnhanced({ ...call, resources: [POOL_A] })).toMatchObject(UNKNOWN);
    expect([posts(), emulator.ledger.count('associateQueue')]).toEqual([1, 0]);
  });

  it('is not reported as refused until it has been missing from the list for some time', async () => {
    const { createEnhanced, call, emulator } = start();
    emulator.inject({
      operation: 'createEnhancedConnection',
      apply: false,
      body: { is_success: false, message: 'no' },
    });
    expect(await createEnhanced(call)).toMatchObject({ ...UNKNOWN, reason: 'UNREADABLE_RESPONSE' });
  });

  it.each([
    ['deleted', { status: 'DELETED' }],
    ['in another VPC', { vpcId: randomUUID() }],
    ['in another subnet', { networkId: randomUUID() }],
    ['made long before', { createdAtMs: 1_000 }],
  ])('is not mistaken for one of the same name that was %s', async (_what, seed) => {
    const { createEnhanced, call, emulator } = start();
    emulator.seedEnhancedConnection({ ...VALID_ENHANCED_INPUT, name: call.name, ...seed });
    emulator.inject(LOST);
    expect(await createEnhanced(call)).toMatchObject(UNKNOWN);
  });
});
