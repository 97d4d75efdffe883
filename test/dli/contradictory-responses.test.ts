import { describe, expect, it } from '@jest/globals';
import { createEach } from '../helpers/create-each.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';
import { callsExceptListReads } from '../helpers/upstream-calls.js';

const gateway = shareGateway();

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const REQUEST_ID = '0b67bf0abe6d9a8844030ded87109c9f';
const UNKNOWN = {
  __typename: 'OutcomeUnknownError',
  code: 'OUTCOME_UNKNOWN',
  message:
    'The connection may or may not have been created. Repeat the call with the same idempotency key to learn which.',
  idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
  reason: 'UPSTREAM_ERROR',
  requestId: REQUEST_ID,
  retryAfterSeconds: 1,
};
/** Asserts that with each response, a create is sent once and has an unknown outcome after the list is read. */
async function expectUnknown(rows: readonly (readonly [what: string, body: string, status: number])[]): Promise<void> {
  const headers = { 'X-Request-Id': REQUEST_ID };
  const ends = await createEach(gateway(), rows, ([, body, status]) => ({ status, body, headers }));
  expect(ends.map(({ row: [what], payload, posts }) => [what, payload, posts()])).toEqual(
    rows.map(([what]) => [what, UNKNOWN, 1]),
  );
  const others = rows.map(() => 'createConnection');
  expect(callsExceptListReads(gateway().emulator)).toEqual(['createConnection', ...others]);
  expect(gateway().emulator.ledger.count('listConnections')).toBeGreaterThan(0);
}

/** Creates against a DLI that sends this response to every create; returns the payload and the calls received. */
async function createAgainst(status: number, body: string) {
  const { emulator, create } = gateway();
  const headers = { 'X-Request-Id': REQUEST_ID };
  emulator.inject({ operation: 'createConnection', times: 0, status, body, headers });
  const payload = await create({ name: freshName() });
  return {
    payload,
    calls: callsExceptListReads(emulator),
    isListRead: emulator.ledger.count('listConnections') > 0,
  };
}

describe('a response with status 429 proves that nothing was executed', () => {
  it('when its body is empty, so that the create is retried', async () => {
    expect(await createAgainst(429, '')).toEqual({
      payload: {
        __typename: 'DliUnavailableError',
        code: 'UPSTREAM_THROTTLED',
        message: 'DLI is receiving too many requests at the moment. Nothing was created; try again later.',
        retryAfterSeconds: 1,
      },
      calls: ['createConnection', 'createConnection'],
      isListRead: false,
    });
  });

  it('but not when its body is unusual', async () => {
    const bodies = [
      ['is an HTML page', '<html><body>429 Too Many Requests</body></html>'],
      ['is a word', 'slow down'],
      ['is white space', ' \n'],
      ['has no code', '{"error_msg":"slow down"}'],
      ['has a code of DLI that is not a refusal', '{"error_code":"DLI.0999","error_msg":""}'],
      ['has a code of the API gateway that is not a refusal', '{"error_code":"APIGW.0201","error_msg":""}'],
      ['has an undocumented code', '{"error_code":"APIGW.9999","error_msg":""}'],
      ['has a code of another service', '{"error_code":"ELB.0001","error_msg":""}'],
      ['has a number as its code', '{"error_code":429}'],
      ['is truncated after another code', '{"error_code":"DLI.0999"'],
      ['is truncated after the expected code', '{"error_code":"APIGW.0308"'],
      ['has the expected code and an id', `{"error_code":"APIGW.0308","connection_id":"${ID}"}`],
      ['has the expected code twice', '{"error_code":"APIGW.0308","error_code":"APIGW.0308"}'],
    ] as const;
    await expectUnknown(bodies.map(([what, body]) => [what, body, 429]));
  });
});

function withId(code: string): string {
  return `{"error_code":"${code}","connection_id":"${ID}"}`;
}

describe('a refusal that contradicts itself', () => {
  it('leads to an unknown outcome', async () => {
    const bodies = [
      ['two codes, the last of which is a refusal', '{"error_code":"DLI.0999","error_code":"DLI.0001"}'],
      ['two codes, the first of which is a refusal', '{"error_code":"DLI.0001","error_code":"DLI.0999"}'],
      ['an id', `{"error_code":"DLI.0001","connection_id":"${ID}"}`],
      ['an id that is not a UUID', '{"error_code":"DLI.0001","connection_id":"connection-1"}'],
      ['is_success: true', '{"error_code":"DLI.0001","is_success":true}'],
      ['is_success: true and an id', `{"is_success":true,"connection_id":"${ID}","error_code":"DLI.0001"}`],
      ['is_success twice', '{"error_code":"DLI.0001","is_success":true,"is_success":false}'],
      ['two codes, one key of which is escaped', '{"error_code":"DLI.0999","error\\u005fcode":"DLI.0001"}'],
      ['is_success that is not a boolean', '{"error_code":"DLI.0001","is_success":"true"}'],
    ] as const;
    await expectUnknown([
      ...bodies.map(([what, body]) => [what, body, 400] as const),
      ['status 400 with DLI.0006 and an id', withId('DLI.0006'), 400],
      ['status 503 with APIGW.0613 and an id', withId('APIGW.0613'), 503],
    ]);
  });

  // This response also refuses the credential, which would affect other creates.
  it('leads to an unknown outcome: status 401 with DLI.0013 and an id', async () => {
    await expectUnknown([['DLI.0013', withId('DLI.0013'), 401]]);
  });

  it('is a refusal if it only adds is_success: false', async () => {
    const { payload } = await createAgainst(400, '{"is_success":false,"error_code":"DLI.0001"}');
    expect(payload).toEqual({
      __typename: 'DliRejectedError',
      code: 'UPSTREAM_REJECTED',
      message: 'DLI refused a parameter. Check the ids, the address and the name. Nothing was created.',
      dliCode: 'DLI.0001',
      requestId: REQUEST_ID,
    });
  });
});
