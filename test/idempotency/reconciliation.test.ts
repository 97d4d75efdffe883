import { describe, expect, it } from '@jest/globals';
import { UPSTREAM_TIMEOUTS } from '../../src/huawei-cloud/transport.js';
import {
  EXECUTED_BUT_LOST,
  IN_PROGRESS,
  KEY,
  LOST,
  NOT_LISTED_YET,
  startIdempotencyGateway,
  UNKNOWN,
} from '../helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const OTHER_CALL = { idempotencyKey: `${KEY}-other` };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const RECONCILED = { ...SUCCESS, reconciled: true };
/** Long enough for a slow machine to act before a create is settled. */
const LONG_SETTLE_TIME = { RECONCILE_SETTLE_MS: '4000' };

describe('creates that DLI never answers', () => {
  it('are answered in time, as successes if they were executed and as unknown if not', async () => {
    expect(UPSTREAM_TIMEOUTS.headersMs).toBe(10_000);
    const { create, createUntilDecided, emulator, posts } = await startIdempotencyGateway({
      limits: { upstreamTimeouts: { ...UPSTREAM_TIMEOUTS, headersMs: 4_000 } },
    });
    // A credential that has never worked lets one call through at a time.
    await create({ name: 'before' });
    emulator.inject({ operation: 'createConnection', behaviour: 'hang', apply: true, times: 20 });
    emulator.inject({ operation: 'createConnection', behaviour: 'hang', apply: false, times: 20 });
    const calls = Array.from({ length: 40 }, (_, index) => ({
      name: `orders_${index}`,
      idempotencyKey: `${KEY}-${index}`,
    }));
    const startMs = performance.now();
    const payloads = await Promise.all(calls.map(create));
    // Three times the deadline of 20 s, to allow for busy machines.
    expect(performance.now() - startMs).toBeLessThan(60_000);
    const expected = calls.map(({ name }) => {
      const made = emulator.connections().find(connection => connection.name === name);
      return expect.objectContaining(
        made === undefined
          ? { ...UNKNOWN, reason: 'TIMEOUT_AFTER_SEND' }
          : { ...RECONCILED, connectionId: made.connectionId },
      );
    });
    expect(payloads).toEqual(expected);
    expect(payloads.filter(({ __typename }) => __typename === SUCCESS.__typename)).toHaveLength(20);
    // Background reconciliation may own some of the records at this moment.
    expect(await Promise.all(calls.map(createUntilDecided))).toEqual(expected);
    expect(posts()).toBe(41);
  });
});

describe('an unknown create', () => {
  it('is found in the background if the list shows it late, and is then replayed without reading the list', async () => {
    const { create, emulator, posts, applied, logged, advance } = await startIdempotencyGateway({
      env: LONG_SETTLE_TIME,
    });
    emulator.inject(EXECUTED_BUT_LOST);
    emulator.inject(NOT_LISTED_YET);
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST', retryAfterSeconds: 1 });
    emulator.clearFaults();
    advance(1_000);
    await logged('"outcome":"found"');
    const listReads = emulator.ledger.count('listConnections');
    const payload = await create(CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0], message: '' });
    expect(await create(CALL)).toEqual(payload);
    expect([posts(), emulator.ledger.count('listConnections')]).toEqual([1, listReads]);
  });

  it('reserves its name until it is settled', async () => {
    const { create, emulator, posts, settle } = await startIdempotencyGateway({ env: LONG_SETTLE_TIME });
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(await create(OTHER_CALL)).toMatchObject({ ...IN_PROGRESS, retryAfterSeconds: 1 });
    expect(posts()).toBe(1);
    await settle();
    expect(await create(OTHER_CALL)).toMatchObject({ ...SUCCESS, reconciled: false });
    expect(posts()).toBe(2);
  });

  it('stays unknown after it is settled, and is never sent again', async () => {
    const { create, emulator, posts, settle } = await startIdempotencyGateway();
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(posts()).toBe(1);
  });

  it('frees its name at once when it is found', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(CALL)).toMatchObject(RECONCILED);
    expect(await create(OTHER_CALL)).toMatchObject({ ...SUCCESS, reconciled: false });
    expect(posts()).toBe(2);
  });

  it('is settled only after two successful list reads some time apart, even if the first one is late', async () => {
    const { create, emulator, logged, advance, waitForListReads } = await startIdempotencyGateway();
    emulator.inject(LOST);
    emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    advance(1_200);
    await waitForListReads(2);
    emulator.clearFaults();
    await logged('settled without trace');
    const good = emulator.ledger.entries('listConnections').filter(({ status }) => status === 200);
    expect(Number(good.at(-1)?.atMs) - Number(good[0]?.atMs)).toBeGreaterThanOrEqual(245);
  });
});
