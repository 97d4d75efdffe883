import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { TokenGateway } from '../auth/helpers/token-gateway.js';
import { bearer, startTokenGateway } from '../auth/helpers/token-gateway.js';
import { DELETED, remove, seed } from '../helpers/deletion.js';
import type { GraphqlAnswer } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { askFor } from './helpers/read-connections.js';

afterEach(closeGateways);

const AS_MANY_AS_ALLOWED = 15;
const READS = 'getConnection';

/** Requests `count` missing connections, in batches of the maximum size of a request. */
function ask(
  { send }: Pick<TokenGateway, 'send'>,
  count: number,
  headers: Record<string, string>,
): Promise<GraphqlAnswer[]> {
  const requests = Array.from({ length: count / AS_MANY_AS_ALLOWED }, () => {
    const fields = Array.from(
      { length: AS_MANY_AS_ALLOWED },
      (_, index) => `a${index}: datasourceConnection(id: "${randomUUID()}") { id }`,
    );
    return send({ query: `{ ${fields.join(' ')} }` }, headers);
  });
  return Promise.all(requests);
}

function codesOf(answers: readonly GraphqlAnswer[]): unknown[] {
  return answers.flatMap(({ body }) => (body.errors ?? []).map(({ extensions }) => extensions.code));
}

describe('a tenant that floods the gateway with reads', () => {
  it('is refused, and does not prevent others from reading and deleting', async () => {
    const gateway = await startTokenGateway();
    const { emulator } = gateway;
    const [many, one] = await Promise.all(['many', 'one'].map(sub => gateway.sign({ claims: { sub } })));
    const id = seed(emulator);
    // Each of the ten concurrent calls lasts long enough for the others to start.
    emulator.inject({ operation: READS, delayMs: 300, times: 0 });
    const flood = ask(gateway, 1_200, bearer(many));
    await emulator.ledger.waitFor(READS, 10);

    const sender = { send: (body: unknown) => gateway.send(body, bearer(one)) };
    const { body } = await askFor(sender, id);
    expect(body.errors).toBeUndefined();
    const readsBefore = emulator.ledger.entries(READS).findIndex(({ path }) => path.endsWith(id));
    // Hundreds of calls are queued at that time.
    expect(readsBefore).toBeLessThan(150);
    expect(await remove(sender, id)).toMatchObject({ __typename: DELETED });
    const codes = codesOf(await flood);
    // The lookup of the delete uses another connection pool.
    const times = emulator.ledger
      .entries(READS)
      .filter(({ path }) => !path.endsWith(id))
      .map(({ atMs }) => atMs);
    for (const [index, atMs] of times.entries())
      expect((times[index + 10] ?? Number.POSITIVE_INFINITY) - atMs).toBeGreaterThan(200);
    expect(new Set(codes)).toEqual(new Set(['UPSTREAM_THROTTLED']));
    // Five hundred calls are queued, and ten are in flight.
    expect(codes.length).toBeGreaterThan(500);
  });
});

describe('the reads of all callers', () => {
  it('do not exceed READ_CALLS_PER_SECOND', async () => {
    const gateway = await startGateway({ env: { READ_CALLS_PER_SECOND: '10' } });
    expect(codesOf(await ask(gateway, 45, {}))).toEqual([]);
    const times = gateway.emulator.ledger.entries(READS).map(({ atMs }) => atMs);
    expect(times).toHaveLength(45);
    // A burst of ten calls, then ten per second.
    expect((times[44] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(3_000);
  });

  it('are not retried while others are queued', async () => {
    const gateway = await startGateway({ env: { READ_CALLS_PER_SECOND: '10' } });
    gateway.emulator.inject({ operation: READS, status: 500, times: 0 });
    expect(codesOf(await ask(gateway, 30, {}))).toEqual(Array(30).fill('UPSTREAM_UNAVAILABLE'));
    const count = gateway.emulator.ledger.count(READS);
    expect(count).toBeGreaterThanOrEqual(30);
    expect(count).toBeLessThan(45);
  });
});
