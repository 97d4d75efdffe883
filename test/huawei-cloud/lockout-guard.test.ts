import { afterEach, describe, expect, it } from '@jest/globals';
import { CredentialProbe } from '../../src/huawei-cloud/credential-probe.js';
import { LockoutGuard, RefusalWindow } from '../../src/huawei-cloud/lockout-guard.js';
import { Deadline } from '../../src/lib/time.js';
import { createTestClock } from '../helpers/clock.js';
import type { Payload, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { limitsIn } from '../helpers/log-lines.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';

afterEach(closeGateways);

const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const AUTH_FAILED = { __typename: 'DliUnavailableError', code: 'UPSTREAM_AUTH_FAILED' };
const WRONG_SECRET = { HUAWEICLOUD_SDK_SK: 'wrong' };
const WRONG_PASSWORD = { ...IAM_USER, IAM_PASSWORD: 'wrong' };
const HOUR_MS = 3_600_000;
/** Number of batches of creates within 5 minutes, and the time between them. */
const STEPS = proofSize(6, 25);
const STEP_MS = 300_000 / STEPS;
const MANY = proofSize(10, 50);
const AT_ONCE = proofSize(4, 20);

/** Starts a gateway on a clock that only the test advances. */
async function startWithClock(env = {}, emulator = {}, clock = createManualClock()) {
  const options = { env, clock, emulator: { now: () => clock.epochMs(), ...emulator } };
  return { ...(await startGateway(options)), clock };
}

function createMany({ create }: TestGateway, prefix: string, count: number): Promise<Payload[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => create({ name: `${prefix}-${index}` })));
}

/** The operations of all requests that the emulator received. */
function attempts({ emulator }: TestGateway): string[] {
  return emulator.ledger.entries().map(({ operation }) => operation);
}

/** A gateway whose access key is suspended after two refusals. */
async function startSuspended() {
  const gateway = await startWithClock(WRONG_SECRET);
  await gateway.create({ name: 'first' });
  await gateway.create({ name: 'second' });
  return gateway;
}

describe('a refused access key', () => {
  it('is sent twice for many parallel creates after the start, and all of them fail', async () => {
    const gateway = await startWithClock(WRONG_SECRET);
    const payloads = await createMany(gateway, 'cold', MANY);
    expect(payloads).toEqual(Array(MANY).fill(expect.objectContaining(AUTH_FAILED)));
    expect(attempts(gateway)).toEqual(['createConnection', 'createConnection']);
  });

  it('is suspended for 60 s after two refusals, and creates fail at once with the remaining time', async () => {
    const gateway = await startSuspended();
    for (const remaining of [60, 40, 20]) {
      expect(await gateway.create()).toMatchObject({ ...AUTH_FAILED, retryAfterSeconds: remaining });
      gateway.clock.advance(20_000);
    }
    expect(attempts(gateway)).toHaveLength(2);
    await gateway.create({ name: 'after' });
    expect(attempts(gateway)).toHaveLength(3);
  });

  it('is logged once as suspended, without the key', async () => {
    const gateway = await startSuspended();
    await createMany(gateway, 'stopped', 5);
    expect(limitsIn(gateway.log())).toEqual([
      {
        level: 40,
        time: expect.any(Number),
        operation: 'authenticate',
        outcome: 'CREDENTIAL_STOPPED',
        retryAfterSeconds: 60,
        msg: 'credential suspended',
      },
    ]);
  });

  it('is sent at most 3 times in 5 minutes, and is never locked, no matter how many creates there are', async () => {
    const gateway = await startWithClock(WRONG_SECRET, { lockAfterFailures: 5 });
    for (let step = 0; step < STEPS; step += 1) {
      await createMany(gateway, `step-${step}`, 3);
      gateway.clock.advance(STEP_MS);
    }
    const entries = gateway.emulator.ledger.entries();
    expect(entries).toHaveLength(3);
    expect(entries.map(({ reasonRefused }) => reasonRefused)).not.toContainEqual(expect.stringContaining('limit'));
  });

  it('is used by all creates again after a probe has succeeded', async () => {
    const gateway = await startWithClock({}, {}, createTestClock());
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 2 });
    await createMany(gateway, 'refused', 10);
    gateway.clock.advance(60_000);
    gateway.emulator.inject({ operation: 'createConnection', delayMs: 200 });
    const first = gateway.create({ name: 'first' });
    await gateway.emulator.ledger.waitFor('createConnection', 3);
    const others = createMany(gateway, 'other', MANY);
    expect(await first).toMatchObject(SUCCESS);
    expect(await others).toEqual(Array(MANY).fill(expect.objectContaining(SUCCESS)));
    const [, , probe, next] = gateway.emulator.ledger.entries('createConnection');
    expect((next?.atMs ?? 0) - (probe?.atMs ?? 0)).toBeGreaterThanOrEqual(190);
  });

  it('that worked before is tried by one create at a time', async () => {
    const gateway = await startWithClock();
    await gateway.create({ name: 'good' });
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 0 });
    await gateway.create({ name: 'first-refused' });
    const payloads = await createMany(gateway, 'doubtful', MANY);
    expect(payloads).toEqual(Array(MANY).fill(expect.objectContaining(AUTH_FAILED)));
    expect(gateway.emulator.ledger.count('createConnection')).toBe(3);
  });

  it('that has not been used for a minute is tried by one create first', async () => {
    const gateway = await startWithClock();
    await gateway.create({ name: 'good' });
    gateway.clock.advance(60_000);
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 0 });
    await createMany(gateway, 'morning', MANY);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(3);
  });

  it('stays in use if there is a success between two refusals', async () => {
    const gateway = await startWithClock();
    for (const skip of [0, 1]) {
      gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', skip });
    }
    const payloads: Payload[] = [];
    for (const name of ['a', 'b', 'c', 'd']) payloads.push(await gateway.create({ name }));
    expect(payloads).toMatchObject([AUTH_FAILED, SUCCESS, AUTH_FAILED, SUCCESS]);
    expect(limitsIn(gateway.log())).toEqual([]);
  });

  it('is suspended after a third consecutive refusal until the first one is 5 minutes ago', async () => {
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

  it('is not suspended for refusals before the last success', async () => {
    const gateway = await startWithClock();
    for (let index = 0; index < 6; index += 1) {
      gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301' });
      expect(await gateway.create({ name: `refused-${index}` })).toMatchObject(AUTH_FAILED);
      expect(await gateway.create({ name: `good-${index}` })).toMatchObject(SUCCESS);
      gateway.clock.advance(10_000);
    }
    expect(limitsIn(gateway.log())).toEqual([]);
  });

  it('counts in the project lookup too', async () => {
    const gateway = await startWithClock({ ...WRONG_SECRET, HUAWEICLOUD_SDK_PROJECT_ID: undefined });
    for (let step = 0; step < STEPS; step += 1) {
      await createMany(gateway, `step-${step}`, 2);
      gateway.clock.advance(STEP_MS);
    }
    expect(attempts(gateway)).toEqual(Array(3).fill('listProjects'));
  });

  it('counts even if the response has no error code', async () => {
    const gateway = await startWithClock({ OPERATION_TIMEOUT_MS: '1000' });
    gateway.emulator.inject({ operation: 'any', status: 401, times: 0 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await gateway.create({ name });
    expect(attempts(gateway).length).toBeLessThanOrEqual(3);
  });
});

describe('a valid access key', () => {
  it('serves many parallel creates right after the start', async () => {
    const gateway = await startWithClock();
    const count = proofSize(20, 500);
    const payloads = await createMany(gateway, 'cold', count);
    expect(payloads).toEqual(Array(count).fill(expect.objectContaining(SUCCESS)));
    expect(gateway.emulator.ledger.count('createConnection')).toBe(count);
  });

  it('is not blocked for long by a first create that hangs', async () => {
    const gateway = await startGateway();
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    const events: string[] = [];
    const hanging = gateway.create({ name: 'hanging' }).then(() => events.push('given up'));
    await gateway.emulator.ledger.waitFor('createConnection', 1);
    expect(await createMany(gateway, 'other', MANY)).toEqual(Array(MANY).fill(expect.objectContaining(SUCCESS)));
    events.push('others created');
    await gateway.emulator.close();
    await hanging;
    expect(events).toEqual(['others created', 'given up']);
  });

  it('is not blocked for long by creates whose responses do not prove it', async () => {
    const gateway = await startGateway();
    gateway.emulator.inject({ operation: 'createConnection', status: 502 });
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'hang', times: 0 });
    const unproven = createMany(gateway, 'unproven', MANY);
    // Sent one at a time, they would not all be sent before the first one times out.
    await gateway.emulator.ledger.waitFor('createConnection', MANY);
    await gateway.emulator.close();
    expect(await unproven).toEqual(Array(MANY).fill(expect.objectContaining({ code: 'OUTCOME_UNKNOWN' })));
  });
});

describe('an IAM user', () => {
  it('with a wrong password requests at most 3 tokens in 5 minutes, no matter how many creates there are', async () => {
    const gateway = await startWithClock(WRONG_PASSWORD);
    for (let step = 0; step < STEPS; step += 1) {
      const payloads = await createMany(gateway, `step-${step}`, 3);
      expect(payloads).toEqual(Array(3).fill(expect.objectContaining(AUTH_FAILED)));
      gateway.clock.advance(STEP_MS);
    }
    expect(attempts(gateway)).toEqual(Array(3).fill('issueToken'));
  });

  it('with a wrong password is suspended, and creates fail at once with the remaining time', async () => {
    const gateway = await startWithClock(WRONG_PASSWORD);
    await createMany(gateway, 'cold', MANY);
    gateway.clock.advance(1_000);
    await gateway.create({ name: 'second' });
    expect(limitsIn(gateway.log())).toMatchObject([{ outcome: 'CREDENTIAL_STOPPED', retryAfterSeconds: 60 }]);
    gateway.clock.advance(20_000);
    expect(await gateway.create()).toMatchObject({ ...AUTH_FAILED, retryAfterSeconds: 40 });
  });

  it('whose new tokens are refused sends two creates and is suspended', async () => {
    const gateway = await startWithClock(IAM_USER);
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 0 });
    const payloads = await createMany(gateway, 'cold', MANY);
    expect(payloads).toEqual(Array(MANY).fill(expect.objectContaining(AUTH_FAILED)));
    expect(attempts(gateway)).toEqual(['issueToken', 'createConnection', 'issueToken', 'createConnection']);
  });

  it('whose new tokens are refused sends at most 3 creates in 5 minutes', async () => {
    const gateway = await startWithClock(IAM_USER);
    gateway.emulator.inject({ operation: 'createConnection', error: 'APIGW.0301', times: 0 });
    for (let step = 0; step < STEPS; step += 1) {
      await createMany(gateway, `step-${step}`, 2);
      gateway.clock.advance(STEP_MS);
    }
    expect(gateway.emulator.ledger.count('createConnection')).toBe(3);
    expect(gateway.emulator.ledger.count('issueToken')).toBeLessThanOrEqual(3);
  });

  it('keeps its token when the password has become invalid, and sends that at most 3 times in 5 minutes', async () => {
    const gateway = await startWithClock(IAM_USER);
    await gateway.create({ name: 'first' });
    gateway.emulator.inject({ operation: 'issueToken', status: 401, times: 0 });
    gateway.clock.advance(20 * HOUR_MS);
    // Tokens are requested in the background, so the steps are short enough not to miss late requests.
    for (let step = 0; step < 25; step += 1) {
      expect(await gateway.create({ name: `step-${step}` })).toMatchObject(SUCCESS);
      gateway.clock.advance(12_000);
    }
    expect(gateway.emulator.ledger.count('issueToken')).toBe(4);
  });

  it('whose token expires is not suspended, and all creates succeed with a new token', async () => {
    const gateway = await startWithClock(IAM_USER);
    for (let round = 0; round < 5; round += 1) {
      const payloads = await createMany(gateway, `round-${round}`, AT_ONCE);
      expect(payloads).toEqual(Array(AT_ONCE).fill(expect.objectContaining(SUCCESS)));
      gateway.emulator.expireTokens();
    }
    expect(gateway.emulator.ledger.count('issueToken')).toBe(5);
    expect(limitsIn(gateway.log())).toEqual([]);
  });
});

describe('requests with an unproven credential', () => {
  function startProbe() {
    const clock = createManualClock();
    const guard = new LockoutGuard(clock, new RefusalWindow(clock), () => undefined);
    const probe = new CredentialProbe(guard, clock);
    const acquire = () => probe.acquire(new Deadline(clock, 10_000));
    return { clock, guard, probe, acquire };
  }

  it('wait for a single probe for one second, and then are all sent', async () => {
    const { clock, acquire } = startProbe();
    const permit = { isProbe: true, generation: 0 };
    expect(acquire()).toEqual(permit);
    clock.advance(999);
    const waiting = [acquire(), acquire(), acquire()];
    expect(waiting).toEqual(Array(3).fill(expect.any(Promise)));
    clock.advance(1);
    expect(await Promise.all(waiting)).toEqual(Array(3).fill(permit));
    expect([acquire(), acquire()]).toEqual([permit, permit]);
  });

  it('are sent one after another while each ends without a proof', async () => {
    const { probe, acquire } = startProbe();
    const permit = { isProbe: true, generation: 0 };
    const first = await acquire();
    const [second, third] = [acquire(), acquire()];
    probe.release(first, 'UNPROVEN');
    expect(await second).toEqual(permit);
    probe.release(await second, 'UNPROVEN');
    expect(await third).toEqual(permit);
  });

  it('are sent one at a time after a refusal, no matter how long the response takes', async () => {
    const { clock, guard, probe, acquire } = startProbe();
    const first = await acquire();
    guard.recordRefusal();
    probe.release(first, 'REFUSED');
    const second = await acquire();
    clock.advance(5_000);
    const third = acquire();
    expect(third).toBeInstanceOf(Promise);
    probe.release(second, 'ACCEPTED');
    expect(await third).toEqual({ isProbe: false, generation: 1 });
  });

  it('are not proven by the response to a request that was sent before the last refusal', async () => {
    const { clock, guard, probe, acquire } = startProbe();
    const early = await acquire();
    clock.advance(1_000);
    const late = await acquire();
    guard.recordRefusal();
    probe.release(late, 'REFUSED');
    probe.release(early, 'ACCEPTED');
    expect(await acquire()).toEqual({ isProbe: true, generation: 1 });
  });

  it('are refused at once when 500 are waiting', async () => {
    const { probe, acquire } = startProbe();
    const first = await acquire();
    const waiting = Array.from({ length: 500 }, () => acquire());
    expect(acquire).toThrow(expect.objectContaining({ failure: 'PROBE_TIMEOUT' }));
    probe.release(first, 'ACCEPTED');
    expect(await Promise.all(waiting)).toHaveLength(500);
  });
});
