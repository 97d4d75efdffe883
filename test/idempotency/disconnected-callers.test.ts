import { describe, expect, it } from '@jest/globals';
import type { IdempotencyGateway } from './helpers/idempotency-gateway.js';
import {
  EXECUTED_BUT_LOST,
  KEY,
  LOST,
  postCreate,
  startIdempotencyGateway,
  UNKNOWN,
} from './helpers/idempotency-gateway.js';

const CALLERS = 20;
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const CALLS = Array.from({ length: CALLERS }, (_, index) => ({
  name: `orders_${index}`,
  idempotencyKey: `${KEY}-${index}`,
}));

/** Sends all creates, disconnects their callers at a given moment, and then repeats the creates. */
async function disconnectAndRepeat(gateway: IdempotencyGateway, moment: () => Promise<unknown>) {
  const { graphqlUrl, createUntilDecided } = gateway;
  const controller = new AbortController();
  const calls = CALLS.map(call => postCreate(graphqlUrl, call, controller.signal).catch(() => undefined));
  await moment();
  controller.abort();
  await Promise.all(calls);
  return Promise.all(CALLS.map(createUntilDecided));
}

/** Starts a gateway whose credential has worked, so that it sends many creates at a time. */
async function startProven(): Promise<IdempotencyGateway> {
  const gateway = await startIdempotencyGateway();
  await gateway.create({ name: 'before' });
  return gateway;
}

function expectOwnConnections({ emulator, posts }: IdempotencyGateway, payloads: object[]): void {
  const idOf = new Map(emulator.connections().map(({ name, connectionId }) => [name, connectionId]));
  expect(payloads).toEqual(
    CALLS.map(({ name }) => expect.objectContaining({ ...SUCCESS, connectionId: idOf.get(name) })),
  );
  expect([posts(), emulator.connections().length]).toEqual([1 + CALLERS, 1 + CALLERS]);
}

describe('callers that disconnect and repeat their creates', () => {
  it('immediately get one connection each', async () => {
    const gateway = await startProven();
    expectOwnConnections(gateway, await disconnectAndRepeat(gateway, async () => undefined));
  });

  it('when their requests have just arrived get one connection each', async () => {
    const gateway = await startProven();
    const { send } = gateway;
    const oneRoundTrip = () => send({ query: '{ __typename }' });
    expectOwnConnections(gateway, await disconnectAndRepeat(gateway, oneRoundTrip));
  });

  it.each([1, 10, CALLERS])('when DLI has received %i of them get one connection each', async n => {
    const gateway = await startProven();
    const { emulator } = gateway;
    emulator.inject({ operation: 'createConnection', delayMs: 300, times: CALLERS });
    const moment = () => emulator.ledger.waitFor('createConnection', 1 + n);
    expectOwnConnections(gateway, await disconnectAndRepeat(gateway, moment));
  });

  it('while the list is being read get one connection each', async () => {
    const gateway = await startProven();
    const { emulator } = gateway;
    emulator.inject({ ...EXECUTED_BUT_LOST, times: CALLERS });
    expectOwnConnections(
      gateway,
      await disconnectAndRepeat(gateway, () => emulator.ledger.waitFor('listConnections', 1)),
    );
  });

  it('while reconciliation finds nothing get an unknown outcome', async () => {
    const gateway = await startProven();
    const { emulator, posts } = gateway;
    emulator.inject({ ...LOST, times: CALLERS });
    const payloads = await disconnectAndRepeat(gateway, () => emulator.ledger.waitFor('createConnection', 1 + CALLERS));
    expect(payloads).toEqual(CALLS.map(() => expect.objectContaining({ ...UNKNOWN, reason: 'CONNECTION_LOST' })));
    expect([posts(), emulator.connections().length]).toEqual([1 + CALLERS, 1]);
  });

  it('after their creates were answered get one connection each', async () => {
    const gateway = await startProven();
    const { emulator, send } = gateway;
    const answered = async () => {
      await emulator.ledger.waitFor('createConnection', 1 + CALLERS);
      await send({ query: '{ __typename }' });
    };
    expectOwnConnections(gateway, await disconnectAndRepeat(gateway, answered));
  });
});
