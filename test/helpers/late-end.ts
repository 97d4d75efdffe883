import { expect } from '@jest/globals';
import type { GraphqlAnswer } from './gateway.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from './gateway.js';
import { KEY } from './idempotency-gateway.js';

/** The trace of {@link createInTrace}. */
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const HEX_64 = expect.stringMatching(/^[0-9a-f]{64}$/);
/** The fields that all background log lines in this trace have. */
export const BACKGROUND = {
  level: 30,
  time: expect.any(Number),
  traceId: TRACE_ID,
  spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
};
/** The audit log line of a create that has ended in the background. */
export const LATE = {
  ...BACKGROUND,
  channel: 'audit',
  late: true,
  operationId: HEX_64,
  startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  durationMs: expect.any(Number),
  msg: 'audit',
};

/** Sends a create in a trace of its caller. */
export function createInTrace(url: string, changes: object = {}): Promise<GraphqlAnswer> {
  const variables = { input: { ...VALID_INPUT, idempotencyKey: KEY, ...changes } };
  return sendGraphql(url, { query: CREATE_MUTATION, variables }, { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` });
}
