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
// Too short for a second try, so that every create is one attempt. The clock stands still, so it is never over.
const NO_SECOND_TRY = { OPERATION_TIMEOUT_MS: '1000' };

const MANY = proofSize(10, 100);

function createMany({ create }: TestGateway, prefix: string, count: number): Promise<Payload[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => create({ name: `${prefix}-${index}` })));
}

/** A gateway whose DLI is not there, after as many failures as it takes to cut it off. */
async function startCutOff() {
  const clock = createManualClock();
  const port = await closedPort();
  const endpoint = { DLI_ENDPOINT: `http://127.0.0.1:${port}` };
  const gateway = await startGateway({ clock, env: { ...NO_SECOND_TRY, ...endpoint } });
  for (let index = 0; index < 5; index += 1) {
    expect(await gateway.create({ name: `failing-${index}` })).toMatchObject({ retryAfterSeconds: 5 });
  }
  return {
    ...gateway,
    clock,
    /** DLI comes back. */
    async startDli() {
      const dli = createEmulator({ now: () => clock.epochMs() });
      await dli.listen(port);
      open.push(dli);
      return dli;
    },
  };
}

describe('a DLI that cannot be reached', () => {
  it('is cut off after 5 failures in a row: the next creates fail at once, and the log says so once', async () => {
    const gateway = await startCutOff();
    const payloads = await createMany(gateway, 'cut-off', MANY);
    expect(payloads).toEqual(Array(MANY).fill(expect.objectContaining(CUT_OFF)));
    const details = attemptsIn(gateway.log()).map(({ detail }) => detail);
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

  it('counts the second tries too, and makes none once it is cut off', async () => {
    const endpoint = `http://127.0.0.1:${await closedPort()}`;
    const { create, log } = await startGateway({
      clock: createManualClock(),
      env: { DLI_ENDPOINT: endpoint },
    });
    for (const name of ['a', 'b', 'c']) await create({ name });
    expect(attemptsIn(log()).map(({ detail }) => detail)).toEqual([...Array(5).fill('UNREACHABLE'), 'BREAKER_OPEN']);
  });

  it('gets one connection per second at most, however many creates come', async () => {
    const clock = createManualClock();
    const upstream = await listen(createServer(socket => socket.destroy()));
    const env = { ...NO_SECOND_TRY, DLI_ENDPOINT: `https://${upstream.host}` };
    const gateway = await startGateway({ clock, env });
    for (let index = 0; index < 5; index += 1) await gateway.create({ name: `failing-${index}` });
    const connections = [upstream.connections().length];
    for (let second = 0; second < 10; second += 1) {
      clock.advance(1_000);
      const payloads = await createMany(gateway, `second-${second}`, 10);
      expect(payloads.filter(({ retryAfterSeconds }) => retryAfterSeconds === 5)).toHaveLength(1);
      connections.push(upstream.connections().length);
    }
    expect(connections).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(limitsIn(gateway.log()).map(({ outcome }) => outcome)).toEqual(['BREAKER_OPENED']);
  });

  it('stays cut off while a probe hangs, and after it has given up', async () => {
    const clock = createManualClock();
    let isSilent = false;
    const upstream = await listen(createServer(socket => (isSilent ? undefined : socket.destroy())));
    const env = { ...NO_SECOND_TRY, DLI_ENDPOINT: `https://${upstream.host}` };
    const gateway = await startGateway({ clock, env });
    for (let index = 0; index < 5; index += 1) await gateway.create({ name: `failing-${index}` });
    isSilent = true;
    clock.advance(1_000);
    const probe = gateway.create({ name: 'probe' });
    while (upstream.connections().length < 6) await setImmediate();
    expect(await createMany(gateway, 'beside', 10)).toEqual(Array(10).fill(expect.objectContaining(CUT_OFF)));
    const beside = attemptsIn(gateway.log()).slice(5);
    expect(beside.map(({ detail }) => detail)).toEqual(Array(10).fill('BREAKER_OPEN'));
    clock.advance(1_000);
    expect(await probe).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', retryAfterSeconds: 5 });
    expect(await gateway.create({ name: 'behind' })).toMatchObject(CUT_OFF);
    expect(upstream.connections()).toHaveLength(6);
  });

  it('is used again by all after the first create that gets through, a second after it is back', async () => {
    const gateway = await startCutOff();
    const dli = await gateway.startDli();
    expect(await gateway.create({ name: 'too-early' })).toMatchObject(CUT_OFF);
    gateway.clock.advance(1_000);
    expect(await gateway.create({ name: 'probe' })).toMatchObject(SUCCESS);
    expect(await createMany(gateway, 'after', 20)).toEqual(Array(20).fill(expect.objectContaining(SUCCESS)));
    expect(dli.ledger.count('createConnection')).toBe(21);
    expect(limitsIn(gateway.log()).map(({ level, outcome }) => [level, outcome])).toEqual([
      [40, 'BREAKER_OPENED'],
      [40, 'BREAKER_CLOSED'],
    ]);
  });

  it('is used again as soon as the connection stands, before the slow answer to the probe', async () => {
    const gateway = await startCutOff();
    const dli = await gateway.startDli();
    dli.inject({ operation: 'createConnection', delayMs: 200 });
    gateway.clock.advance(1_000);
    const probe = gateway.create({ name: 'probe' });
    await dli.ledger.waitFor('createConnection', 1);
    expect(limitsIn(gateway.log()).map(({ outcome }) => outcome)).toEqual(['BREAKER_OPENED', 'BREAKER_CLOSED']);
    expect(await probe).toMatchObject(SUCCESS);
  });

  it('is cut off again when it goes away again, after 5 more failures', async () => {
    const gateway = await startCutOff();
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

describe('a DLI that can be reached is not cut off', () => {
  it.each<[how: string, fault: Partial<Fault>]>([
    ['refuses the input', { error: 'DLI.0001' }],
    ['throttles', { error: 'APIGW.0308' }],
    ['forbids', { error: 'APIGW.0302' }],
    ['fails', { error: 'DLI.0999', status: 500 }],
    ['resets connections after the request', { behaviour: 'reset' }],
    ['answers nonsense', { body: '<html>' }],
  ])('when it %s 20 times', async (_how, fault) => {
    const clock = createManualClock();
    const gateway = await startGateway({
      clock,
      env: NO_SECOND_TRY,
      emulator: { now: () => clock.epochMs() },
    });
    // Proves the credential, so that the others go at the same time.
    expect(await gateway.create({ name: 'first' })).toMatchObject(SUCCESS);
    gateway.emulator.inject({ operation: 'createConnection', times: 20, ...fault });
    await createMany(gateway, 'failing', 20);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(21);
    expect(await gateway.create({ name: 'good' })).toMatchObject(SUCCESS);
    expect(limitsIn(gateway.log())).toEqual([]);
  });

  it('when failures to connect have successes in between', async () => {
    const gateway = await startCutOff();
    await gateway.startDli();
    gateway.clock.advance(1_000);
    for (const name of ['a', 'b', 'c']) expect(await gateway.create({ name })).toMatchObject(SUCCESS);
    expect(limitsIn(gateway.log())).toHaveLength(2);
  });
});
