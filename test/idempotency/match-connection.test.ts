import { describe, expect, it } from '@jest/globals';
import type { DescribedConnection } from '../../src/dli/responses.js';
import { matchConnection } from '../../src/idempotency/match-connection.js';

const HOUR_MS = 3_600_000;
const SENT_AT_MS = Date.UTC(2026, 0, 1);
const WANTED = { name: 'orders_pg', service: 'RDS', url: '192.168.0.12:5432' } as const;
const SPAN = { fromMs: SENT_AT_MS, untilMs: SENT_AT_MS + 1_000 };
const NO_SKEW = { minMs: 0, maxMs: 0 };

/** The only connection of a list, which resembles the create. */
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
    const skew = { ...NO_SKEW, possible: { minMs: 0, maxMs: HOUR_MS } };
    const connections = [connectionMadeAt(SENT_AT_MS + laterMs)];
    expect(matchConnection(WANTED, SPAN, { connections, skew })).toMatchObject({ kind });
  });
});
