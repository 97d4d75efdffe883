import { describe, expect, it } from '@jest/globals';
import {
  DONE_BUT_LOST,
  IN_PROGRESS,
  KEY,
  LOST,
  NOT_LISTED_YET,
  startIdempotencyGateway,
  UNKNOWN,
} from './helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const OTHER_CALL = { idempotencyKey: `${KEY}-other` };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const RECONCILED = { ...SUCCESS, reconciled: true };
/** Time enough for a slow machine to do something before a create is settled. */
const UNHURRIED = { RECONCILE_SETTLE_MS: '4000' };

describe('creates that DLI never answers', () => {
  it('T-A3, T-A4: are answered within 20 s, as successes where they were done and as unknown where not', async () => {
    const { create, createUntilDecided, emulator, posts } = await startIdempotencyGateway();
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
    // What a busy machine adds to the 20 s is no fault of the gateway.
    expect(performance.now() - startMs).toBeLessThan(60_000);
    const truth = calls.map(({ name }) => {
      const made = emulator.connections().find(connection => connection.name === name);
      return expect.objectContaining(
        made === undefined
          ? { ...UNKNOWN, reason: 'TIMEOUT_AFTER_SEND' }
          : { ...RECONCILED, connectionId: made.connectionId },
      );
    });
    expect(payloads).toEqual(truth);
    expect(payloads.filter(({ __typename }) => __typename === SUCCESS.__typename)).toHaveLength(20);
    // The background may be looking for some of them at this moment.
    expect(await Promise.all(calls.map(createUntilDecided))).toEqual(truth);
    expect(posts()).toBe(41);
  });
});

describe('an unknown create that nobody asks about', () => {
  it('is found in the background when the list shows it late, and then replayed without another read', async () => {
    const { create, emulator, posts, applied, logged, passMs } = await startIdempotencyGateway({ env: UNHURRIED });
    emulator.inject(DONE_BUT_LOST);
    emulator.inject(NOT_LISTED_YET);
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST', retryAfterSeconds: 1 });
    emulator.clearFaults();
    passMs(1_000);
    await logged('"outcome":"found"');
    const looks = emulator.ledger.count('listConnections');
    const payload = await create(CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0], hint: null });
    expect(await create(CALL)).toEqual(payload);
    expect([posts(), emulator.ledger.count('listConnections')]).toEqual([1, looks]);
  });

  it('keeps its name from other keys until it is settled, and frees it then', async () => {
    const { create, emulator, posts, settle } = await startIdempotencyGateway({ env: UNHURRIED });
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(await create(OTHER_CALL)).toMatchObject({ ...IN_PROGRESS, waitSeconds: 1 });
    expect(posts()).toBe(1);
    await settle();
    expect(await create(OTHER_CALL)).toMatchObject({ ...SUCCESS, reconciled: false });
    expect(posts()).toBe(2);
  });

  it('stays unknown under its own key after it is settled, and never sends again', async () => {
    const { create, emulator, posts, settle } = await startIdempotencyGateway();
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject({ ...UNKNOWN, reason: 'CONNECTION_LOST' });
    expect(posts()).toBe(1);
  });

  it('frees its name at once when it is found', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject(RECONCILED);
    expect(await create(OTHER_CALL)).toMatchObject({ ...SUCCESS, reconciled: false });
    expect(posts()).toBe(2);
  });

  it('is settled only by two good looks that are apart, however late the first of them', async () => {
    const { create, emulator, logged, passMs, looks } = await startIdempotencyGateway();
    emulator.inject(LOST);
    emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    passMs(1_200);
    await looks(2);
    emulator.clearFaults();
    await logged('settled without trace');
    const good = emulator.ledger.entries('listConnections').filter(({ status }) => status === 200);
    expect(Number(good.at(-1)?.atMs) - Number(good[0]?.atMs)).toBeGreaterThanOrEqual(245);
  });
});
