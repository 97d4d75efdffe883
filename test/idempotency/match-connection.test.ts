import { describe, expect, it } from '@jest/globals';
import type { DescribedConnection } from '../../src/dli/responses.js';
import { ClockSkew } from '../../src/huawei-cloud/clock-skew.js';
import { matchConnection } from '../../src/idempotency/match-connection.js';
import { createManualClock } from '../helpers/manual-clock.js';

const HOUR_MS = 3_600_000;
const SENT_AT_MS = Date.UTC(2026, 0, 1);
const WANTED = { name: 'orders_pg', service: 'RDS', url: '192.168.0.12:5432' } as const;
const SPAN = { fromMs: SENT_AT_MS, untilMs: SENT_AT_MS + 1_000 };
const NO_SKEW = { minMs: 0, maxMs: 0 };

/** A connection that resembles the create, as the only one in a list. */
function connectionMadeAt(createdAtMs: number): DescribedConnection {
  return {
    kind: 'CLASSIC',
    id: 'id-of-the-connection',
    name: WANTED.name,
    state: 'ACTIVE',
    service: 'RDS',
    destination: WANTED.url,
    createdAtMs,
  } as DescribedConnection;
}

describe('a connection that resembles a create', () => {
  it.each([
    ['found', 'at the time of the create', 0],
    ['nearMiss', 'minutes later', 4 * 60_000],
    ['absent', 'an hour later', HOUR_MS],
  ])('is %s when it was made %s and the clock is known', (kind, _when, laterMs) => {
    const connections = [connectionMadeAt(SENT_AT_MS + laterMs)];
    expect(matchConnection(WANTED, SPAN, { connections, skew: undefined })).toMatchObject({ kind });
  });

  it.each([
    ['found', 'at the time of the create', 0],
    ['ambiguous', 'within the skew that is possible', HOUR_MS / 2],
    ['ambiguous', 'at its end', HOUR_MS],
    ['nearMiss', 'minutes after its end', HOUR_MS + 4 * 60_000],
    ['absent', 'an hour after its end', 2 * HOUR_MS],
  ])('is %s when it was made %s', (kind, _when, laterMs) => {
    const skew = { ...NO_SKEW, possible: { minMs: 0, maxMs: HOUR_MS }, certain: NO_SKEW };
    const connections = [connectionMadeAt(SENT_AT_MS + laterMs)];
    expect(matchConnection(WANTED, SPAN, { connections, skew })).toMatchObject({ kind });
  });

  describe('when the clock of DLI is known from only a few responses', () => {
    /** The match after responses whose `Date` is ahead by these times; the signatures of those ahead were refused. */
    function matchAfter(aheadMs: readonly number[], createdAtMs: number) {
      const clock = createManualClock();
      const skew = new ClockSkew(clock, 'dli', { info: () => undefined, warn: () => undefined });
      for (const ms of aheadMs) {
        // In whole seconds, as in a Date header.
        const date = new Date(Math.floor((clock.epochMs() + ms) / 1_000) * 1_000).toUTCString();
        skew.observe(date, clock.epochMs(), ms !== 0);
      }
      return matchConnection(WANTED, SPAN, { connections: [connectionMadeAt(createdAtMs)], skew: skew.bounds });
    }

    it.each([
      ['found', 'one correct response', [0], 0],
      ['found', 'three correct responses and an outlier', [0, 0, 0, HOUR_MS], 0],
      ['found', 'three that are ahead, if it was made when they say', [HOUR_MS, HOUR_MS, HOUR_MS], HOUR_MS],
      ['ambiguous', 'one outlier, if it was made when the outlier says', [HOUR_MS], HOUR_MS],
      ['ambiguous', 'one outlier, if it was made when our clock says', [HOUR_MS], 0],
      ['ambiguous', 'an outlier and a correct response', [HOUR_MS, 0], 0],
      ['ambiguous', 'two outliers, if it was made when they say', [HOUR_MS, HOUR_MS], HOUR_MS],
    ])('is %s after %s', (kind, _what, aheadMs, createdLaterMs) => {
      expect(matchAfter(aheadMs, SENT_AT_MS + createdLaterMs)).toMatchObject({ kind });
    });
  });
});
