import { afterEach, describe, expect, it } from '@jest/globals';
import { TrialGate } from '../../src/huawei-cloud/credential-probe.js';
import { CredentialGuard, RefusalWindow } from '../../src/huawei-cloud/lockout-guard.js';
import { Deadline } from '../../src/lib/time.js';
import { createTestClock } from '../helpers/clock.js';
import type { Payload, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { limitsIn } from '../helpers/log-lines.js';
import { createStillClock } from '../helpers/still-clock.js';

afterEach(closeGateways);

const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const AUTH_FAILED = { __typename: 'DliUnavailableError', code: 'UPSTREAM_AUTH_FAILED' };
const WRONG_SECRET = { HUAWEICLOUD_SDK_SK: 'wrong' };
const WRONG_PASSWORD = { ...IAM_USER, IAM_PASSWORD: 'wrong' };
const HOUR_MS = 3_600_000;

async function startWithClock(env = {}, emulator = {}, clock = createStillClock()) {
  const options = { env, clock, emulator: { now: () => clock.epochMs(), ...emulator } };
  return { ...(await startGateway(options)), clock };
}

function createMany({ create }: TestGateway, prefix: string, count: number): Promise<Payload[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => create({ name: `${prefix}-${index}` })));
}

/** The fastest of five creates: the others may have met a busy machine. */
async function fastestCreate({ create }: TestGateway): Promise<{ payload: Payload; tookMs: number }> {
  const results: { payload: Payload; tookMs: number }[] = [];
  for (let index = 0; index < 5; index += 1) {
    const startedMs = performance.now();
    results.push({ payload: await create(), tookMs: performance.now() - startedMs });
  }
  return results.reduce((fastest, result) => (result.tookMs < fastest.tookMs ? result : fastest));
}

/** Every request that carried the access key or the password, and every create. */
function attempts({ emulator }: TestGateway): string[] {
  return emulator.ledger.entries().map(({ operation }) => operation);
}

/** Two refusals, after which the access key rests. */
async function startStopped() {
  const gateway = await startWithClock(WRONG_SECRET);
  await gateway.create({ name: 'first' });
  await gateway.create({ name: 'second' });
  return gateway;
}

describe('an access key that is refused', () => {
  it('from the start by 50 parallel creates is sent twice, and all of them fail', async () => {
    const gateway = await startWithClock(WRONG_SECRET);
    const payloads = await createMany(gateway, 'cold', 50);
    expect(payloads).toEqual(Array(50).fill(expect.objectContaining(AUTH_FAILED)));
    expect(attempts(gateway)).toEqual(['createConnection', 'createConnection']);
  });

  it('twice is suspended for 60 s, and creates fail at once with the remaining time', async () => {
    const gateway = await startStopped();
    for (const rest of [60, 40, 20]) {
      const { payload, tookMs } = await fastestCreate(gateway);
      expect(tookMs).toBeLessThan(50);
      expect(payload).toMatchObject({ ...AUTH_FAILED, retryAfterSeconds: rest });
      gateway.clock.advance(20_000);
    }
    expect(attempts(gateway)).toHaveLength(2);
    await gateway.create({ name: 'after' });
    expect(attempts(gateway)).toHaveLength(3);
  });

  it('is logged once as suspended, without the key', async () => {
    const gateway = await startStopped();
    await createMany(gateway, 'stopped', 20);
    expect(limitsIn(gateway.log())).toEqual([
      {
        level: 40,
        time: expect.any(Number),
        operation: 'authenticate',
        outcome: 'CREDENTIAL_STOPPED',
        retryAfterSeconds: 60,
        msg: 'credential put aside',
      },
    ]);
  });

  it('is shown 3 times in 5 minutes and never locked, whatever callers do', async () => {
    const gateway = await startWithClock(WRONG_SECRET, { lockAfterFailures: 5 });
    for (let second = 0; second < 299; second += 4) {
      await createMany(gateway, `second-${second}`, 3);
      gateway.clock.advance(4_000);
    }
    const entries = gateway.emulator.ledger.entries();
    expect(entries).toHaveLength(3);
    expect(entries.map(({ reasonRefused }) => reasonRefused)).not.toContainEqual(
      expect.stringContaining('limit'),
    );
  });

  it('is used again by all after one create has shown that it works', async () => {
    const gateway = await startWithClock({}, {}, createTestClock());
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 2 });
    await createMany(gateway, 'refused', 10);
    gateway.clock.advance(60_000);
    gateway.emulator.inject({ operation: 'createConnection', delayMs: 200 });
    const first = gateway.create({ name: 'first' });
    await gateway.emulator.ledger.waitFor('createConnection', 3);
    const others = createMany(gateway, 'other', 20);
    expect(await first).toMatchObject(SUCCESS);
    expect(await others).toEqual(Array(20).fill(expect.objectContaining(SUCCESS)));
    const [, , probe, next] = gateway.emulator.ledger.entries('createConnection');
    expect((next?.atMs ?? 0) - (probe?.atMs ?? 0)).toBeGreaterThanOrEqual(190);
  });

  it('after it worked is tried by one create at a time', async () => {
    const gateway = await startWithClock();
    await gateway.create({ name: 'good' });
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 0 });
    await gateway.create({ name: 'first-refused' });
    const payloads = await createMany(gateway, 'doubtful', 50);
    expect(payloads).toEqual(Array(50).fill(expect.objectContaining(AUTH_FAILED)));
    expect(gateway.emulator.ledger.count('createConnection')).toBe(3);
  });

  it('that has not been used for a minute is tried by one create first', async () => {
    const gateway = await startWithClock();
    await gateway.create({ name: 'good' });
    gateway.clock.advance(60_000);
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 0 });
    await createMany(gateway, 'morning', 50);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(3);
  });

  it('stays in use when a success comes between two refusals', async () => {
    const gateway = await startWithClock();
    for (const skip of [0, 1]) {
      gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', skip });
    }
    const payloads: Payload[] = [];
    for (const name of ['a', 'b', 'c', 'd']) payloads.push(await gateway.create({ name }));
    expect(payloads).toMatchObject([AUTH_FAILED, SUCCESS, AUTH_FAILED, SUCCESS]);
    expect(limitsIn(gateway.log())).toEqual([]);
  });

  it('a third time in a row within 5 minutes rests until the first time is 5 minutes ago', async () => {
    const gateway = await startWithClock();
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 3 });
    for (const waitMs of [30_000, 60_000, 0]) {
      expect(await gateway.create({ name: `refused-${waitMs}` })).toMatchObject(AUTH_FAILED);
      gateway.clock.advance(waitMs);
    }
    expect(await gateway.create({ name: 'stopped' })).toMatchObject({
      ...AUTH_FAILED,
      retryAfterSeconds: 210,
    });
    expect(gateway.emulator.ledger.count('createConnection')).toBe(3);
    gateway.clock.advance(210_000);
    expect(await gateway.create({ name: 'after' })).toMatchObject(SUCCESS);
  });

  it('is not under suspicion for what was refused before the last success', async () => {
    const gateway = await startWithClock();
    for (let index = 0; index < 6; index += 1) {
      gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301' });
      expect(await gateway.create({ name: `refused-${index}` })).toMatchObject(AUTH_FAILED);
      expect(await gateway.create({ name: `good-${index}` })).toMatchObject(SUCCESS);
      gateway.clock.advance(10_000);
    }
    expect(limitsIn(gateway.log())).toEqual([]);
  });

  it('in the look-up of the project counts the same way', async () => {
    const gateway = await startWithClock({ ...WRONG_SECRET, HUAWEICLOUD_SDK_PROJECT_ID: undefined });
    for (let second = 0; second < 299; second += 4) {
      await createMany(gateway, `second-${second}`, 2);
      gateway.clock.advance(4_000);
    }
    expect(attempts(gateway)).toEqual(Array(3).fill('listProjects'));
  });

  it('without a code of the platform counts too', async () => {
    const gateway = await startWithClock({ OPERATION_TIMEOUT_MS: '1000' });
    gateway.emulator.inject({ operation: 'any', status: 401, times: 0 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await gateway.create({ name });
    expect(attempts(gateway).length).toBeLessThanOrEqual(3);
  });
});

describe('an access key that works', () => {
  it('serves 500 creates that come at the same time to a gateway that has just started', async () => {
    const gateway = await startGateway();
    const startedMs = performance.now();
    const payloads = await createMany(gateway, 'cold', 500);
    // One at a time, a second each would be minutes.
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    expect(payloads).toEqual(Array(500).fill(expect.objectContaining(SUCCESS)));
    expect(gateway.emulator.ledger.count('createConnection')).toBe(500);
  });

  it('is not held up for long by a first create that hangs', async () => {
    const gateway = await startGateway({ env: { OPERATION_TIMEOUT_MS: '4000' } });
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    const hanging = gateway.create({ name: 'hanging' });
    await gateway.emulator.ledger.waitFor('createConnection', 1);
    const startedMs = performance.now();
    expect(await createMany(gateway, 'other', 20)).toEqual(Array(20).fill(expect.objectContaining(SUCCESS)));
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await hanging;
  });

  it('is not held up for long by creates whose answers do not prove it', async () => {
    const gateway = await startGateway();
    gateway.emulator.inject({ operation: 'createConnection', status: 502, delayMs: 400, times: 0 });
    await createMany(gateway, 'unproven', 20);
    const times = gateway.emulator.ledger.entries('createConnection').map(({ atMs }) => atMs);
    expect(times).toHaveLength(20);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(2_500);
  });
});

describe('an IAM user', () => {
  it('whose password is wrong is shown 3 times in 5 minutes, whatever callers do', async () => {
    const gateway = await startWithClock(WRONG_PASSWORD);
    for (let second = 0; second < 299; second += 4) {
      const payloads = await createMany(gateway, `second-${second}`, 3);
      expect(payloads).toEqual(Array(3).fill(expect.objectContaining(AUTH_FAILED)));
      gateway.clock.advance(4_000);
    }
    expect(attempts(gateway)).toEqual(Array(3).fill('issueToken'));
  });

  it('whose password is wrong is answered for at once while it rests, with the rest of the time', async () => {
    const gateway = await startWithClock(WRONG_PASSWORD);
    await createMany(gateway, 'cold', 50);
    gateway.clock.advance(1_000);
    await gateway.create({ name: 'second' });
    expect(limitsIn(gateway.log())).toMatchObject([{ outcome: 'CREDENTIAL_STOPPED', retryAfterSeconds: 60 }]);
    gateway.clock.advance(20_000);
    const { payload, tookMs } = await fastestCreate(gateway);
    expect(tookMs).toBeLessThan(50);
    expect(payload).toMatchObject({ ...AUTH_FAILED, retryAfterSeconds: 40 });
  });

  it('whose fresh tokens are refused sends two creates, and rests', async () => {
    const gateway = await startWithClock(IAM_USER);
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 0 });
    const payloads = await createMany(gateway, 'cold', 50);
    expect(payloads).toEqual(Array(50).fill(expect.objectContaining(AUTH_FAILED)));
    expect(attempts(gateway)).toEqual(['issueToken', 'createConnection', 'issueToken', 'createConnection']);
  });

  it('whose fresh tokens are refused meets 3 refusals in 5 minutes', async () => {
    const gateway = await startWithClock(IAM_USER);
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 0 });
    for (let second = 0; second < 299; second += 4) {
      await createMany(gateway, `second-${second}`, 2);
      gateway.clock.advance(4_000);
    }
    expect(gateway.emulator.ledger.count('createConnection')).toBe(3);
    expect(gateway.emulator.ledger.count('issueToken')).toBeLessThanOrEqual(3);
  });

  it('keeps its good token in use when the password has gone bad, and shows that 3 times in 5 minutes', async () => {
    const gateway = await startWithClock(IAM_USER);
    await gateway.create({ name: 'first' });
    gateway.emulator.inject({ operation: 'issueToken', status: 401, times: 0 });
    gateway.clock.advance(20 * HOUR_MS);
    for (let second = 0; second < 299; second += 4) {
      expect(await gateway.create({ name: `second-${second}` })).toMatchObject(SUCCESS);
      gateway.clock.advance(4_000);
    }
    expect(gateway.emulator.ledger.count('issueToken')).toBe(4);
  });

  it('whose token runs out is not under suspicion: all creates that met it succeed with another', async () => {
    const gateway = await startWithClock(IAM_USER);
    for (let round = 0; round < 5; round += 1) {
      expect(await createMany(gateway, `round-${round}`, 20)).toEqual(
        Array(20).fill(expect.objectContaining(SUCCESS)),
      );
      gateway.emulator.expireTokens();
    }
    expect(gateway.emulator.ledger.count('issueToken')).toBe(5);
    expect(limitsIn(gateway.log())).toEqual([]);
  });
});

describe('uses of a credential that nobody has proven', () => {
  function startGate() {
    const clock = createStillClock();
    const guard = new CredentialGuard(clock, new RefusalWindow(clock));
    const gate = new TrialGate(guard, clock);
    const enter = () => gate.enter(new Deadline(clock, 10_000));
    return { clock, guard, gate, enter };
  }

  it('begin with one alone, wait a second for its answer, and then all go', async () => {
    const { clock, enter } = startGate();
    const probe = { isTrial: true, generation: 0 };
    expect(enter()).toEqual(probe);
    clock.advance(999);
    const waiting = [enter(), enter(), enter()];
    expect(waiting).toEqual(Array(3).fill(expect.any(Promise)));
    clock.advance(1);
    expect(await Promise.all(waiting)).toEqual(Array(3).fill(probe));
    expect([enter(), enter()]).toEqual([probe, probe]);
  });

  it('follow one another while each ends without a proof', async () => {
    const { gate, enter } = startGate();
    const probe = { isTrial: true, generation: 0 };
    const first = await enter();
    const [second, third] = [enter(), enter()];
    gate.leave(first, 'UNPROVEN');
    expect(await second).toEqual(probe);
    gate.leave(await second, 'UNPROVEN');
    expect(await third).toEqual(probe);
  });

  it('come one at a time after a refusal, however long the answer takes', async () => {
    const { clock, guard, gate, enter } = startGate();
    const first = await enter();
    guard.refused();
    gate.leave(first, 'REFUSED');
    const second = await enter();
    clock.advance(5_000);
    const third = enter();
    expect(third).toBeInstanceOf(Promise);
    gate.leave(second, 'ACCEPTED');
    expect(await third).toEqual({ isTrial: false, generation: 1 });
  });

  it('are not proven by an answer to a request from before the last refusal', async () => {
    const { clock, guard, gate, enter } = startGate();
    const early = await enter();
    clock.advance(1_000);
    const late = await enter();
    guard.refused();
    gate.leave(late, 'REFUSED');
    gate.leave(early, 'ACCEPTED');
    expect(await enter()).toEqual({ isTrial: true, generation: 1 });
  });

  it('may wait 500 at a time, and one more is turned away at once', async () => {
    const { gate, enter } = startGate();
    const first = await enter();
    const waiting = Array.from({ length: 500 }, () => enter());
    expect(enter).toThrow(expect.objectContaining({ failure: 'NO_TURN' }));
    gate.leave(first, 'ACCEPTED');
    expect(await Promise.all(waiting)).toHaveLength(500);
  });
});
