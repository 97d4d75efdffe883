import { describe, expect, it } from '@jest/globals';
import { EXECUTED_BUT_LOST, LOST, startIdempotencyGateway, UNKNOWN } from '../helpers/idempotency-gateway.js';
import { createInTrace, LATE, TRACE_ID } from '../helpers/late-end.js';
import { linesWith } from '../helpers/log-lines.js';

describe('the end of a create in the background', () => {
  it.each([
    ['nothing was created', LOST, '1000', { outcome: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' }],
    ['it was created', EXECUTED_BUT_LOST, '12000', { outcome: 'CreateDatasourceConnectionSuccess' }],
  ])(
    'is in the audit log after its caller was told that the outcome is unknown: %s',
    async (_what, fault, settleMs, end) => {
      const gateway = await startIdempotencyGateway({
        env: { OPERATION_TIMEOUT_MS: '1000', RECONCILE_SETTLE_MS: settleMs },
      });
      gateway.emulator.inject(fault);
      // Every read of the list fails while the caller waits.
      gateway.emulator.inject({ operation: 'listConnections', status: 503, times: 0 });
      const { body } = await createInTrace(gateway.graphqlUrl);
      expect(body.data?.['createDatasourceConnection']).toMatchObject(UNKNOWN);
      gateway.emulator.clearFaults();
      gateway.advance(Number(settleMs));
      await gateway.logged('"late":true');
      const [first, late, ...others] = linesWith(gateway.log(), 'audit');
      expect(others).toEqual([]);
      expect(first).toMatchObject({ traceId: TRACE_ID, tenant: 'everybody', outcome: 'OutcomeUnknownError' });
      expect(late).toMatchObject({ ...LATE, operation: 'createDatasourceConnection', ...end });
      expect(late).not.toHaveProperty('tenant');
    },
  );

  it('is logged in one span with the read of the list that decided it', async () => {
    // The first read of the list would be too late for the caller.
    const env = { OPERATION_TIMEOUT_MS: '1000', RECONCILE_SETTLE_MS: '60000' };
    const { graphqlUrl, emulator, advance, log, logged } = await startIdempotencyGateway({ env });
    emulator.inject(EXECUTED_BUT_LOST);
    const { body } = await createInTrace(graphqlUrl);
    expect(body.data?.['createDatasourceConnection']).toMatchObject(UNKNOWN);
    expect(emulator.ledger.count('listConnections')).toBe(0);
    advance(20_000);
    await logged('"late":true');
    const [late] = linesWith(log(), 'audit', { late: true });
    expect(late).toMatchObject(LATE);
    expect(linesWith(log(), 'upstream', { traceId: TRACE_ID, spanId: late?.['spanId'] })).toMatchObject([
      { operation: 'listConnections', outcome: 'OK' },
    ]);
  });
});
