import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestGatewayOptions } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER, NO_TOKEN } from '../helpers/iam-user.js';
import { listen } from '../helpers/listening-server.js';

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

describe('a token from a response without a valid Date', () => {
  it.each<[date: string, gatewayIs: string, date: string | undefined, offMs: number]>([
    ['none', 'right', undefined, 0],
    ['none', 'a day ahead', undefined, 24 * HOUR_MS],
    ['none', 'a day behind', undefined, -24 * HOUR_MS],
    ['"soon"', 'a day ahead', 'soon', 24 * HOUR_MS],
    ['"soon"', 'a day behind', 'soon', -24 * HOUR_MS],
  ])('(%s) lives from issued_at to expires_at if the clock is %s', async (_date, _is, date, offMs) => {
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

describe('a token with a life of', () => {
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
