import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { createTestClock } from '../helpers/clock.js';
import { startGateway } from '../helpers/gateway.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const gateway = shareGateway();

const HTML = '<html><body>502 Bad Gateway</body></html>';

/** Asserts that a create is unknown if DLI sends this response. */
async function expectUnknown(answer: Partial<Fault>): Promise<void> {
  const { emulator, create } = gateway();
  emulator.inject({ operation: 'createConnection', times: 0, ...answer });
  expect(await create({ name: freshName() })).toMatchObject({
    __typename: 'OutcomeUnknownError',
    code: 'OUTCOME_UNKNOWN',
  });
  expect(emulator.ledger.count('createConnection')).toBe(1);
}

describe('an error that DLI may send after it executed the create', () => {
  it.each([
    ['DLI.0019', 400],
    ['DLI.0999', 400],
    ['DLI.0999', 500],
    ['DLI.10001', 400],
    ['APIGW.0201', 400],
    ['APIGW.0201', 502],
    ['APIGW.0201', 504],
    ['APIG.0201', 504],
    ['APIGW.0601', 500],
    ['APIGW.0610', 502],
  ])('%s with status %i is an unknown outcome', async (error, status) => {
    await expectUnknown({ error, status });
  });

  it.each([
    'DLI.0003',
    'DLI.0008',
    'DLI.0018',
    'DLI.0023',
    'DLI.0100',
    'DLI.10002',
    'DLI.10007',
    'DLI.13001',
    'DLI.22101',
    'APIGW.0103',
    'APIGW.0104',
    'APIGW.0311',
    'APIGW.0501',
    'APIGW.0607',
  ])('%s, which is not a listed refusal, is an unknown outcome', async error => {
    await expectUnknown({ error });
  });
});

describe('a status without a code', () => {
  const statuses = [400, 401, 404, 405, 408, 409, 413, 418, 494, 500, 501, 502, 503, 504, 599];

  it.each(statuses)('%i with an empty body is an unknown outcome', async status => {
    await expectUnknown({ status });
  });

  it.each(statuses)('%i with an HTML page is an unknown outcome', async status => {
    await expectUnknown({ status, body: HTML });
  });
});

describe('an error body of an unexpected form', () => {
  it.each([
    ['no code', { error_msg: 'Parameter check error.' }],
    ['a code that is not a string', { error_code: 1, error_msg: '' }],
    ['a code in lower case', { error_code: 'dli.0001' }],
    ['a code followed by text', { error_code: 'DLI.0001 or so' }],
    ['a code of another service', { error_code: 'IAM.0011' }],
    ['a nested code', { error: { code: 'DLI.0001', message: '' } }],
    ['a list', [{ error_code: 'DLI.0001' }]],
    ['a code in truncated JSON', '{"error_code":"DLI.0001"'],
    ['null instead of an object', 'null'],
  ])('with %s leads to an unknown outcome', async (_form, body) => {
    await expectUnknown({ status: 400, body });
  });
});

describe('the payload of an unknown outcome', () => {
  it('says that the connection may exist, and how to find it in the logs of DLI', async () => {
    const { emulator, create } = gateway();
    const headers = { 'X-Request-Id': '0b67bf0abe6d9a8844030ded87109c9f' };
    emulator.inject({ operation: 'createConnection', error: 'APIGW.0201', status: 504, headers });
    expect(await create({ name: freshName() })).toEqual({
      __typename: 'OutcomeUnknownError',
      code: 'OUTCOME_UNKNOWN',
      message:
        'The connection may or may not have been created. Repeat the call with the same idempotency key to learn which.',
      requestId: '0b67bf0abe6d9a8844030ded87109c9f',
      idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
      reason: 'UPSTREAM_ERROR',
      retryAfterSeconds: 1,
    });
  });

  it.each([['<b>'], ['a b'], ['x'.repeat(65)]])('does not contain a malformed request id such as %j', async id => {
    const { emulator, create } = gateway();
    emulator.inject({ operation: 'createConnection', status: 500, headers: { 'X-Request-Id': id } });
    expect(await create({ name: freshName() })).toMatchObject({
      __typename: 'OutcomeUnknownError',
      requestId: null,
    });
  });

  it('is replaced by a success when the list shows the connection', async () => {
    const { emulator, create } = gateway();
    emulator.inject({ operation: 'createConnection', error: 'DLI.0999', apply: true });
    const payload = await create({ name: freshName() });
    const [connection] = emulator.connections();
    expect(payload).toEqual({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: connection?.connectionId,
      message: '',
      reconciled: true,
    });
  });
});

describe('an error of the gateway itself while it sends a create', () => {
  it('leaves the outcome unknown and is logged as internal, without its message', async () => {
    const clock = createTestClock();
    let signatures = 0;
    const { create, log } = await startGateway({
      clock: {
        ...clock,
        epochMs() {
          if (new Error().stack?.includes('#sign') && signatures++ === 0) throw new RangeError('a secret message');
          return clock.epochMs();
        },
      },
    });
    expect(await create()).toMatchObject({ __typename: 'OutcomeUnknownError', reason: 'UNREADABLE_RESPONSE' });
    const lines = log().split('\n');
    const error: unknown = JSON.parse(lines.find(line => line.includes('"level":50')) ?? '{}');
    expect(error).toMatchObject({
      operation: 'createConnection',
      errorName: 'RangeError',
      frames: expect.arrayContaining([expect.stringContaining('#sign')]),
      msg: 'internal error',
    });
    expect(log()).not.toContain('a secret message');
  });
});
