import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import { CREATE_MUTATION, sendGraphql, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { linesWith } from '../helpers/log-lines.js';
import { EXECUTED_BUT_LOST, KEY, LOST, startUpstream, UNKNOWN } from './helpers/idempotency-gateway.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const HEX_64 = expect.stringMatching(/^[0-9a-f]{64}$/);
const BACKGROUND = {
  level: 30,
  time: expect.any(Number),
  traceId: TRACE_ID,
  spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
};
const LATE = {
  ...BACKGROUND,
  channel: 'audit',
  late: true,
  operationId: HEX_64,
  startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  durationMs: expect.any(Number),
  msg: 'audit',
};

/** Sends a create in a trace of its caller. */
function createIn(url: string, changes: object = {}) {
  const variables = { input: { ...VALID_INPUT, idempotencyKey: KEY, ...changes } };
  return sendGraphql(url, { query: CREATE_MUTATION, variables }, { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` });
}

describe('the end of a create in the background', () => {
  it('is logged in the trace of its first request, by the process that settles the record of one that was killed', async () => {
    const { emulator, url, applied } = await startUpstream();
    const folder = mkdtempSync(join(tmpdir(), 'dli-gateway-late-end-'));
    onCleanup(() => rmSync(folder, { recursive: true, force: true }));
    // The record is owned until 5 s after the timeout of the operation.
    const env = { ...environmentFor(url), DATA_DIR: folder, OPERATION_TIMEOUT_MS: '1000', RECONCILE_SETTLE_MS: '1000' };
    const killed = startGatewayProcess(env);
    const { graphqlUrl } = await killed.addresses();
    emulator.inject({ operation: 'createConnection', behaviour: 'hang', apply: true });
    const unanswered = createIn(graphqlUrl).catch(() => 'no answer');
    await emulator.ledger.waitFor('createConnection', 1);
    killed.signal('SIGKILL');
    await killed.end();
    expect(await unanswered).toBe('no answer');

    const { log, logged } = await startGateway({ env });
    await logged('"late":true');
    const [connectionId] = applied();
    const [audit] = linesWith(log(), 'audit');
    expect(audit).toEqual({
      ...LATE,
      operation: 'createDatasourceConnection',
      outcome: 'CreateDatasourceConnectionSuccess',
      connectionId,
    });
    const { operationId, spanId } = audit ?? {};
    expect(linesWith(log(), 'create reconciled')).toEqual([
      {
        ...BACKGROUND,
        spanId,
        operation: 'reconcile',
        operationId,
        connectionId,
        outcome: 'found',
        afterMs: expect.any(Number),
        msg: 'create reconciled',
      },
    ]);
    expect(linesWith(log(), 'upstream', { traceId: TRACE_ID, spanId })).toContainEqual(
      expect.objectContaining({ operation: 'listConnections', outcome: 'OK' }),
    );
  });

  it.each([
    ['nothing was created', LOST, '1000', { outcome: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' }],
    ['it was created', EXECUTED_BUT_LOST, '12000', { outcome: 'CreateDatasourceConnectionSuccess' }],
  ])(
    'is in the audit log after its caller was told that the outcome is unknown: %s',
    async (_what, fault, settleMs, end) => {
      const gateway = await startGateway({ env: { OPERATION_TIMEOUT_MS: '1000', RECONCILE_SETTLE_MS: settleMs } });
      gateway.emulator.inject(fault);
      // Every look while the caller waits fails.
      gateway.emulator.inject({ operation: 'listConnections', status: 503, times: 0 });
      const { body } = await createIn(gateway.graphqlUrl);
      expect(body.data?.['createDatasourceConnection']).toMatchObject(UNKNOWN);
      gateway.emulator.clearFaults();
      await gateway.logged('"late":true');
      const [first, late, ...others] = linesWith(gateway.log(), 'audit');
      expect(others).toEqual([]);
      expect(first).toMatchObject({ traceId: TRACE_ID, tenant: 'everybody', outcome: 'OutcomeUnknownError' });
      expect(late).toMatchObject({ ...LATE, operation: 'createDatasourceConnection', ...end });
      expect(late).not.toHaveProperty('tenant');
    },
  );
});
