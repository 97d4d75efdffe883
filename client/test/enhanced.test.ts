import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import type { ConnectionResourceInput, DatasourceConnectionFieldsFragment, Retry } from 'dli-gateway-client';
import { createClient } from 'dli-gateway-client';
import type { Stack } from './helpers/stack.js';
import { ENHANCED_INPUT, POOL, startStack } from './helpers/stack.js';

const OVERLAPPING: ConnectionResourceInput = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_overlapping' };

let stack: Stack;
before(async () => {
  stack = await startStack();
  await stack.settings({ peeringMs: 0 });
});

const client = () => createClient({ url: stack.url });

/** A connection whose binding to a pool is in this state; replaces that of the id. */
async function seedBound(status: string, connectionId?: string): Promise<string> {
  const binding = { kind: 'pool', name: POOL.name, status };
  const [id = ''] = await stack.seedEnhanced({ ...(connectionId && { connectionId }), bindings: [binding] });
  return id;
}

function readinessOf(connection: DatasourceConnectionFieldsFragment): string | undefined {
  return connection.__typename === 'EnhancedDatasourceConnection' ? connection.readiness : undefined;
}

it('creates one enhanced connection although the answer is lost, and binds it', async () => {
  await stack.fault({ operation: 'createEnhancedConnection', behaviour: 'reset', apply: true });
  await stack.fault({ operation: 'listEnhancedConnections', status: 500, times: 3 });
  const retries: Retry[] = [];
  const created = await client().createEnhancedDatasourceConnection(
    { ...ENHANCED_INPUT, name: 'lost_answer', resources: [POOL] },
    { onRetry: retry => retries.push(retry) },
  );

  assert.ok(created.__typename === 'CreateEnhancedDatasourceConnectionSuccess');
  assert.deepEqual([created.reconciled, created.notBound], [true, []]);
  assert.ok(retries.length > 0);
  const creates = await stack.ledger('createEnhancedConnection');
  assert.deepEqual(
    creates.map(entry => entry.appliedConnectionId),
    [created.connectionId],
  );
  const bindings = [];
  for await (const connection of client().follow(created.connectionId, { untilBound: [POOL] }))
    if (connection.__typename === 'EnhancedDatasourceConnection') bindings.push(...connection.bindings);
  assert.deepEqual(
    bindings.map(({ name, state }) => [name, state]),
    [['pool_a', 'ACTIVE']],
  );
});

it('follows a binding until it is active, even if the gateway is killed and restarted', async () => {
  const id = await seedBound('CREATING');
  const seen: (string | undefined)[] = [];
  for await (const connection of client().follow(id, { untilBound: [POOL] })) {
    seen.push(readinessOf(connection));
    if (seen.length > 1) continue;
    await stack.restart();
    await seedBound('ACTIVE', id);
  }
  assert.deepEqual([seen.at(0), seen.at(-1)], ['BINDING', 'READY']);
});

it('repeats a bind and an unbind until their outcome is known', async () => {
  const [id = ''] = await stack.seedEnhanced({});
  for (const operation of ['associateQueue', 'disassociateQueue'])
    await stack.fault({ operation, behaviour: 'reset', apply: false, times: 2 });
  const answers: unknown[] = [];
  const onRetry = ({ answer }: Retry<{ __typename: string }>) => answers.push(answer?.__typename);
  const bound = await client().bindDatasourceConnection(id, [POOL], { onRetry });
  assert.ok(bound.__typename === 'BindDatasourceConnectionSuccess');
  assert.equal(readinessOf(bound.connection), 'READY');
  const unbound = await client().unbindDatasourceConnection(id, [POOL], { onRetry });
  assert.ok(unbound.__typename === 'UnbindDatasourceConnectionSuccess');
  assert.equal(readinessOf(unbound.connection), 'UNBOUND');
  assert.deepEqual(answers, ['ChangeOutcomeUnknownError', 'ChangeOutcomeUnknownError']);
});

it('waits with a delete while a binding is being made', async () => {
  const id = await seedBound('CREATING');
  const answers: unknown[] = [];
  const activated: Promise<unknown>[] = [];
  const deleted = await client().deleteDatasourceConnection(id, {
    onRetry({ answer }) {
      answers.push(answer?.__typename);
      activated.push(seedBound('ACTIVE', id));
    },
  });
  await Promise.all(activated);
  assert.equal(deleted.__typename, 'DeleteDatasourceConnectionSuccess');
  assert.deepEqual(answers, ['ConnectionBusyError']);
});

it('does not wait where waiting does not help', async () => {
  const [id = ''] = await stack.seedEnhanced({});
  await client().bindDatasourceConnection(id, [OVERLAPPING]);
  const onRetry = () => assert.fail('It waits.');
  const unbound = await client().unbindDatasourceConnection(id, [OVERLAPPING], { onRetry });
  assert.ok(unbound.__typename === 'ConnectionBusyError');
  assert.equal(unbound.bindings[0]?.failure?.cause, 'CIDR_OVERLAP');
});

it('deletes a connection that is in use only if it may', async () => {
  const id = await seedBound('ACTIVE');
  const refused = await client().deleteDatasourceConnection(id, { ifUnbound: true });
  assert.ok(refused.__typename === 'ConnectionInUseError');
  assert.deepEqual(
    refused.bindings.map(({ name }) => name),
    ['pool_a'],
  );
  const deleted = await client().deleteDatasourceConnection(id);
  assert.equal(deleted.__typename, 'DeleteDatasourceConnectionSuccess');
});
