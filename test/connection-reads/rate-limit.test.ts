import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { TokenGateway } from '../auth/helpers/token-gateway.js';
import { bearer, startTokenGateway } from '../auth/helpers/token-gateway.js';
import { DELETED, remove, seed } from '../helpers/deletion.js';
import type { GraphqlAnswer } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { expectCallsWithin } from './helpers/call-rate.js';
import { askFor } from './helpers/read-connections.js';

afterEach(closeGateways);

const AS_MANY_AS_ALLOWED = 15;
const READS = 'getConnection';
const DELAY_MS = 2_000;

/** Requests `count` missing connections, in batches of the maximum size of a request. */
function ask(
  { send }: Pick<TokenGateway, 'send'>,
  count: number,
  headers: Record<string, string>,
): Promise<GraphqlAnswer>[] {
  return Array.from({ length: count / AS_MANY_AS_ALLOWED }, () => {
    const fields = Array.from(
      { length: AS_MANY_AS_ALLOWED },
      (_, index) => `a${index}: datasourceConnection(id: "${randomUUID()}") { id }`,
    );
    return send({ query: `{ ${fields.join(' ')} }` }, headers);
  });
}

function codesOf(answers: readonly GraphqlAnswer[]): unknown[] {
  return answers.flatMap(({ body }) => (body.errors ?? []).map(({ extensions }) => extensions.code));
}

describe('a tenant that floods the gateway with reads', () => {
  it('is refused, and does not prevent others from reading and deleting', async () => {
    const env = { READ_CALLS_PER_SECOND: '1000', OPERATION_TIMEOUT_MS: '120000' };
    const gateway = await startTokenGateway(env);
    const { emulator } = gateway;
    const [many, one] = await Promise.all(['many', 'one'].map(sub => gateway.sign({ claims: { sub } })));
    const id = seed(emulator);
    // Each of the ten concurrent calls lasts long enough for the others to start.
    emulator.inject({ operation: READS, delayMs: DELAY_MS, times: 0 });
    const count = proofSize(720, 1_200);
    const flood = ask(gateway, count, bearer(many));
    await emulator.ledger.waitFor(READS, 10);

    const sender = { send: (body: unknown) => gateway.send(body, bearer(one)) };
    const { body } = await askFor(sender, id);
    expect(body.errors).toBeUndefined();
    const readsBefore = emulator.ledger.entries(READS).findIndex(({ path }) => path.endsWith(id));
    // Hundreds of calls are queued at that time.
    expect(readsBefore).toBeLessThan(400);
    expect(await remove(sender, id)).toMatchObject({ __typename: DELETED });
    // The lookup of the delete uses another connection pool.
    const times = emulator.ledger
      .entries(READS)
      .filter(({ path }) => !path.endsWith(id))
      .map(({ atMs }) => atMs);
    for (const [index, atMs] of times.entries())
      expect((times[index + 10] ?? Number.POSITIVE_INFINITY) - atMs).toBeGreaterThan(DELAY_MS - 20);

    // Calls are refused when they have waited too long, and those beyond the five hundred that wait at once.
    await Promise.any(flood.map(async answer => expect(codesOf([await answer])).not.toEqual([])));
    emulator.clearFaults();
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
    const gateway = await startGateway({ env: { READ_CALLS_PER_SECOND: '10' } });
    const startedMs = Date.now();
    expect(codesOf(await Promise.all(ask(gateway, 30, {})))).toEqual([]);
    expect(gateway.emulator.ledger.count(READS)).toBe(30);
    expectCallsWithin(gateway.emulator, 10, startedMs);
  });

  it('are not retried while others are queued', async () => {
    const gateway = await startGateway({ env: { READ_CALLS_PER_SECOND: '10' } });
    gateway.emulator.inject({ operation: READS, status: 500, times: 0 });
    expect(codesOf(await Promise.all(ask(gateway, 30, {})))).toEqual(Array(30).fill('UPSTREAM_UNAVAILABLE'));
    const count = gateway.emulator.ledger.count(READS);
    expect(count).toBeGreaterThanOrEqual(30);
    expect(count).toBeLessThan(45);
  });
});
