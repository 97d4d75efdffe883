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
/** What a create of unknown outcome shows: it is sent once, and looked up. */
const UNDECIDED = { payload: UNKNOWN, calls: ['createConnection'], isLookedUp: true };

/** Creates against a DLI that answers every create like this; returns the calls that it received too. */
async function createAgainst(status: number, body: string) {
  const { emulator, create } = gateway();
  const headers = { 'X-Request-Id': REQUEST_ID };
  emulator.inject({ operation: 'createConnection', times: 0, status, body, headers });
  const payload = await create({ name: freshName() });
  return {
    payload,
    calls: callsExceptListReads(emulator),
    isLookedUp: emulator.ledger.count('listConnections') > 0,
  };
}

describe('429 proves that DLI did nothing', () => {
  it('when its body is empty, so that it is tried a second time', async () => {
    expect(await createAgainst(429, '')).toEqual({
      payload: {
        __typename: 'DliUnavailableError',
        code: 'UPSTREAM_THROTTLED',
        message: 'DLI gets too many requests at the moment. Nothing was created; try again later.',
        retryAfterSeconds: 1,
      },
      calls: ['createConnection', 'createConnection'],
      isLookedUp: false,
    });
  });

  it.each([
    ['is an HTML page', '<html><body>429 Too Many Requests</body></html>'],
    ['is a word', 'slow down'],
    ['is white space', ' \n'],
    ['holds no code', '{"error_msg":"slow down"}'],
    ['holds a code of DLI that is no refusal', '{"error_code":"DLI.0999","error_msg":""}'],
    ['holds a code of the API gateway that is no refusal', '{"error_code":"APIGW.0201","error_msg":""}'],
    ['holds a code that nobody documents', '{"error_code":"APIGW.9999","error_msg":""}'],
    ['holds a code of another service', '{"error_code":"ELB.0001","error_msg":""}'],
    ['holds a number as its code', '{"error_code":429}'],
    ['is cut off behind another code', '{"error_code":"DLI.0999"'],
    ['is cut off behind the right code', '{"error_code":"APIGW.0308"'],
    ['holds the right code and an id', `{"error_code":"APIGW.0308","connection_id":"${ID}"}`],
    ['holds the right code twice', '{"error_code":"APIGW.0308","error_code":"APIGW.0308"}'],
  ])('but not when its body %s', async (_what, body) => {
    expect(await createAgainst(429, body)).toEqual(UNDECIDED);
  });
});

describe('a refusal that contradicts itself proves nothing,', () => {
  it.each([
    ['two codes, the last of which is a refusal', '{"error_code":"DLI.0999","error_code":"DLI.0001"}'],
    ['two codes, the first of which is a refusal', '{"error_code":"DLI.0001","error_code":"DLI.0999"}'],
    ['an id', `{"error_code":"DLI.0001","connection_id":"${ID}"}`],
    ['an id of unusual form', '{"error_code":"DLI.0001","connection_id":"connection-1"}'],
    ['is_success: true', '{"error_code":"DLI.0001","is_success":true}'],
    ['is_success: true and an id', `{"is_success":true,"connection_id":"${ID}","error_code":"DLI.0001"}`],
    ['is_success twice', '{"error_code":"DLI.0001","is_success":true,"is_success":false}'],
    ['two codes, one spelled with an escape', '{"error_code":"DLI.0999","error\\u005fcode":"DLI.0001"}'],
    ['is_success that is no boolean', '{"error_code":"DLI.0001","is_success":"true"}'],
  ])('with status 400 and %s', async (_what, body) => {
    expect(await createAgainst(400, body)).toEqual(UNDECIDED);
  });

  it.each([
    ['400', 'DLI.0006', 400],
    ['401', 'DLI.0013', 401],
    ['503', 'APIGW.0613', 503],
  ])('with status %s, %s and an id', async (_status, code, status) => {
    const body = `{"error_code":"${code}","connection_id":"${ID}"}`;
    expect(await createAgainst(status, body)).toEqual(UNDECIDED);
  });

  it('but one that says is_success: false too stands', async () => {
    const { payload } = await createAgainst(400, '{"is_success":false,"error_code":"DLI.0001"}');
    expect(payload).toEqual({
      __typename: 'DliRejectedError',
      code: 'UPSTREAM_REJECTED',
      message: 'DLI found a parameter wrong. Check the ids, the address and the name. Nothing was created.',
      dliCode: 'DLI.0001',
      requestId: REQUEST_ID,
    });
  });
});
