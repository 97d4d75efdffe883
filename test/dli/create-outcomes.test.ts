import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { createEach } from '../helpers/create-each.js';
import type { Payload } from '../helpers/gateway.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const gateway = shareGateway();

/** A pair of status and code that proves a refusal, and the type and code of the resulting payload. */
type Refusal = [status: number, code: string, member: string, userCode: string];

const AUTH_FAILED = ['DliUnavailableError', 'UPSTREAM_AUTH_FAILED'] as const;
const REJECTED = ['DliRejectedError', 'UPSTREAM_REJECTED'] as const;

const DLI_REFUSALS: readonly Refusal[] = [
  [400, 'DLI.0001', ...REJECTED],
  [400, 'DLI.0002', ...REJECTED],
  [400, 'DLI.0006', 'NameTakenError', 'NAME_CONFLICT'],
  [400, 'DLI.0007', ...REJECTED],
  [400, 'DLI.0009', ...REJECTED],
  [400, 'DLI.0012', ...REJECTED],
  [400, 'DLI.0015', ...AUTH_FAILED],
  [400, 'DLI.0016', ...REJECTED],
  [400, 'DLI.1028', ...REJECTED],
  [400, 'DLI.10003', ...REJECTED],
  [401, 'DLI.0013', ...AUTH_FAILED],
  [401, 'DLI.0014', ...AUTH_FAILED],
];

const GATEWAY_REFUSALS: readonly Refusal[] = [
  [400, '0106', ...REJECTED],
  [400, '0602', ...REJECTED],
  [401, '0301', ...AUTH_FAILED],
  [401, '0303', ...AUTH_FAILED],
  [401, '0305', ...AUTH_FAILED],
  [401, '0307', ...AUTH_FAILED],
  [403, '0302', ...AUTH_FAILED],
  [403, '0304', ...AUTH_FAILED],
  [403, '0306', ...AUTH_FAILED],
  [403, '0310', ...AUTH_FAILED],
  [403, '0402', ...AUTH_FAILED],
  [403, '0802', ...AUTH_FAILED],
  [404, '0101', ...REJECTED],
  [413, '0201', ...REJECTED],
  [414, '0201', ...REJECTED],
  [429, '0308', 'DliUnavailableError', 'UPSTREAM_THROTTLED'],
  [494, '0201', ...REJECTED],
  [503, '0613', 'DliUnavailableError', 'UPSTREAM_UNAVAILABLE'],
];

const REFUSALS: readonly Refusal[] = [
  ...DLI_REFUSALS,
  ...['APIG', 'APIGW'].flatMap(prefix =>
    GATEWAY_REFUSALS.map(([status, number, ...rest]): Refusal => [status, `${prefix}.${number}`, ...rest]),
  ),
];

const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };

/** Creates against a DLI that sends this response to every create; returns the payload and the number of creates. */
async function createAgainst(answer: Partial<Fault>, name = freshName()): Promise<{ payload: Payload; posts: number }> {
  const { emulator, create } = gateway();
  emulator.inject({ operation: 'createConnection', times: 0, ...answer });
  const payload = await create({ name });
  return { payload, posts: emulator.ledger.count('createConnection') };
}

function errorBody(code: string) {
  return { error_code: code, error_msg: 'text of DLI about 192.168.0.12' };
}

describe('a refusal that proves that nothing was executed', () => {
  it.each(REFUSALS)('with %i %s becomes %s with code %s', async (status, code, member, userCode) => {
    const { payload, posts } = await createAgainst({ status, body: errorBody(code) });
    expect(payload).toMatchObject({ __typename: member, code: userCode });
    expect(JSON.stringify(payload)).not.toContain('text of DLI');
    // Temporary refusals are retried once.
    expect(posts).toBe(status === 429 || status === 503 ? 2 : 1);
  });

  it.each([
    [
      'DLI.0001',
      "DLI refused a parameter. Check the ids, the address and the name. Nothing was created. DLI's reason: Parameter check error.",
    ],
    [
      'DLI.1028',
      "The quota of datasource connections is used up. Nothing was created. DLI's reason: The quota is insufficient.",
    ],
    ['APIGW.0602', "DLI refused the request. Nothing was created. DLI's reason: Bad request."],
  ])("returns DLI's code %s and its request id, with a message of the gateway", async (dliCode, message) => {
    const headers = { 'X-Request-Id': '0b67bf0abe6d9a8844030ded87109c9f' };
    const { payload } = await createAgainst({ error: dliCode, headers });
    expect(payload).toEqual({
      __typename: 'DliRejectedError',
      code: 'UPSTREAM_REJECTED',
      message,
      dliCode,
      requestId: '0b67bf0abe6d9a8844030ded87109c9f',
    });
  });

  it('because of the name returns the name', async () => {
    const { payload } = await createAgainst({ error: 'DLI.0006' }, 'orders_pg');
    expect(payload).toMatchObject({ __typename: 'NameTakenError', name: 'orders_pg' });
  });

  it.each(['APIGW.0301', 'APIGW.0302'])(
    "of the gateway's own credentials (%s) is not an error of the caller's request",
    async error => {
      const { emulator, send } = gateway();
      emulator.inject({ operation: 'createConnection', error });
      const query = `mutation { createDatasourceConnection(input: {
        name: "a", service: RDS, securityGroupId: "s", networkId: "n", url: "h:1" }) { __typename } }`;
      const { status, body } = await send({ query });
      expect({ status, body }).toEqual({
        status: 200,
        body: { data: { createDatasourceConnection: { __typename: 'DliUnavailableError' } } },
      });
    },
  );
});

describe('a refusal needs both a listed status and its code', () => {
  /** Asserts that the outcome of a create is unknown for each of these pairs. */
  async function expectUnknown(pairs: readonly (readonly [status: number, code: string])[]): Promise<void> {
    const ends = await createEach(gateway(), pairs, ([status, code]) => ({ status, body: errorBody(code) }));
    expect(ends.map(({ row, payload, posts }) => [...row, payload, posts()])).toEqual(
      pairs.map(pair => [...pair, expect.objectContaining(UNKNOWN), 1]),
    );
  }

  it('so that status 500 with any of these codes is an unknown outcome', async () => {
    const codes = new Set(REFUSALS.map(([, code]) => code));
    await expectUnknown([...codes].map(code => [500, code]));
  });

  const OTHER_CODES = ['DLI.0999', 'APIGW.0601', 'APIG.9999'];

  it('so that any of these statuses with another code is an unknown outcome', async () => {
    // A 401 also refuses the credential, which would affect other creates. A 403 that is not listed is a missing right
    // if the list does not show the connection.
    const statuses = [...new Set(REFUSALS.map(([status]) => status))].filter(
      status => status !== 401 && status !== 403,
    );
    await expectUnknown(statuses.flatMap(status => OTHER_CODES.map(code => [status, code] as const)));
  });

  it.each(OTHER_CODES)('so that status 401 with %s is an unknown outcome', async code => {
    await expectUnknown([[401, code]]);
  });
});
