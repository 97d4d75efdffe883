import { describe, expect, it } from '@jest/globals';
import type { OnceGateway } from './helpers/idempotency-gateway.js';
import {
  DONE_BUT_LOST,
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

/** Lets all callers call at once and leave as soon as something has happened, then repeat their calls. */
async function leaveAndRepeat(gateway: OnceGateway, moment: () => Promise<unknown>) {
  const { graphqlUrl, createUntilDecided } = gateway;
  const leaving = new AbortController();
  const left = CALLS.map(call => postCreate(graphqlUrl, call, leaving.signal).catch(() => undefined));
  await moment();
  leaving.abort();
  await Promise.all(left);
  return Promise.all(CALLS.map(createUntilDecided));
}

/** Starts a gateway whose credential has worked, so that it lets many calls through at a time. */
async function startBusy(): Promise<OnceGateway> {
  const gateway = await startIdempotencyGateway();
  await gateway.create({ name: 'before' });
  return gateway;
}

function expectEachItsOwn({ emulator, posts }: OnceGateway, payloads: object[]): void {
  const idOf = new Map(emulator.connections().map(({ name, connectionId }) => [name, connectionId]));
  expect(payloads).toEqual(
    CALLS.map(({ name }) => expect.objectContaining({ ...SUCCESS, connectionId: idOf.get(name) })),
  );
  expect([posts(), emulator.connections().length]).toEqual([1 + CALLERS, 1 + CALLERS]);
}

describe('T-A18: callers who leave and repeat', () => {
  it('at once get the connection of a single create each', async () => {
    const gateway = await startBusy();
    expectEachItsOwn(gateway, await leaveAndRepeat(gateway, async () => undefined));
  });

  it('when their requests have just arrived get the connection of a single create each', async () => {
    const gateway = await startBusy();
    const { send } = gateway;
    const oneRoundTrip = () => send({ query: '{ __typename }' });
    expectEachItsOwn(gateway, await leaveAndRepeat(gateway, oneRoundTrip));
  });

  it.each([1, 10, CALLERS])('when DLI has got %i of them get the connection of a single create each', async n => {
    const gateway = await startBusy();
    const { emulator } = gateway;
    emulator.inject({ operation: 'createConnection', delayMs: 300, times: CALLERS });
    const moment = () => emulator.ledger.waitFor('createConnection', 1 + n);
    expectEachItsOwn(gateway, await leaveAndRepeat(gateway, moment));
  });

  it('while the list is read for them get the connection of a single create each', async () => {
    const gateway = await startBusy();
    const { emulator } = gateway;
    emulator.inject({ ...DONE_BUT_LOST, times: CALLERS });
    expectEachItsOwn(gateway, await leaveAndRepeat(gateway, () => emulator.ledger.waitFor('listConnections', 1)));
  });

  it('while nothing is found for them still learn that the outcome is unknown', async () => {
    const gateway = await startBusy();
    const { emulator, posts } = gateway;
    emulator.inject({ ...LOST, times: CALLERS });
    const payloads = await leaveAndRepeat(gateway, () => emulator.ledger.waitFor('createConnection', 1 + CALLERS));
    expect(payloads).toEqual(CALLS.map(() => expect.objectContaining({ ...UNKNOWN, reason: 'CONNECTION_LOST' })));
    expect([posts(), emulator.connections().length]).toEqual([1 + CALLERS, 1]);
  });

  it('when they have been answered get the same answer', async () => {
    const gateway = await startBusy();
    const { emulator, send } = gateway;
    const answered = async () => {
      await emulator.ledger.waitFor('createConnection', 1 + CALLERS);
      await send({ query: '{ __typename }' });
    };
    expectEachItsOwn(gateway, await leaveAndRepeat(gateway, answered));
  });
});
