import { createServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator, Fault } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import type { Payload, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { closedPort, listen } from '../helpers/listening-server.js';
import { attemptsIn, limitsIn } from '../helpers/log-lines.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';

const open: Emulator[] = [];

afterEach(async () => {
  await closeGateways();
  for (const emulator of open.splice(0)) await emulator.close();
});

const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const CUT_OFF = {
  __typename: 'DliUnavailableError',
  code: 'UPSTREAM_UNAVAILABLE',
  retryAfterSeconds: 1,
};
// Too short for a retry, so that every create is one attempt. The clock stands still, so no deadline passes.
const NO_RETRY = { OPERATION_TIMEOUT_MS: '1000' };

const MANY = proofSize(10, 100);
const SECONDS = proofSize(4, 10);
/** More than the failures that open the circuit breaker. */
const SEVERAL = proofSize(8, 20);

function createMany({ create }: TestGateway, prefix: string, count: number): Promise<Payload[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => create({ name: `${prefix}-${index}` })));
}

/** A gateway whose DLI is unreachable, after the failures that open the circuit breaker. */
async function startWithOpenBreaker() {
  const clock = createManualClock();
  const port = await closedPort();
  const endpoint = { DLI_ENDPOINT: `http://127.0.0.1:${port}` };
  const gateway = await startGateway({ clock, env: { ...NO_RETRY, ...endpoint } });
  for (let index = 0; index < 5; index += 1) {
    expect(await gateway.create({ name: `failing-${index}` })).toMatchObject({ retryAfterSeconds: 5 });
  }
  return {
    ...gateway,
    clock,
    /** Makes DLI reachable. */
    async startDli() {
      const dli = createEmulator({ now: () => clock.epochMs() });
      await dli.listen(port);
      open.push(dli);
      return dli;
    },
  };
}

describe('the circuit breaker', () => {
  it('opens after 5 consecutive connection failures: the next creates fail at once, and it is logged once', async () => {
    const gateway = await startWithOpenBreaker();
    const payloads = await createMany(gateway, 'cut-off', MANY);
    expect(payloads).toEqual(Array(MANY).fill(expect.objectContaining(CUT_OFF)));
    const details = attemptsIn(gateway.log()).map(({ errorType }) => errorType);
    expect(details).toEqual([...Array(5).fill('UNREACHABLE'), ...Array(MANY).fill('BREAKER_OPEN')]);
    expect(limitsIn(gateway.log())).toEqual([
      expect.objectContaining({
        level: 40,
        outcome: 'BREAKER_OPENED',
        detail: 'UNREACHABLE',
        causeCode: 'ECONNREFUSED',
      }),
    ]);
  });

  it('counts retries too, and prevents them once it is open', async () => {
    const endpoint = `http://127.0.0.1:${await closedPort()}`;
    const { create, log } = await startGateway({
      clock: createManualClock(),
      env: { DLI_ENDPOINT: endpoint },
    });
    for (const name of ['a', 'b', 'c']) await create({ name });
    expect(attemptsIn(log()).map(({ errorType }) => errorType)).toEqual([
      ...Array(5).fill('UNREACHABLE'),
      'BREAKER_OPEN',
    ]);
  });

  it('allows one connection attempt per second, regardless of the number of creates', async () => {
    const clock = createManualClock();
    const upstream = await listen(createServer(socket => socket.destroy()));
    const env = { ...NO_RETRY, DLI_ENDPOINT: `https://${upstream.host}` };
    const gateway = await startGateway({ clock, env });
    for (let index = 0; index < 5; index += 1) await gateway.create({ name: `failing-${index}` });
    const connections = [upstream.connections().length];
    for (let second = 0; second < SECONDS; second += 1) {
      clock.advance(1_000);
      const payloads = await createMany(gateway, `second-${second}`, 10);
      expect(payloads.filter(({ retryAfterSeconds }) => retryAfterSeconds === 5)).toHaveLength(1);
      connections.push(upstream.connections().length);
    }
    expect(connections).toEqual(Array.from({ length: 1 + SECONDS }, (_, second) => 5 + second));
    expect(limitsIn(gateway.log()).map(({ outcome }) => outcome)).toEqual(['BREAKER_OPENED']);
  });

  it('stays open while a probe hangs, and after the probe timed out', async () => {
    const clock = createManualClock();
    let isSilent = false;
    const upstream = await listen(createServer(socket => (isSilent ? undefined : socket.destroy())));
    const env = { ...NO_RETRY, DLI_ENDPOINT: `https://${upstream.host}` };
    const gateway = await startGateway({ clock, env });
    for (let index = 0; index < 5; index += 1) await gateway.create({ name: `failing-${index}` });
    isSilent = true;
    clock.advance(1_000);
    const probe = gateway.create({ name: 'probe' });
    while (upstream.connections().length < 6) await setImmediate();
    expect(await createMany(gateway, 'beside', 10)).toEqual(Array(10).fill(expect.objectContaining(CUT_OFF)));
    const beside = attemptsIn(gateway.log()).slice(5);
    expect(beside.map(({ errorType }) => errorType)).toEqual(Array(10).fill('BREAKER_OPEN'));
    clock.advance(1_000);
    expect(await probe).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', retryAfterSeconds: 5 });
    expect(await gateway.create({ name: 'behind' })).toMatchObject(CUT_OFF);
    expect(upstream.connections()).toHaveLength(6);
  });

  it('closes for all creates after the first successful probe', async () => {
    const gateway = await startWithOpenBreaker();
    const dli = await gateway.startDli();
    expect(await gateway.create({ name: 'too-early' })).toMatchObject(CUT_OFF);
    gateway.clock.advance(1_000);
    expect(await gateway.create({ name: 'probe' })).toMatchObject(SUCCESS);
    expect(await createMany(gateway, 'after', SEVERAL)).toEqual(Array(SEVERAL).fill(expect.objectContaining(SUCCESS)));
    expect(dli.ledger.count('createConnection')).toBe(1 + SEVERAL);
    expect(limitsIn(gateway.log()).map(({ level, outcome }) => [level, outcome])).toEqual([
      [40, 'BREAKER_OPENED'],
      [40, 'BREAKER_CLOSED'],
    ]);
  });

  it('closes as soon as the probe is connected, before its response arrives', async () => {
    const gateway = await startWithOpenBreaker();
    const dli = await gateway.startDli();
    dli.inject({ operation: 'createConnection', delayMs: 200 });
    gateway.clock.advance(1_000);
    const probe = gateway.create({ name: 'probe' });
    await dli.ledger.waitFor('createConnection', 1);
    expect(limitsIn(gateway.log()).map(({ outcome }) => outcome)).toEqual(['BREAKER_OPENED', 'BREAKER_CLOSED']);
    expect(await probe).toMatchObject(SUCCESS);
  });

  it('opens again after 5 more failures', async () => {
    const gateway = await startWithOpenBreaker();
    const dli = await gateway.startDli();
    gateway.clock.advance(1_000);
    expect(await gateway.create({ name: 'probe' })).toMatchObject(SUCCESS);
    open.splice(0);
    await dli.close();
    for (let index = 0; index < 7; index += 1) await gateway.create({ name: `again-${index}` });
    expect(limitsIn(gateway.log()).map(({ outcome }) => outcome)).toEqual([
      'BREAKER_OPENED',
      'BREAKER_CLOSED',
      'BREAKER_OPENED',
    ]);
  });
});

describe('the circuit breaker stays closed', () => {
  it.each<[how: string, fault: Partial<Fault>]>([
    ['refuses the input', { error: 'DLI.0001' }],
    ['throttles', { error: 'APIGW.0308' }],
    ['forbids', { error: 'APIGW.0302' }],
    ['fails', { error: 'DLI.0999', status: 500 }],
    ['resets connections after the request', { behaviour: 'reset' }],
    ['sends an unreadable response', { body: '<html>' }],
  ])('when DLI %s many times', async (_how, fault) => {
    const clock = createManualClock();
    const gateway = await startGateway({
      clock,
      env: NO_RETRY,
      emulator: { now: () => clock.epochMs() },
    });
    // Proves the credential, so that the others are sent in parallel.
    expect(await gateway.create({ name: 'first' })).toMatchObject(SUCCESS);
    gateway.emulator.inject({ operation: 'createConnection', times: SEVERAL, ...fault });
    await createMany(gateway, 'failing', SEVERAL);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1 + SEVERAL);
    expect(await gateway.create({ name: 'good' })).toMatchObject(SUCCESS);
    expect(limitsIn(gateway.log())).toEqual([]);
  });

  it('when there are successes between the connection failures', async () => {
    const gateway = await startWithOpenBreaker();
    await gateway.startDli();
    gateway.clock.advance(1_000);
    for (const name of ['a', 'b', 'c']) expect(await gateway.create({ name })).toMatchObject(SUCCESS);
    expect(limitsIn(gateway.log())).toHaveLength(2);
  });
});
