import { describe, expect, it } from '@jest/globals';
import { CREATE_MUTATION, VALID_INPUT } from '../helpers/gateway.js';
import { exchange, failuresIn } from '../helpers/raw-connection.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const BODY = JSON.stringify({ query: CREATE_MUTATION, variables: { input: VALID_INPUT } });
const LENGTH = `content-length: ${BODY.length}`;
const CHUNKED = 'transfer-encoding: chunked';
const SIZE = BODY.length.toString(16);
const CHUNKS = `${SIZE}\r\n${BODY}\r\n0\r\n\r\n`;
const HOST = 'host: gw.test';
/** A valid request that a vulnerable server would execute as the next request. */
const SECOND = message([HOST, LENGTH], BODY);

const shared = shareGateway();

describe('a request with an ambiguous target or length', () => {
  it.each<[what: string, text: string, status?: number]>([
    ['a length and chunks', message([HOST, LENGTH, CHUNKED], CHUNKS)],
    ['chunks and a length', message([HOST, CHUNKED, LENGTH], CHUNKS)],
    ['two lengths that differ', message([HOST, LENGTH, 'content-length: 5'], BODY)],
    ['two equal lengths', message([HOST, LENGTH, LENGTH], BODY)],
    ['a list of lengths', message([HOST, `${LENGTH}, ${BODY.length}`], BODY)],
    ['a length with a sign', message([HOST, `content-length: +${BODY.length}`], BODY)],
    ['a negative length', message([HOST, 'content-length: -1'], BODY)],
    ['a length that is too large', message([HOST, `content-length: ${'9'.repeat(30)}`], BODY)],
    ['chunked given twice', message([HOST, CHUNKED, CHUNKED], CHUNKS)],
    ['chunks of chunks', message([HOST, `${CHUNKED}, chunked`], CHUNKS)],
    ['chunks after another coding', message([HOST, 'transfer-encoding: identity', CHUNKED], CHUNKS)],
    ['chunks before another coding', message([HOST, `${CHUNKED}, identity`], CHUNKS)],
    ['a coding that looks like chunks', message([HOST, 'transfer-encoding: xchunked'], CHUNKS)],
    ['a coding in quotes', message([HOST, 'transfer-encoding: "chunked"'], CHUNKS)],
    ['a vertical tab before the coding', message([HOST, 'transfer-encoding: \x0bchunked'], CHUNKS)],
    ['a space before the colon', message([HOST, 'transfer-encoding : chunked'], CHUNKS)],
    ['a bare line feed between headers', message([HOST, `x-a: b\n${LENGTH}`], BODY)],
    ['bare line feeds only', message([HOST, LENGTH], BODY).replaceAll('\r\n', '\n')],
    ['a bare carriage return in a header', message([HOST, `x-a: b\r${LENGTH}`], BODY)],
    ['a NUL in a header', message([HOST, 'x-a: b\0c', LENGTH], BODY)],
    ['a folded header', message([HOST, 'x-a: b\r\n c', LENGTH], BODY)],
    ['a folded coding', message([HOST, 'transfer-encoding:\r\n chunked'], CHUNKS)],
    ['a header without a colon', message([HOST, 'x-a', LENGTH], BODY)],
    ['a line that begins with a space', message([` ${HOST}`, LENGTH], BODY)],
    ['no host', message([LENGTH], BODY)],
    ['an empty host', message(['host:', LENGTH], BODY)],
    ['two hosts', message([HOST, 'host: evil.test', LENGTH], BODY)],
    ['the same host given twice', message([HOST, 'Host: gw.test', LENGTH], BODY)],
    ['a host with a path', message(['host: gw.test/x', LENGTH], BODY)],
    ['a host with a user', message(['host: a@gw.test', LENGTH], BODY)],
    ['a host that is not an address', message(['host: 1.2.3.4.5', LENGTH], BODY)],
    ['a host with an impossible port', message(['host: gw.test:99999', LENGTH], BODY)],
    ['a target with a host', message([HOST, LENGTH], BODY, 'http://evil.test/graphql')],
    ['a target without a path', message([HOST, LENGTH], BODY, '*')],
    ['a chunk whose size is not a number', message([HOST, CHUNKED], `zz\r\n${BODY}\r\n0\r\n\r\n`)],
    ['a chunk size with a prefix', message([HOST, CHUNKED], `0x${CHUNKS}`)],
    ['a chunk size that is too large', message([HOST, CHUNKED], `${'f'.repeat(17)}\r\n${BODY}\r\n0\r\n\r\n`)],
    ['a bare line feed after the chunk size', message([HOST, CHUNKED], CHUNKS.replace('\r\n', '\n'))],
    ['a chunk that runs into the next', message([HOST, CHUNKED], `${SIZE}\r\n${BODY}0\r\n\r\n`)],
    ['a length in the trailers', message([HOST, CHUNKED], `${SIZE}\r\n${BODY}\r\n0\r\n${LENGTH}\r\n\r\n`)],
    [
      'a chunk extension of 1 MiB',
      message([HOST, CHUNKED], `${SIZE};a=${'x'.repeat(2 ** 20)}${CHUNKS.slice(SIZE.length)}`),
      413,
    ],
  ])('is refused, and the rest of the connection is ignored: %s', async (_what, text, status = 400) => {
    const gateway = shared();
    const answers = failuresIn(await exchange(gateway.graphqlUrl, `${text}${SECOND}`));

    expect(answers[0]).toEqual({
      status,
      contentType: 'application/json; charset=utf-8',
      body: { errors: [expect.objectContaining({ message: expect.any(String) })] },
    });
    expect(answers).toHaveLength(1);
    expect(gateway.emulator.ledger.count()).toBe(0);
    expect(gateway.log()).not.toContain('internal error');
  });

  it('is distinguished from valid pipelined requests, chunked or not', async () => {
    const gateway = shared();
    const chunked = message([HOST, CHUNKED], CHUNKS.replace(VALID_INPUT.name, 'chunked_x'));
    const last = message([HOST, LENGTH, 'connection: close'], BODY.replace(VALID_INPUT.name, 'last_of_3'));
    const answer = await exchange(gateway.graphqlUrl, `${SECOND}${chunked}${last}`);

    expect(answer.match(/^HTTP\/1\.1 200 OK/gm)).toHaveLength(3);
    expect(gateway.emulator.connections().map(({ name }) => name)).toEqual(
      expect.arrayContaining([VALID_INPUT.name, 'chunked_x', 'last_of_3']),
    );
    expect(gateway.emulator.ledger.count('createConnection')).toBe(3);
  });

  it('does not include one with an unknown Expect header, which is ignored', async () => {
    const gateway = shared();
    const text = message([HOST, LENGTH, 'expect: miracles', 'connection: close'], BODY);

    expect(await exchange(gateway.graphqlUrl, text)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1);
  });
});

function message(headers: string[], body: string, target = '/graphql'): string {
  const lines = [`POST ${target} HTTP/1.1`, ...headers, 'content-type: application/json'];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
