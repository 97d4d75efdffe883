import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../src/lib/time.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';

afterEach(closeGateways);

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
/** A clock that stands still, so that the speed of the machine does not matter. */
const CLOCK: Clock = { epochMs: () => NOW_MS, monotonicMs: () => 0 };

// Too short for a wait of one second and a retry, long enough for a retry after the default back-off.
const SHORT = { OPERATION_TIMEOUT_MS: '1900' };

function startShort() {
  return startGateway({ clock: CLOCK, env: SHORT, emulator: { now: () => NOW_MS } });
}

/** Creates against a DLI that throttles, at a fixed time in 2026. */
async function createThrottled(fault: { headers?: Record<string, string>; error?: string }) {
  const { emulator, create } = await startShort();
  emulator.inject({ operation: 'createConnection', times: 0, status: 429, ...fault });
  const { __typename, code, retryAfterSeconds } = await create();
  return {
    answer: [__typename, code, retryAfterSeconds],
    posts: emulator.ledger.count('createConnection'),
  };
}

describe('a throttled create', () => {
  it.each([
    ['one second', '1', 1, 1],
    ['five seconds', '5', 5, 1],
    ['zero seconds, which is less than the minimum', '0', 1, 1],
    ['a day, which exceeds the maximum', '86400', 300, 1],
    ['a date', 'Thu, 01 Jan 2026 00:00:30 GMT', 30, 1],
    ['a date far in the future, which exceeds the maximum', 'Fri, 02 Jan 2026 00:00:00 GMT', 300, 1],
    ['a date in the past, which is less than the minimum', 'Wed, 31 Dec 2025 23:59:30 GMT', 1, 1],
    ['garbage, which is ignored', 'soon', 1, 2],
    ['garbage with a year in it, which is ignored', 'not before 2099', 1, 2],
    ['a fraction, which is ignored', '1.5', 1, 2],
    ['a negative number, which is ignored', '-5', 1, 2],
    ['a number of 400 digits, which is ignored', '9'.repeat(400), 1, 2],
    ['an empty string', '', 1, 2],
  ])(
    'returns the time to wait, and is retried only without a valid Retry-After: %s',
    async (_case, header, seconds, requests) => {
      const { answer, posts } = await createThrottled({
        error: 'APIGW.0308',
        headers: { 'Retry-After': header },
      });
      expect(answer).toEqual(['DliUnavailableError', 'UPSTREAM_THROTTLED', seconds]);
      expect(posts).toBe(requests);
    },
  );

  it('without Retry-After is retried once and returns one second', async () => {
    const { answer, posts } = await createThrottled({ error: 'APIGW.0308' });
    expect(answer).toEqual(['DliUnavailableError', 'UPSTREAM_THROTTLED', 1]);
    expect(posts).toBe(2);
  });

  it('with an empty body returns the time of Retry-After and is not retried', async () => {
    const { answer, posts } = await createThrottled({ headers: { 'Retry-After': '7' } });
    expect(answer).toEqual(['DliUnavailableError', 'UPSTREAM_THROTTLED', 7]);
    expect(posts).toBe(1);
  });
});

describe('other refusals return a time to wait too', () => {
  it.each([
    ['APIGW.0613', { 'Retry-After': '9' }, 'UPSTREAM_UNAVAILABLE', 9],
    ['APIGW.0613', {}, 'UPSTREAM_UNAVAILABLE', 1],
    ['APIGW.0302', {}, 'UPSTREAM_AUTH_FAILED', 60],
  ])('%s with headers %j becomes %s after %i s', async (error, headers, code, seconds) => {
    const { emulator, create } = await startShort();
    emulator.inject({ operation: 'createConnection', times: 0, error, headers });
    expect(await create()).toMatchObject({
      __typename: 'DliUnavailableError',
      code,
      retryAfterSeconds: seconds,
    });
  });
});
