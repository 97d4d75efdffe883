import { describe, expect, it } from '@jest/globals';
import type { IdempotencyGateway } from '../helpers/idempotency-gateway.js';
import {
  EXECUTED_BUT_LOST,
  freshCall,
  LOST,
  postCreate,
  shareIdempotencyGateway,
  startIdempotencyGateway,
  UNKNOWN,
} from '../helpers/idempotency-gateway.js';
import { proofSize } from '../helpers/proof-size.js';

const CALLERS = proofSize(8, 20);
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const shared = shareIdempotencyGateway();

/** A gateway, and the creates of all callers. */
interface Callers {
  gateway: IdempotencyGateway;
  calls: readonly ReturnType<typeof freshCall>[];
}

/** Prepares callers of a gateway after a create has proven its credential, so that it sends many creates at a time. */
async function prepareCallers(gateway: IdempotencyGateway): Promise<Callers> {
  await gateway.create(freshCall());
  return { gateway, calls: Array.from({ length: CALLERS }, freshCall) };
}

/** Sends all creates, disconnects their callers at a given moment, and then repeats the creates. */
async function disconnectAndRepeat({ gateway, calls }: Callers, moment: () => Promise<unknown>) {
  const { graphqlUrl, createUntilDecided } = gateway;
  const controller = new AbortController();
  const unfinished = calls.map(call => postCreate(graphqlUrl, call, controller.signal).catch(() => undefined));
  await moment();
  controller.abort();
  await Promise.all(unfinished);
  return Promise.all(calls.map(createUntilDecided));
}

/** Disconnects callers of the shared gateway at a given moment, and asserts that each gets its own connection. */
async function expectOwnConnections(callers: Callers, moment: () => Promise<unknown>): Promise<void> {
  const payloads = await disconnectAndRepeat(callers, moment);
  const { emulator, posts } = callers.gateway;
  const idOf = new Map(emulator.connections().map(({ name, connectionId }) => [name, connectionId]));
  expect(payloads).toEqual(
    callers.calls.map(({ name }) => expect.objectContaining({ ...SUCCESS, connectionId: idOf.get(name) })),
  );
  expect([posts(), emulator.connections().length]).toEqual([1 + CALLERS, 1 + CALLERS]);
}

describe('callers that disconnect and repeat their creates', () => {
  it('immediately get one connection each', async () => {
    await expectOwnConnections(await prepareCallers(shared()), async () => undefined);
  });

  it('when their requests have just arrived get one connection each', async () => {
    const { send } = shared();
    await expectOwnConnections(await prepareCallers(shared()), () => send({ query: '{ __typename }' }));
  });

  it.each([1, CALLERS / 2, CALLERS])('when DLI has received %i of them get one connection each', async n => {
    const { emulator } = shared();
    const callers = await prepareCallers(shared());
    emulator.inject({ operation: 'createConnection', delayMs: 300, times: CALLERS });
    await expectOwnConnections(callers, () => emulator.ledger.waitFor('createConnection', 1 + n));
  });

  it('while the list is being read get one connection each', async () => {
    const { emulator } = shared();
    const callers = await prepareCallers(shared());
    emulator.inject({ ...EXECUTED_BUT_LOST, times: CALLERS });
    await expectOwnConnections(callers, () => emulator.ledger.waitFor('listConnections', 1));
  });

  it('while reconciliation finds nothing get an unknown outcome', async () => {
    const callers = await prepareCallers(await startIdempotencyGateway());
    const { emulator, posts } = callers.gateway;
    emulator.inject({ ...LOST, times: CALLERS });
    const payloads = await disconnectAndRepeat(callers, () => emulator.ledger.waitFor('createConnection', 1 + CALLERS));
    const unknown = { ...UNKNOWN, reason: 'CONNECTION_LOST' };
    expect(payloads).toEqual(callers.calls.map(() => expect.objectContaining(unknown)));
    expect([posts(), emulator.connections().length]).toEqual([1 + CALLERS, 1]);
  });

  it('after their creates were answered get one connection each', async () => {
    const { emulator, send } = shared();
    await expectOwnConnections(await prepareCallers(shared()), async () => {
      await emulator.ledger.waitFor('createConnection', 1 + CALLERS);
      await send({ query: '{ __typename }' });
    });
  });
});
