import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../src/lib/time.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';

afterEach(closeGateways);

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
/** A clock that stands still, so that a slow machine leaves as much time as a quick one. */
const CLOCK: Clock = { epochMs: () => NOW_MS, monotonicMs: () => 0 };

// Too short for a wait of a second and the call behind it, long enough for one that was not asked for.
const SHORT = { OPERATION_TIMEOUT_MS: '1900' };

function startShort() {
  return startGateway({ clock: CLOCK, env: SHORT, emulator: { now: () => NOW_MS } });
}

/** Creates against a DLI that throttles, all at the same moment of 2026. */
async function createThrottled(fault: { headers?: Record<string, string>; error?: string }) {
  const { emulator, create } = await startShort();
  emulator.inject({ operation: 'createConnection', times: 0, status: 429, ...fault });
  const { __typename, code, retryAfterSeconds } = await create();
  return {
    answer: [__typename, code, retryAfterSeconds],
    posts: emulator.ledger.count('createConnection'),
  };
}

describe('a throttled create answers how long to wait', () => {
  it.each([
    ['one second', '1', 1, 1],
    ['five seconds', '5', 5, 1],
    ['no time, as the least wait', '0', 1, 1],
    ['a day, as the longest wait', '86400', 300, 1],
    ['a date', 'Thu, 01 Jan 2026 00:00:30 GMT', 30, 1],
    ['a date far away, as the longest wait', 'Fri, 02 Jan 2026 00:00:00 GMT', 300, 1],
    ['a date gone by, as the least wait', 'Wed, 31 Dec 2025 23:59:30 GMT', 1, 1],
    ['garbage, as not given', 'soon', 1, 2],
    ['garbage with a year in it, as not given', 'not before 2099', 1, 2],
    ['a fraction, as not given', '1.5', 1, 2],
    ['a negative number, as not given', '-5', 1, 2],
    ['a number without end, as not given', '9'.repeat(400), 1, 2],
    ['nothing', '', 1, 2],
  ])('when Retry-After asks for %s', async (_case, header, seconds, requests) => {
    const { answer, posts } = await createThrottled({
      error: 'APIGW.0308',
      headers: { 'Retry-After': header },
    });
    expect(answer).toEqual(['DliUnavailableError', 'UPSTREAM_THROTTLED', seconds]);
    expect(posts).toBe(requests);
  });

  it('when Retry-After is absent', async () => {
    const { answer, posts } = await createThrottled({ error: 'APIGW.0308' });
    expect(answer).toEqual(['DliUnavailableError', 'UPSTREAM_THROTTLED', 1]);
    expect(posts).toBe(2);
  });

  it('when the body is empty', async () => {
    const { answer, posts } = await createThrottled({ headers: { 'Retry-After': '7' } });
    expect(answer).toEqual(['DliUnavailableError', 'UPSTREAM_THROTTLED', 7]);
    expect(posts).toBe(1);
  });
});

describe('other refusals answer a wait too', () => {
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
