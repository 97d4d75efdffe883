import { afterEach, describe, expect, it } from '@jest/globals';
import { RetryBudget } from '../../src/dli/create-request.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';

afterEach(closeGateways);

/** A budget on a clock that only the test advances, 1,000 s after its start. */
function budgetAt() {
  let nowMs = 1_000_000;
  const budget = new RetryBudget({ epochMs: () => nowMs, monotonicMs: () => nowMs });
  return {
    advance(ms: number) {
      nowMs += ms;
    },
    addCalls(count: number) {
      for (let index = 0; index < count; index += 1) budget.addCall();
    },
    /** Takes retries until none is left; returns their number. */
    takeAll() {
      let taken = 0;
      while (taken < 1_000 && budget.take()) taken += 1;
      return taken;
    },
  };
}

describe('the retry budget', () => {
  it('is 3 in 10 s when there are few calls', () => {
    const budget = budgetAt();
    budget.addCalls(5);
    expect(budget.takeAll()).toBe(3);
    budget.advance(9_000);
    expect(budget.takeAll()).toBe(0);
    budget.advance(1_000);
    expect(budget.takeAll()).toBe(3);
  });

  it('is 10 % of the calls of the last minute', () => {
    const budget = budgetAt();
    budget.addCalls(1_000);
    expect(budget.takeAll()).toBe(100);
    budget.advance(30_000);
    budget.addCalls(500);
    expect(budget.takeAll()).toBe(50);
    // The first thousand calls and their retries no longer count.
    budget.advance(30_000);
    expect(budget.takeAll()).toBe(3);
  });

  it('stays within 10 % when all calls of a steady load need a retry', () => {
    const budget = budgetAt();
    let retries = 0;
    for (let second = 0; second < 600; second += 1) {
      budget.addCalls(100);
      retries += budget.takeAll();
      budget.advance(1_000);
    }
    expect(retries).toBeLessThanOrEqual(6_000);
    expect(retries).toBeGreaterThan(5_900);
  });

  it('does not grow during hours without a call', () => {
    const budget = budgetAt();
    budget.addCalls(1_000);
    budget.advance(10 * 3_600_000);
    expect(budget.takeAll()).toBe(3);
  });
});

describe('throttled creates', () => {
  function createMany({ create }: TestGateway, prefix: string, count: number) {
    return Promise.all(Array.from({ length: count }, (_, index) => create({ name: `${prefix}-${index}` })));
  }

  it('are retried within the budget, and all report the throttling', async () => {
    const clock = createManualClock();
    const gateway = await startGateway({ clock, emulator: { now: () => clock.epochMs() } });
    const { emulator } = gateway;
    await createMany(gateway, 'good', 50);
    emulator.inject({ operation: 'createConnection', error: 'APIGW.0308', times: 0 });
    const payloads = await createMany(gateway, 'throttled', 25);
    expect(new Set(payloads.map(({ code }) => code))).toEqual(new Set(['UPSTREAM_THROTTLED']));
    const retries = emulator.ledger.count('createConnection') - 75;
    expect(retries).toBeGreaterThanOrEqual(5);
    expect(retries).toBeLessThanOrEqual(7);
  });
});
