import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { createTestClock } from '../helpers/clock.js';
import { createEach } from '../helpers/create-each.js';
import { startGateway } from '../helpers/gateway.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const gateway = shareGateway();

const HTML = '<html><body>502 Bad Gateway</body></html>';

/** Asserts that a create has an unknown outcome, and is sent once, with each of these responses of DLI. */
async function expectUnknown(rows: readonly (readonly [what: string, answer: Partial<Fault>])[]): Promise<void> {
  const ends = await createEach(gateway(), rows, ([, answer]) => answer);
  const unknown = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
  expect(ends.map(({ row: [what], payload, posts }) => [what, payload, posts()])).toEqual(
    rows.map(([what]) => [what, expect.objectContaining(unknown), 1]),
  );
}

describe('the outcome of a create is unknown', () => {
  it('after an error that DLI may send after it executed the create', async () => {
    const pairs = [
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
    ] as const;
    await expectUnknown(pairs.map(([error, status]) => [`${status} ${error}`, { error, status }]));
  });

  it('after an error that is not a listed refusal', async () => {
    const dli = ['0003', '0008', '0018', '0023', '0100', '10002', '10007', '13001', '22101'].map(each => `DLI.${each}`);
    const gatewayOfDli = ['0103', '0104', '0311', '0501', '0607'].map(each => `APIGW.${each}`);
    await expectUnknown([...dli, ...gatewayOfDli].map(error => [error, { error }]));
  });

  it('after a status without a code', async () => {
    const statuses = [400, 404, 405, 408, 409, 413, 418, 494, 500, 501, 502, 503, 504, 599];
    await expectUnknown(
      statuses.flatMap(status => [
        [`${status} with an empty body`, { status }],
        [`${status} with an HTML page`, { status, body: HTML }],
      ]),
    );
  });

  // This response also refuses the credential, which would affect other creates.
  it.each([
    ['an empty body', undefined],
    ['an HTML page', HTML],
  ])('after status 401 with %s', async (what, body) => {
    await expectUnknown([[what, { status: 401, ...(body !== undefined && { body }) }]]);
  });

  it('after an error body of an unexpected form', async () => {
    const bodies: readonly (readonly [form: string, body: string | object])[] = [
      ['no code', { error_msg: 'Parameter check error.' }],
      ['a code that is not a string', { error_code: 1, error_msg: '' }],
      ['a code in lower case', { error_code: 'dli.0001' }],
      ['a code followed by text', { error_code: 'DLI.0001 or so' }],
      ['a code of another service', { error_code: 'IAM.0011' }],
      ['a nested code', { error: { code: 'DLI.0001', message: '' } }],
      ['a list', [{ error_code: 'DLI.0001' }]],
      ['a code in truncated JSON', '{"error_code":"DLI.0001"'],
      ['null instead of an object', 'null'],
    ];
    await expectUnknown(bodies.map(([form, body]) => [form, { status: 400, body }]));
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
