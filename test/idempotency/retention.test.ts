import { describe, expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import { KEY, KEY_REUSED, LOST, startIdempotencyGateway, UNKNOWN } from '../helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const REJECTED = { __typename: 'DliRejectedError' };
const HOUR_MS = 3_600_000;

/** A gateway and an emulator with a common clock, which the test advances. */
async function startWithClock() {
  const clock = createTestClock();
  const gateway = await startIdempotencyGateway({
    clock,
    emulator: { now: () => clock.epochMs(), uniqueNames: false },
  });
  return { ...gateway, advanceHours: (hours: number) => clock.advance(hours * HOUR_MS) };
}

describe('the record', () => {
  it('of a success is kept for 72 hours, after which its key can be used again', async () => {
    const { create, posts, advanceHours } = await startWithClock();
    const payload = await create(CALL);
    advanceHours(71.9);
    expect(await create(CALL)).toEqual(payload);
    advanceHours(0.2);
    const { connectionId, ...rest } = await create(CALL);
    expect(rest).toMatchObject(SUCCESS);
    expect(connectionId).not.toBe(payload.connectionId);
    expect(posts()).toBe(2);
  });

  it('of a refusal is kept for 24 hours', async () => {
    const { create, emulator, posts, advanceHours } = await startWithClock();
    emulator.inject({ operation: 'createConnection', error: 'DLI.1028' });
    expect(await create(CALL)).toMatchObject(REJECTED);
    advanceHours(23.9);
    expect(await create(CALL)).toMatchObject(REJECTED);
    advanceHours(0.2);
    expect(await create(CALL)).toMatchObject(SUCCESS);
    expect(posts()).toBe(2);
  });

  it('of an unknown outcome is kept for 7 days, during which nothing is sent again', async () => {
    const { create, emulator, posts, advanceHours, logged } = await startWithClock();
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await logged('settled without trace');
    advanceHours(7 * 24 - 0.1);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(await create({ ...CALL, name: 'another' })).toMatchObject(KEY_REUSED);
    advanceHours(0.2);
    expect(await create({ ...CALL, name: 'another' })).toMatchObject(SUCCESS);
    expect(posts()).toBe(2);
  });
});
