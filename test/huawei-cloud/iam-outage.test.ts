import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import type { Payload } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { createManualClock } from '../helpers/manual-clock.js';

afterEach(closeGateways);

const HOUR_MS = 3_600_000;
/** Creates are sent once per tick, for one minute. */
const TICK_MS = 1_000;
const TICKS = 60;
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const NO_TOKEN = { __typename: 'DliUnavailableError', code: 'UPSTREAM_AUTH_UNAVAILABLE' };

/** Starts a gateway with an IAM user whose tokens live for 24 hours, on a clock that only the test advances. */
async function startWithClock() {
  const clock = createManualClock();
  const options = { env: IAM_USER, clock, emulator: { now: () => clock.epochMs() } };
  return { ...(await startGateway(options)), clock };
}

describe('an IAM outage of one minute while the token is valid', () => {
  it.each<[how: string, fault: Partial<Fault>]>([
    ['throttles', { error: 'IAM.0012' }],
    ['fails', { status: 500 }],
    ['resets connections', { behaviour: 'reset' }],
  ])('in which IAM %s causes at most 8 requests with jitter, and no create fails', async (_how, fault) => {
    const { emulator, create, clock } = await startWithClock();
    await create();
    clock.advance(20 * HOUR_MS);
    emulator.inject({ operation: 'issueToken', times: 0, ...fault });
    for (let tick = 0; tick < TICKS; tick += 1) {
      expect(await create({ name: `tick-${tick}` })).toMatchObject(SUCCESS);
      clock.advance(TICK_MS);
    }
    const times = emulator.ledger.entries('issueToken').map(({ atMs }) => atMs);
    const gaps = times.slice(2).map((atMs, index) => atMs - (times[index + 1] ?? 0));
    expect(gaps.length).toBeGreaterThanOrEqual(3);
    expect(gaps.length).toBeLessThanOrEqual(7);
    // The back-off doubles up to 30 s, each shortened by jitter.
    expect(gaps.every((gap, index) => gap <= Math.min(30_000, 1_000 * 2 ** index) + TICK_MS)).toBe(true);
    expect(gaps.every((gap, index) => gap >= Math.min(30_000, 1_000 * 2 ** index) / 2)).toBe(true);
  });
});

describe('an IAM outage from the start', () => {
  it('causes at most 12 requests per minute, regardless of the number of creates', async () => {
    const { emulator, create, clock } = await startWithClock();
    emulator.inject({ operation: 'issueToken', status: 503, times: 0 });
    for (let tick = 0; tick < TICKS; tick += 1) {
      const names = Array.from({ length: 2 }, (_, index) => `tick-${tick}-${index}`);
      const payloads: Payload[] = await Promise.all(names.map(name => create({ name })));
      expect(payloads).toEqual(Array(2).fill(expect.objectContaining(NO_TOKEN)));
      clock.advance(TICK_MS);
    }
    expect(emulator.ledger.count('issueToken')).toBeGreaterThanOrEqual(4);
    expect(emulator.ledger.count('issueToken')).toBeLessThanOrEqual(12);
    expect(emulator.ledger.count('createConnection')).toBe(0);
  });

  it('in which IAM hangs is reported to all callers within 5.5 s, after one request', async () => {
    const { emulator, create } = await startGateway({ env: { ...IAM_USER, OPERATION_TIMEOUT_MS: '120000' } });
    emulator.inject({ operation: 'issueToken', behaviour: 'hang', times: 0 });
    const startedMs = performance.now();
    const names = Array.from({ length: 50 }, (_, index) => `hanging-${index}`);
    const payloads = await Promise.all(names.map(name => create({ name })));
    // Ten times as long, to allow for busy machines.
    expect(performance.now() - startedMs).toBeLessThan(55_000);
    expect(payloads).toEqual(Array(50).fill(expect.objectContaining(NO_TOKEN)));
    expect(emulator.ledger.count('issueToken')).toBe(1);
  });
});
