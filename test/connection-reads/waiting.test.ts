import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { connectionOf, queryConnection } from '../helpers/read-connections.js';
import { startEarly } from '../helpers/start-early.js';

afterEach(closeGateways);

const FAST = { FOLLOW_INTERVAL_MS: '100' };

async function timed<T>(work: Promise<T>): Promise<[result: T, tookMs: number]> {
  const startedMs = performance.now();
  return [await work, performance.now() - startedMs];
}

// The following waits take seconds, so they all start before the tests.

const timeUp = startEarly(async () => {
  const gateway = await startGateway({ env: FAST });
  const { connectionId } = gateway.emulator.seedConnection({ state: 'ACTIVE' });
  return () => timed(connectionOf(gateway, connectionId, 'waitSeconds: 1'));
});

const outage = startEarly(async () => {
  const gateway = await startGateway({ env: FAST, emulator: { creationMs: 100 } });
  return async () => {
    const { connectionId = '' } = await gateway.create();
    gateway.emulator.inject({ operation: 'getConnection', status: 500, times: 2 });
    const survived = await connectionOf(gateway, connectionId, 'waitSeconds: 25, whileState: CREATING');
    gateway.emulator.inject({ operation: 'getConnection', status: 500, times: 0 });
    return { survived, failed: await queryConnection(gateway, connectionId, 'waitSeconds: 1') };
  };
});

const sharedPolls = startEarly(async () => {
  const gateway = await startGateway({ env: FAST });
  const { ledger } = gateway.emulator;
  const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
  return async () => {
    const waits = Array.from({ length: 20 }, () => connectionOf(gateway, connectionId, 'waitSeconds: 1'));
    const found = await Promise.all(waits);
    const polls = ledger.count('getConnection');
    const pollsSoFar = () => ledger.entries('getConnection').filter(({ path }) => path.endsWith(connectionId)).length;
    const other = gateway.emulator.seedConnection({ state: 'CREATING' }).connectionId;
    // The last poll may still be on its way. It arrives before those of another waiting query.
    await connectionOf(gateway, other, 'waitSeconds: 1');
    const all = pollsSoFar();
    // The polls of a leaked timer would arrive before these.
    await connectionOf(gateway, other, 'waitSeconds: 2');
    return { found, polls, pollsSoFar, all };
  };
});

describe('a query with waitSeconds', () => {
  it.each([
    ['orders', 'ACTIVE', { connectionAddress: expect.stringMatching(/^to-rds-/), failureReason: null, progress: 1 }],
    ['fail_orders', 'FAILED', { connectionAddress: null, failureReason: "Can't get ready router." }],
  ])('returns when %s becomes %s', async (name, state, shown) => {
    const clock = createManualClock();
    const gateway = await startGateway({ env: FAST, emulator: { now: () => clock.epochMs() } });
    const { connectionId = '' } = await gateway.create({ name });
    const answer = timed(connectionOf(gateway, connectionId, 'waitSeconds: 25'));
    await gateway.emulator.ledger.waitFor('getConnection', 2);
    clock.advance(10_000);
    const [connection, tookMs] = await answer;
    expect(connection).toMatchObject({ id: connectionId, state, ...shown });
    expect(tookMs).toBeLessThan(20_000);
  });

  it('returns immediately if the connection is already in another state', async () => {
    const gateway = await startGateway();
    const { connectionId } = gateway.emulator.seedConnection({ state: 'ACTIVE' });
    const [connection, tookMs] = await timed(
      connectionOf(gateway, connectionId, 'waitSeconds: 25, whileState: CREATING'),
    );
    expect(connection).toMatchObject({ state: 'ACTIVE' });
    expect(tookMs).toBeLessThan(20_000);
  });

  it('returns the current state when the time is up', async () => {
    const [connection, tookMs] = await timeUp();
    expect(connection).toMatchObject({ state: 'ACTIVE' });
    expect(tookMs).toBeGreaterThan(990);
    expect(tookMs).toBeLessThan(15_000);
  });

  it('returns null when the connection is gone', async () => {
    const gateway = await startGateway({ env: FAST });
    const [connection, tookMs] = await timed(
      connectionOf(gateway, '68233202-63bf-4f27-a99b-fa5f5a2dbae1', 'waitSeconds: 25'),
    );
    expect(connection).toBeNull();
    expect(tookMs).toBeLessThan(20_000);
  });

  it('returns when the gateway stops', async () => {
    const gateway = await startGateway({ env: FAST });
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const answer = timed(connectionOf(gateway, connectionId, 'waitSeconds: 25'));
    await gateway.emulator.ledger.waitFor('getConnection', 3);
    await gateway.close();
    const [connection, tookMs] = await answer;
    expect(connection).toMatchObject({ state: 'CREATING' });
    expect(tookMs).toBeLessThan(20_000);
  });

  it.each([
    ['waitSeconds: 26', 'TOO_LARGE', 25],
    ['waitSeconds: -1', 'TOO_SMALL', 0],
  ])('is refused: %s', async (more, code, limit) => {
    const gateway = await startGateway();
    const { body } = await queryConnection(gateway, '68233202-63bf-4f27-a99b-fa5f5a2dbae1', more);
    expect(body.errors).toMatchObject([
      {
        message: 'waitSeconds must be 0 to 25.',
        extensions: {
          code: 'BAD_USER_INPUT',
          problems: [{ path: ['waitSeconds'], code, message: 'waitSeconds must be 0 to 25.', limit }],
        },
      },
    ]);
  });

  it('survives an outage of DLI, and reports it only if it lasts until the end', async () => {
    const { survived, failed } = await outage();
    expect(survived).toMatchObject({ state: 'ACTIVE' });
    expect(failed.body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
  });

  it('shares polls with all other waiting queries; polling stops when none is left', async () => {
    const { found, polls, pollsSoFar, all } = await sharedPolls();
    expect(found.every(connection => connection?.state === 'CREATING')).toBe(true);
    // The interval grows by half: polls at 0, 100, 250, 475, 810 ms, with a jitter of 20 %.
    expect(polls).toBeGreaterThanOrEqual(2);
    // On a slow machine some queries start late. Without sharing there would be a hundred polls.
    expect(polls).toBeLessThan(50);
    expect(pollsSoFar()).toBe(all);
  });
});
