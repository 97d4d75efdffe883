import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { DELETED, remove, seed } from '../helpers/deletion.js';
import type { GraphqlAnswer, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { queryConnection } from '../helpers/read-connections.js';
import { startEarly } from '../helpers/start-early.js';
import { closeSubscribers, openSubscriber, WATCH } from '../helpers/subscribers.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';
import { expectCallsWithin } from './helpers/call-rate.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

const MAX_PER_REQUEST = 15;
const READS = 'getConnection';
const DELAY_MS = 2_000;
const SLOW = { FOLLOW_INTERVAL_MS: '60000' };
const PER_SOCKET = proofSize(40, 1_000);
const limits = { watchesPerTenant: 2.5 * PER_SOCKET };
const AT_A_TIME = proofSize(20, 50);

/** Requests `count` missing connections, in batches of the maximum size of a request. */
function ask(
  { send }: Pick<TokenGateway, 'send'>,
  count: number,
  headers: Record<string, string>,
): Promise<GraphqlAnswer>[] {
  const numbers = Array.from({ length: MAX_PER_REQUEST }, (_, index) => index);
  const parameters = numbers.map(number => `$id${number}: ID!`).join(' ');
  const fields = numbers.map(number => `a${number}: datasourceConnection(id: $id${number}) { id }`).join(' ');
  return Array.from({ length: count / MAX_PER_REQUEST }, () => {
    const variables = Object.fromEntries(numbers.map(number => [`id${number}`, randomUUID()]));
    return send({ query: `query (${parameters}) { ${fields} }`, variables }, headers);
  });
}

function codesOf(answers: readonly GraphqlAnswer[]): unknown[] {
  return answers.flatMap(({ body }) => (body.errors ?? []).map(({ extensions }) => extensions.code));
}

/** Subscribes to one connection over sockets full of subscriptions, and counts their first events. */
async function fillSockets({ graphqlUrl, emulator }: TestGateway, sockets: number, token?: string) {
  const { connectionId: id } = emulator.seedConnection({ state: 'CREATING' });
  const counts: Record<string, number> = {};
  for (let socket = 0; socket < sockets; socket += 1) {
    const { sendMessage, nextMessage } = await openSubscriber(graphqlUrl, bearer(token));
    for (let received = 0; received < PER_SOCKET; ) {
      // More at a time would delay the event loop and make the gateway shed load.
      if (received % AT_A_TIME === 0)
        for (let count = received; count < received + AT_A_TIME; count += 1)
          sendMessage({ type: 'subscribe', id: String(count), payload: { query: WATCH, variables: { id } } });
      let message = await nextMessage();
      // A refusal is followed by the end of the subscription.
      while (message.type === 'complete') message = await nextMessage();
      const [, code = 'followed'] = /"code":"(\w+)"/.exec(JSON.stringify(message.payload)) ?? [];
      counts[code] = (counts[code] ?? 0) + 1;
      received += 1;
    }
  }
  return counts;
}

/** Requests three times as many connections as may be read within a second, before the tests. */
function askEarly(faults: readonly Fault[] = []) {
  return startEarly(async () => {
    const gateway = await startGateway({ env: { READ_CALLS_PER_SECOND: '10' } });
    const { emulator } = gateway;
    for (const fault of faults) emulator.inject(fault);
    return async () => {
      const startedMs = Date.now();
      return { answers: await Promise.all(ask(gateway, 30, {})), emulator, startedMs };
    };
  });
}

const limited = askEarly();
const failing = askEarly([{ operation: READS, status: 500, times: 0 }]);

describe('a tenant that floods the gateway with reads', () => {
  it('is refused, and does not prevent others from reading and deleting', async () => {
    const env = { READ_CALLS_PER_SECOND: '1000', OPERATION_TIMEOUT_MS: '120000' };
    const gateway = await startTokenGateway(env);
    const { emulator } = gateway;
    const [many, one] = await Promise.all(['many', 'one'].map(sub => gateway.sign({ claims: { sub } })));
    const [id, toDelete] = [seed(emulator), seed(emulator)];
    const sender = { send: (body: unknown) => gateway.send(body, bearer(one)) };
    // Proves the credential. Before that, reads are sent one after another.
    await queryConnection(sender, seed(emulator));
    emulator.ledger.clear();
    // Each read is a single call, and each of the ten concurrent ones lasts long enough for the others to start.
    const found = { operation: READS, body: { is_success: true, state: 'ACTIVE' }, times: 0 } as const;
    emulator.inject({ ...found, delayMs: DELAY_MS });
    const count = proofSize(570, 1_200);
    const flood = ask(gateway, count, bearer(many));
    // Calls are refused when they have waited too long, or when five hundred others are waiting.
    await Promise.any(flood.map(async answer => expect(codesOf([await answer])).not.toEqual([])));

    const [{ body }, deletion] = await Promise.all([queryConnection(sender, id), remove(sender, toDelete)]);
    expect(body.errors).toBeUndefined();
    const readsBefore = emulator.ledger.entries(READS).findIndex(({ path }) => path.endsWith(id));
    // Hundreds of calls are queued at this point.
    expect(readsBefore).toBeLessThan(400);
    expect(deletion).toMatchObject({ __typename: DELETED });
    // The lookup of the delete uses another connection pool.
    const times = emulator.ledger
      .entries(READS)
      .filter(({ path }) => !path.endsWith(toDelete))
      .map(({ atMs }) => atMs);
    for (const [index, atMs] of times.entries())
      expect((times[index + 10] ?? Number.POSITIVE_INFINITY) - atMs).toBeGreaterThan(DELAY_MS - 20);

    emulator.clearFaults();
    emulator.inject(found);
    const errors = (await Promise.all(flood)).flatMap(({ body: { errors = [] } }) => errors);
    expect([...new Set(errors.map(({ message }) => message))]).toEqual([
      'Too many reads are waiting for DLI at the moment. Try again later.',
    ]);
    for (const { extensions } of errors)
      expect(extensions).toMatchObject({ code: 'UPSTREAM_THROTTLED', retryAfterSeconds: 1 });
  });
});

describe('the reads of all callers', () => {
  it('do not exceed READ_CALLS_PER_SECOND', async () => {
    const { answers, emulator, startedMs } = await limited();
    expect(codesOf(answers)).toEqual([]);
    expect(emulator.ledger.count(READS)).toBe(30);
    expectCallsWithin(emulator, 10, startedMs);
  });

  it('are not retried while others are queued', async () => {
    const { answers, emulator } = await failing();
    expect(codesOf(answers)).toEqual(Array(30).fill('UPSTREAM_UNAVAILABLE'));
    const count = emulator.ledger.count(READS);
    expect(count).toBeGreaterThanOrEqual(30);
    expect(count).toBeLessThan(45);
  });
});

describe('the number of watches', () => {
  it('is limited to 2,500 per tenant, without affecting other tenants', async () => {
    const gateway = await startTokenGateway(SLOW, { limits });
    const [many, one] = await Promise.all(['many', 'one'].map(sub => gateway.sign({ claims: { sub } })));
    expect(await fillSockets(gateway, 3, many)).toEqual({
      followed: 2.5 * PER_SOCKET,
      OVERLOADED: 0.5 * PER_SOCKET,
    });
    expect(await fillSockets(gateway, 1, one)).toEqual({ followed: PER_SOCKET });
  });

  it('is not limited per tenant if callers are anonymous', async () => {
    const gateway = await startGateway({ env: SLOW, limits });
    expect(await fillSockets(gateway, 3)).toEqual({ followed: 3 * PER_SOCKET });
  });
});
