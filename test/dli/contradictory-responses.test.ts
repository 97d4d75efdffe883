import { describe, expect, it } from '@jest/globals';
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
/** A create with an unknown outcome: it is sent once, and the list is read. */
const UNDECIDED = { payload: UNKNOWN, calls: ['createConnection'], isListRead: true };

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

  it.each([
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
  ])('but not when its body %s', async (_what, body) => {
    expect(await createAgainst(429, body)).toEqual(UNDECIDED);
  });
});

describe('a refusal that contradicts itself leads to an unknown outcome:', () => {
  it.each([
    ['two codes, the last of which is a refusal', '{"error_code":"DLI.0999","error_code":"DLI.0001"}'],
    ['two codes, the first of which is a refusal', '{"error_code":"DLI.0001","error_code":"DLI.0999"}'],
    ['an id', `{"error_code":"DLI.0001","connection_id":"${ID}"}`],
    ['an id that is not a UUID', '{"error_code":"DLI.0001","connection_id":"connection-1"}'],
    ['is_success: true', '{"error_code":"DLI.0001","is_success":true}'],
    ['is_success: true and an id', `{"is_success":true,"connection_id":"${ID}","error_code":"DLI.0001"}`],
    ['is_success twice', '{"error_code":"DLI.0001","is_success":true,"is_success":false}'],
    ['two codes, one key of which is escaped', '{"error_code":"DLI.0999","error\\u005fcode":"DLI.0001"}'],
    ['is_success that is not a boolean', '{"error_code":"DLI.0001","is_success":"true"}'],
  ])('status 400 with %s', async (_what, body) => {
    expect(await createAgainst(400, body)).toEqual(UNDECIDED);
  });

  it.each([
    ['400', 'DLI.0006', 400],
    ['401', 'DLI.0013', 401],
    ['503', 'APIGW.0613', 503],
  ])('status %s with %s and an id', async (_status, code, status) => {
    const body = `{"error_code":"${code}","connection_id":"${ID}"}`;
    expect(await createAgainst(status, body)).toEqual(UNDECIDED);
  });

  it('but not if it only has is_success: false in addition', async () => {
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
