import { afterEach, describe, expect, it } from '@jest/globals';
import { ClockSkew } from '../../src/huawei-cloud/clock-skew.js';
import { createTestClock } from '../helpers/clock.js';
import type { TestGateway, TestGatewayOptions } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';

afterEach(closeGateways);

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function dateIn(ms: number): { date: string } {
  return { date: new Date(Date.now() + ms).toUTCString() };
}

/** A gateway with access to its readiness and clock log lines, and with creates whose responses have another `Date`. */
async function start(options?: TestGatewayOptions) {
  const gateway = await startGateway(options);
  let creates = 0;
  return {
    ...gateway,
    /** Creates connections with responses whose `Date` is ahead by this many minutes. */
    async createAt(minutes: number, times: number): Promise<void> {
      gateway.emulator.inject({ operation: 'createConnection', headers: dateIn(minutes * MINUTE_MS), times });
      for (let sent = 0; sent < times; sent += 1) {
        creates += 1;
        await gateway.create({ name: `n${creates}` });
      }
    },
    readiness: async () => (await fetch(`${gateway.adminUrl}/readyz`)).json(),
    clockLines: () => clockLinesOf(gateway),
  };
}

function clockLinesOf({ log }: TestGateway): unknown[] {
  return log()
    .split('\n')
    .filter(line => line.includes('"operation":"clock"'))
    .map(line => JSON.parse(line));
}

function changeTo(outcome: 'WRONG' | 'RIGHT', minutes: number) {
  const isWrong = outcome === 'WRONG';
  return {
    level: isWrong ? 40 : 30,
    time: expect.any(Number),
    operation: 'clock',
    target: 'dli',
    minSeconds: expect.closeTo(minutes * 60, -2),
    maxSeconds: expect.closeTo(minutes * 60, -2),
    outcome,
    msg: isWrong ? 'the clock differs too much from that of Huawei Cloud' : 'the clock no longer counts as wrong',
  };
}

describe('a clock skew between the gateway and DLI', () => {
  it.each([6, -6])(
    'of %i minutes in three responses makes the gateway unready until three are right',
    async minutes => {
      const { createAt, readiness, clockLines } = await start();
      await createAt(minutes, 2);
      expect(await readiness()).toEqual({ status: 'ready' });
      await createAt(minutes, 1);
      expect(await readiness()).toEqual({ status: 'clockSkew' });
      await createAt(minutes, 1);
      await createAt(0, 2);
      expect(await readiness()).toEqual({ status: 'clockSkew' });
      await createAt(0, 1);
      expect(await readiness()).toEqual({ status: 'ready' });
      expect(clockLines()).toEqual([changeTo('WRONG', minutes), changeTo('RIGHT', 0)]);
    },
  );

  it('no longer counts a minute after it was last observed', async () => {
    const clock = createTestClock();
    const { createAt, readiness, clockLines } = await start({ clock });
    await createAt(6, 3);
    expect(await readiness()).toEqual({ status: 'clockSkew' });
    clock.advance(MINUTE_MS + 1);
    expect(await readiness()).toEqual({ status: 'ready' });
    expect(clockLines()).toEqual([changeTo('WRONG', 6), changeTo('RIGHT', 6)]);
  });

  it.each([
    ['of the first response', [60, 0, 0, 0]],
    ['of a later response', [0, 60, 0, 60, 60, 0]],
    ['of three responses that do not agree', [0, 60, 90, 120]],
    ['of three responses that are not in a row', [0, 60, 60, 0, 60]],
  ])('in the Date %s leaves the gateway ready without a log line', async (_what, minutes) => {
    const { createAt, readiness, clockLines } = await start();
    for (const ahead of minutes) {
      await createAt(ahead, 1);
      expect(await readiness()).toEqual({ status: 'ready' });
    }
    expect(clockLines()).toEqual([]);
  });

  it('of 4 minutes leaves the gateway ready', async () => {
    const { createAt, readiness } = await start();
    await createAt(4, 4);
    expect(await readiness()).toEqual({ status: 'ready' });
  });

  it('for which DLI refuses a signature makes the gateway unready at once', async () => {
    const { createAt, readiness, clockLines } = await start({ emulator: { now: () => Date.now() + 20 * MINUTE_MS } });
    await createAt(20, 1);
    expect(await readiness()).toEqual({ status: 'clockSkew' });
    expect(clockLines()).toEqual([changeTo('WRONG', 20)]);
  });

  it('for which IAM refuses a signature makes the gateway unready at once', async () => {
    const { create, emulator, readiness, clockLines } = await start({
      emulator: { now: () => Date.now() + 20 * MINUTE_MS },
      env: { HUAWEICLOUD_SDK_PROJECT_ID: undefined },
    });
    emulator.inject({ operation: 'listProjects', headers: dateIn(20 * MINUTE_MS) });
    await create();
    expect(await readiness()).toEqual({ status: 'clockSkew' });
    expect(clockLines()).toEqual([{ ...changeTo('WRONG', 20), target: 'iam' }]);
  });

  it('is not the cause of a refused signature whose response has the right Date', async () => {
    const { createAt, readiness } = await start({ emulator: { now: () => Date.now() + 20 * MINUTE_MS } });
    await createAt(0, 1);
    expect(await readiness()).toEqual({ status: 'ready' });
  });

  it.each([2, -2])('of %i minutes does not hide a lost create', async minutes => {
    const { create, emulator } = await startGateway({
      emulator: { now: () => Date.now() + minutes * MINUTE_MS },
    });
    emulator.inject({ operation: 'createConnection', behaviour: 'reset', apply: true });
    emulator.inject({ operation: 'listConnections', headers: dateIn(minutes * MINUTE_MS), times: 0 });
    expect(await create()).toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: emulator.connections()[0]?.connectionId,
      reconciled: true,
    });
  });

  it.each([1, -1])('of %i hours in one response does not hide a lost create', async hours => {
    const { create, emulator, createAt } = await start({ env: { OPERATION_TIMEOUT_MS: '5000' } });
    await createAt(0, 3);
    emulator.inject({ operation: 'createConnection', behaviour: 'reset', apply: true });
    emulator.inject({ operation: 'listConnections', headers: dateIn(hours * HOUR_MS), times: 2 });
    expect(await create()).toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: emulator.connections().at(-1)?.connectionId,
      reconciled: true,
    });
    // The first read of the list finds it.
    expect(emulator.ledger.count('listConnections')).toBe(1);
  });
});

describe('the bounds of the skew', () => {
  const createSkew = () => {
    const clock = createManualClock();
    const skew = new ClockSkew(clock, 'dli', { info: () => undefined, warn: () => undefined });
    const observe = (aheadMs: number, times = 1) => {
      // In whole seconds, as in a Date header.
      const date = new Date(Math.floor((clock.epochMs() + aheadMs) / 1_000) * 1_000).toUTCString();
      for (let seen = 0; seen < times; seen += 1) skew.observe(date, clock.epochMs());
    };
    const bounds = () => {
      const { minMs = Number.NaN, maxMs = Number.NaN, possible } = skew.bounds ?? {};
      const covers = (ms: number) => possible !== undefined && possible.minMs <= ms && possible.maxMs >= ms;
      return { isAt: (ms: number) => minMs <= ms && maxMs >= ms && maxMs - minMs <= 1_000, covers };
    };
    return { clock, skew, observe, bounds };
  };

  it('are unknown before the first response', () => {
    expect(createSkew().skew.bounds).toBeUndefined();
  });

  it('from fewer than three responses allow for no skew at all', () => {
    const { observe, bounds } = createSkew();
    observe(HOUR_MS, 2);
    expect([bounds().isAt(HOUR_MS), bounds().covers(0)]).toEqual([true, true]);
    observe(HOUR_MS);
    expect([bounds().isAt(HOUR_MS), bounds().covers(0)]).toEqual([true, false]);
  });

  it('are not changed by an outlier, but its skew remains possible for an hour', () => {
    const { clock, observe, bounds } = createSkew();
    observe(0, 3);
    observe(HOUR_MS);
    expect([bounds().isAt(0), bounds().covers(HOUR_MS)]).toEqual([true, true]);
    observe(0);
    expect([bounds().isAt(0), bounds().covers(HOUR_MS)]).toEqual([true, true]);
    clock.advance(HOUR_MS);
    expect([bounds().isAt(0), bounds().covers(HOUR_MS)]).toEqual([true, false]);
  });

  it('are replaced by three responses that agree, and the earlier skew remains possible', () => {
    const { observe, bounds } = createSkew();
    observe(0, 3);
    observe(HOUR_MS, 3);
    expect([bounds().isAt(HOUR_MS), bounds().covers(0)]).toEqual([true, true]);
  });
});
