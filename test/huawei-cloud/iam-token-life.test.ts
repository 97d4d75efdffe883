import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import type { TestClock } from '../helpers/clock.js';
import { createTestClock } from '../helpers/clock.js';
import type { TestGateway, TestGatewayOptions } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER, NO_TOKEN } from '../helpers/iam-user.js';
import { listen } from '../helpers/listening-server.js';
import { createManualClock } from '../helpers/manual-clock.js';

afterEach(closeGateways);

const ISSUED_MS = Date.parse('2026-01-01T00:00:00Z');
const HOUR_MS = 3_600_000;
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };

/** A clock that only the test advances. */
function startClock(epochMs: number) {
  let passedMs = 0;
  return {
    epochMs: () => epochMs + passedMs,
    monotonicMs: () => passedMs,
    advance(ms: number) {
      passedMs += ms;
    },
  };
}

/** An IAM whose token lives from 2026-01-01 for 24 hours, and the number of issued tokens. */
async function startIam(date: string | undefined) {
  let issued = 0;
  const server = createServer((request, response) => {
    request.resume();
    issued += 1;
    response.sendDate = false;
    if (date !== undefined) response.setHeader('date', date);
    response.writeHead(201, { 'content-type': 'application/json', 'x-subject-token': `token-${issued}` });
    response.end(
      JSON.stringify({
        token: {
          issued_at: '2026-01-01T00:00:00.000000Z',
          expires_at: '2026-01-02T00:00:00.000000Z',
          project: { id: '48cc2c48765f481480c7db940d6409d1', name: 'cn-north-4' },
        },
      }),
    );
  });
  const { host } = await listen(server);
  return { url: `http://${host}`, issued: () => issued };
}

/** Starts a gateway whose DLI accepts every token. */
async function startWith({ env, clock }: TestGatewayOptions) {
  const gateway = await startGateway({ env: { ...IAM_USER, ...env }, ...(clock && { clock }) });
  gateway.emulator.inject({
    operation: 'createConnection',
    times: 0,
    status: 201,
    body: { is_success: true, message: '', connection_id: '68233202-63bf-4f27-a99b-fa5f5a2dbae1' },
  });
  return gateway;
}

/** Starts a gateway with an IAM user and an emulator on the same clock; tokens live for 24 hours. */
async function startWithClock(): Promise<TestGateway & { clock: TestClock }> {
  const clock = createTestClock();
  const options = { env: IAM_USER, clock, emulator: { now: () => clock.epochMs() } };
  return { ...(await startGateway(options)), clock };
}

describe('a token from a response without a valid Date', () => {
  it.each<[date: string, gatewayIs: string, date: string | undefined, offMs: number]>([
    ['none', 'right', undefined, 0],
    ['none', 'a day ahead', undefined, 24 * HOUR_MS],
    ['none', 'a day behind', undefined, -24 * HOUR_MS],
    ['"soon"', 'a day ahead', 'soon', 24 * HOUR_MS],
    ['"soon"', 'a day behind', 'soon', -24 * HOUR_MS],
  ])('(%s) is valid from issued_at to expires_at if the clock is %s', async (_date, _is, date, offMs) => {
    const iam = await startIam(date);
    const clock = startClock(ISSUED_MS + offMs);
    const { create } = await startWith({ env: { HUAWEICLOUD_SDK_IAM_ENDPOINT: iam.url }, clock });
    const issued: number[] = [];
    for (const waitMs of [0, 17 * HOUR_MS, 7 * HOUR_MS]) {
      clock.advance(waitMs);
      expect(await create()).toMatchObject(SUCCESS);
      issued.push(iam.issued());
    }
    expect(issued).toEqual([1, 1, 2]);
  });
});

describe('a token from a response with a Date', () => {
  it('has its age measured from the Date', async () => {
    const iam = await startIam('Thu, 01 Jan 2026 20:00:00 GMT');
    const clock = startClock(ISSUED_MS);
    const { create } = await startWith({ env: { HUAWEICLOUD_SDK_IAM_ENDPOINT: iam.url }, clock });
    expect(await create()).toMatchObject(SUCCESS);
    clock.advance(4 * HOUR_MS);
    expect(await create()).toMatchObject(SUCCESS);
    expect(iam.issued()).toBe(2);
  });
});

describe('a token with a lifetime of', () => {
  async function startWithLife(tokenLifetimeMs: number) {
    const clock = startClock(ISSUED_MS);
    const emulator = { now: () => clock.epochMs(), tokenLifetimeMs };
    return { ...(await startGateway({ env: IAM_USER, clock, emulator })), clock };
  }

  it.each([1, 500, 999])('%i ms is not used, and not requested with every create', async lifeMs => {
    const { create, emulator, clock } = await startWithLife(lifeMs);
    for (let index = 0; index < 10; index += 1) expect(await create()).toEqual(NO_TOKEN);
    expect(emulator.ledger.entries().map(({ operation }) => operation)).toEqual(['issueToken']);
    clock.advance(1_000);
    const creates = Array.from({ length: 10 }, (_, index) => create({ name: `connection-${index}` }));
    expect(await Promise.all(creates)).toEqual(Array(10).fill(NO_TOKEN));
    expect(emulator.ledger.entries().map(({ operation }) => operation)).toEqual(['issueToken', 'issueToken']);
  });

  it.each([4_000, 10_000])('%i ms is used by many creates', async lifeMs => {
    const { create, emulator } = await startWithLife(lifeMs);
    for (let index = 0; index < 10; index += 1) {
      expect(await create({ name: `connection-${index}` })).toMatchObject(SUCCESS);
    }
    expect([emulator.ledger.count('issueToken'), emulator.ledger.count('createConnection')]).toEqual([1, 10]);
  });
});

describe('an ageing token', () => {
  it('is not renewed in the first 17 of its 24 hours', async () => {
    const { emulator, create, clock } = await startWithClock();
    await create();
    clock.advance(17 * HOUR_MS);
    expect(await create({ name: 'second' })).toMatchObject(SUCCESS);
    expect(await create({ name: 'third' })).toMatchObject(SUCCESS);
    expect(emulator.ledger.count('issueToken')).toBe(1);
  });

  it('is renewed once in the background after 80 % of its lifetime', async () => {
    const { emulator, create, clock } = await startWithClock();
    await create();
    clock.advance(0.8 * 24 * HOUR_MS);
    emulator.inject({ operation: 'issueToken', delayMs: 300 });
    const payloads = await Promise.all(['a', 'b', 'c', 'd'].map(name => create({ name })));
    expect(payloads).toEqual(Array(4).fill(expect.objectContaining(SUCCESS)));
    await emulator.ledger.waitFor('issueToken', 2);
    const tokens = emulator.ledger.entries('createConnection').map(entry => entry.headers['x-auth-token']);
    expect(new Set(tokens).size).toBe(1);
    expect(emulator.ledger.count('issueToken')).toBe(2);
  });

  it('stays in use until it expires while IAM is down', async () => {
    const { emulator, create, clock } = await startWithClock();
    await create();
    emulator.inject({ operation: 'issueToken', status: 503, times: 0 });
    clock.advance(20 * HOUR_MS);
    expect(await create({ name: 'second' })).toMatchObject(SUCCESS);
    clock.advance(4 * HOUR_MS - 60_000);
    expect(await create({ name: 'third' })).toMatchObject(SUCCESS);
    clock.advance(60_000);
    expect(await create({ name: 'fourth' })).toEqual(NO_TOKEN);
    expect(emulator.ledger.count('createConnection')).toBe(3);
  });

  it('is renewed after half of its lifetime if it is short-lived', async () => {
    const clock = createTestClock();
    const { emulator, create } = await startGateway({
      env: IAM_USER,
      clock,
      emulator: { now: () => clock.epochMs(), tokenLifetimeMs: 60_000 },
    });
    await create();
    clock.advance(20_000);
    await create({ name: 'second' });
    expect(emulator.ledger.count('issueToken')).toBe(1);
    clock.advance(15_000);
    await create({ name: 'third' });
    await emulator.ledger.waitFor('issueToken', 2);
    expect(emulator.ledger.count('createConnection')).toBe(3);
  });

  it("expires by IAM's clock, not by the local one", async () => {
    const clock = createTestClock();
    const yearsBehind = () => clock.epochMs() - 5 * 365 * 24 * HOUR_MS;
    const { emulator, create } = await startGateway({ env: IAM_USER, clock, emulator: { now: yearsBehind } });
    await create();
    expect(await create({ name: 'second' })).toMatchObject(SUCCESS);
    expect(emulator.ledger.count('issueToken')).toBe(1);
  });
});

describe('an IAM that never issued a token', () => {
  it('is not called during the back-off, which is at most 1 s and then 2 s', async () => {
    const { emulator, create, clock } = await startWithClock();
    emulator.inject({ operation: 'issueToken', status: 503, times: 0 });
    const tries: number[] = [];
    for (const waitMs of [0, 0, 1_000, 0, 2_000, 0]) {
      clock.advance(waitMs);
      expect(await create()).toEqual(NO_TOKEN);
      tries.push(emulator.ledger.count('issueToken'));
    }
    expect(tries).toEqual([1, 1, 2, 2, 3, 3]);
    expect(emulator.ledger.count('createConnection')).toBe(0);
  });

  it('is called at least every 30 s, and creates succeed once it has recovered', async () => {
    const { emulator, create, clock } = await startWithClock();
    emulator.inject({ operation: 'issueToken', status: 503, times: 8 });
    for (let index = 0; index < 8; index += 1) {
      await create();
      clock.advance(30_000);
    }
    expect(emulator.ledger.count('issueToken')).toBe(8);
    expect(await create()).toMatchObject(SUCCESS);
  });

  it.each<[how: string, fault: Partial<Fault>]>([
    ['throttles', { error: 'IAM.0012' }],
    ['fails', { error: 'IAM.0006' }],
    ['resets connections', { behaviour: 'reset' }],
    ['hangs', { behaviour: 'hang' }],
    ['responds too slowly', { behaviour: 'drip' }],
    ['sends too much', { behaviour: 'huge' }],
    ['sends no token', { status: 201, body: { token: { expires_at: '2099-01-01T00:00:00.000000Z' } } }],
    ['sends HTML', { status: 201, body: '<html>' }],
    ['sends nothing', { status: 201 }],
    ['sends a token that is not a valid header value', { headers: { 'X-Subject-Token': 'a b' } }],
  ])('because it %s is reported quickly, and DLI is not called', async (_how, fault) => {
    // On a stopped clock, IAM's own timeout never passes, so the create gives up first.
    const clock = createManualClock();
    const env = { ...IAM_USER, OPERATION_TIMEOUT_MS: '1000' };
    const { emulator, create } = await startGateway({ env, clock, emulator: { now: () => clock.epochMs() } });
    emulator.inject({ operation: 'issueToken', times: 0, ...fault });
    expect(await create()).toEqual(NO_TOKEN);
    expect(emulator.ledger.count('createConnection')).toBe(0);
  });
});
