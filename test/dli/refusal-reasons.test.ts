import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import { remove, seed } from '../helpers/deletion.js';
import { queryConnection, queryPage } from '../helpers/read-connections.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

const gateway = shareGateway();

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';

/** DLI's words that may be shown. */
const PLAIN = ['The network does not exist.', '子网不存在。', '创建失败，安全组与子网不匹配！'];

/** DLI's words that may not be shown. */
const WITHHELD = [
  ['an id', `Network ${ID} does not exist.`],
  ['an address', 'Nothing listens at 192.168.0.12.'],
  ['a URL', 'See https://dli.example.com/help for more.'],
  ['a control character', 'Refused.\u0000'],
  ['several lines', 'Refused.\nTry again.'],
  ['markup', 'Refused <b>now</b>.'],
  ['5 KB', 'long '.repeat(1024)],
] as const;

/** The lines that the gateway logs about a call while `run` runs, as fields. */
async function linesOf(run: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const { length } = gateway().log();
  await run();
  const lines = gateway().log().slice(length).split('\n');
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>);
}

/** Creates a connection against a DLI with this response; returns the payload, that of a repeat, and the log. */
async function createAgainst(answer: Partial<Fault>) {
  const { emulator, create } = gateway();
  const input = { name: freshName(), idempotencyKey: `${freshName()}-of-a-refused-create` };
  emulator.inject({ operation: 'createConnection', ...answer });
  const payloads: Awaited<ReturnType<typeof create>>[] = [];
  const lines = await linesOf(async () => {
    for (let times = 0; times < 2; times += 1) payloads.push(await create(input));
  });
  return { payload: payloads[0], repeated: payloads[1], lines };
}

describe('the reason of a refused create', () => {
  it.each(PLAIN)('is in the answer, in that of every repeat, and in the log: %s', async words => {
    const nothing = 'DLI refused the request. Nothing was created.';
    const unsuccessful = await createAgainst({ body: { is_success: false, message: words } });
    expect(unsuccessful.payload).toMatchObject({
      __typename: 'DliRejectedError',
      message: `${nothing} DLI's reason: ${words}`,
    });
    expect(unsuccessful.repeated).toEqual(unsuccessful.payload);
    expect(unsuccessful.lines).toContainEqual(expect.objectContaining({ msg: 'upstream', upstreamMessage: words }));

    const refused = await createAgainst({ status: 400, body: { error_code: 'APIGW.0602', error_msg: words } });
    expect(refused.payload).toEqual({ ...unsuccessful.payload, dliCode: 'APIGW.0602', requestId: expect.anything() });
    expect(refused.repeated).toEqual(refused.payload);
    expect(refused.lines).toContainEqual(expect.objectContaining({ msg: 'upstream', upstreamMessage: words }));
  });

  it('follows the explanation of its code', async () => {
    const { payload } = await createAgainst({ error: 'DLI.1028' });
    expect(payload?.message).toBe(
      "The quota of datasource connections is used up. Nothing was created. DLI's reason: The quota is insufficient.",
    );
  });

  it.each(WITHHELD)('is neither shown nor logged if it has %s', async (_what, words) => {
    const { payload, lines } = await createAgainst({ body: { is_success: false, message: words } });
    expect(payload?.message).toBe('DLI refused the request. Nothing was created.');
    expect(lines.every(line => line['upstreamMessage'] === undefined)).toBe(true);
  });

  it.each<[what: string, answer: Partial<Fault>]>([
    ['a missing right', { status: 403, body: { error_code: 'PDP5.403', error_msg: PLAIN[0] } }],
    ['an error of IAM', { status: 403, body: { error: { code: 'IAM.0003', message: PLAIN[0] } } }],
    ['a server error', { status: 500, body: { error_code: 'DLI.0999', error_msg: PLAIN[0] } }],
    ['a taken name', { status: 400, body: { error_code: 'DLI.0006', error_msg: PLAIN[0] } }],
  ])('is only logged for %s', async (_what, answer) => {
    const { payload, lines } = await createAgainst(answer);
    expect(payload?.message).not.toContain(PLAIN[0]);
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'upstream', upstreamMessage: PLAIN[0] }));
  });
});

describe('the reason of a refused delete', () => {
  it.each<[what: string, text: string, answer: Partial<Fault>]>([
    [
      'with a code',
      'A restriction of DLI forbids this.',
      { status: 400, body: { error_code: 'DLI.0009', error_msg: PLAIN[1] } },
    ],
    ['with is_success: false', 'DLI refused the request.', { body: { is_success: false, message: PLAIN[1] } }],
  ])('%s is in the answer and in the log', async (_what, text, answer) => {
    const id = seed(gateway().emulator);
    gateway().emulator.inject({ operation: 'deleteConnection', ...answer });
    const lines = await linesOf(async () => {
      expect(await remove(gateway(), id)).toMatchObject({
        __typename: 'DliRejectedError',
        message: `${text} This call deleted nothing. DLI's reason: ${PLAIN[1]}`,
      });
    });
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 40, operation: 'deleteConnection', upstreamMessage: PLAIN[1] }),
    );
  });
});

describe.each(['getConnection', 'listConnections'] as const)('the reason of a failed %s', operation => {
  it.each<[what: string, code: string, answer: Partial<Fault>]>([
    ['with a code', 'UPSTREAM_REJECTED', { status: 400, body: { error_code: 'DLI.0016', error_msg: PLAIN[0] } }],
    ['with is_success: false', 'UPSTREAM_UNAVAILABLE', { body: { is_success: false, message: PLAIN[0] } }],
  ])('%s is in the error and in the log', async (_what, code, answer) => {
    const id = seed(gateway().emulator);
    gateway().emulator.inject({ operation, times: 0, ...answer });
    const lines = await linesOf(async () => {
      const { body } =
        operation === 'getConnection' ? await queryConnection(gateway(), id) : await queryPage(gateway());
      expect(body.errors).toMatchObject([
        { message: expect.stringMatching(/\. DLI's reason: The network does not exist\.$/), extensions: { code } },
      ]);
    });
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, operation, upstreamMessage: PLAIN[0] }));
  });

  it('is not taken from a response that is merely unreadable', async () => {
    const id = seed(gateway().emulator);
    const body = { is_success: true, connection_id: ID, message: PLAIN[0] };
    gateway().emulator.inject({ operation, times: 0, body });
    const answer = operation === 'getConnection' ? await queryConnection(gateway(), id) : await queryPage(gateway());
    expect(answer.body.errors?.[0]?.message).toBe('DLI cannot be used at the moment. Try again later.');
  });
});
