import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { CREATE_MUTATION, VALID_INPUT } from '../helpers/gateway.js';
import { exchange, failuresIn, openConnection, rawRequest, readToEnd } from '../helpers/raw-connection.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const CANARY = 'zq7canary';
const JSON_TYPE = { 'content-type': 'application/json' };
const CREATE = JSON.stringify({ query: CREATE_MUTATION, variables: { input: VALID_INPUT } });
const NOT_JSON = 'The request is not valid HTTP or JSON.';
const MEDIA_TYPE = 'Send application/json in UTF-8, not compressed.';
const METHOD = 'Send GraphQL requests with POST, or queries and subscriptions with GET.';
const NO_DOCUMENT = 'The request must have "query", the text of a GraphQL document.';
const NOT_ACCEPTABLE =
  'The Accept header excludes application/json and application/graphql-response+json, the formats of responses.';
const NOTHING_HERE = 'There is nothing here. GraphQL is at /graphql.';

const CHUNK = Buffer.alloc(65_536);

type Row = [what: string, path: string, init: RequestInit, status: number, code: string, message: unknown];

// Makes the gateway log every refusal instead of 20 per minute.
const shared = shareGateway({ limits: { logWindowMs: 1 } });

describe('a request that is refused before GraphQL', () => {
  it.each<Row>([
    ['a plain text form', '', post(CREATE, 'text/plain'), 415, 'UNSUPPORTED_MEDIA_TYPE', MEDIA_TYPE],
    ...['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain; a=application/json'].map(
      (type): Row => [`a form of ${type}`, '', post(CREATE, type), 415, 'UNSUPPORTED_MEDIA_TYPE', MEDIA_TYPE],
    ),
    ['GET without a query', '', { headers: { accept: 'application/json' } }, 400, 'BAD_REQUEST', NO_DOCUMENT],
    ['PUT', '', { ...post(CREATE), method: 'PUT' }, 405, 'METHOD_NOT_ALLOWED', METHOD],
    ['PATCH', '', { ...post(CREATE), method: 'PATCH' }, 405, 'METHOD_NOT_ALLOWED', METHOD],
    ['DELETE', '', { method: 'DELETE' }, 405, 'METHOD_NOT_ALLOWED', METHOD],
    ['UTF-16', '', post(CREATE, 'application/json; charset=utf-16'), 415, 'UNSUPPORTED_MEDIA_TYPE', MEDIA_TYPE],
    ['EBCDIC', '', post(CREATE, 'application/json; charset="ibm037"'), 415, 'UNSUPPORTED_MEDIA_TYPE', MEDIA_TYPE],
    ['gzip', '', compressed('gzip'), 415, 'UNSUPPORTED_MEDIA_TYPE', MEDIA_TYPE],
    ['several content codings', '', compressed('identity, gzip'), 415, 'UNSUPPORTED_MEDIA_TYPE', MEDIA_TYPE],
    ['no content type', '', post(new Uint8Array([123, 125])), 415, 'UNSUPPORTED_MEDIA_TYPE', MEDIA_TYPE],
    ['invalid JSON', '', post(`{"query": ${CANARY}`), 400, 'BAD_REQUEST', NOT_JSON],
    ['an empty body', '', post(''), 400, 'BAD_REQUEST', NOT_JSON],
    [
      'a body of 64 KiB and 1 byte',
      '',
      post(CREATE.padEnd(65_537)),
      413,
      'PAYLOAD_TOO_LARGE',
      'The body is larger than 64 KiB.',
    ],
    [
      'a form of 64 KiB and 1 byte',
      '',
      post(CREATE.padEnd(65_537), 'text/plain'),
      413,
      'PAYLOAD_TOO_LARGE',
      'The body is larger than 64 KiB.',
    ],
    ...['text/html', CANARY, 'application/*;q=0', 'application/json;q=0, text/*', ';;q=1,,'].map(
      (accept): Row => [
        `Accept: ${accept}`,
        '',
        { ...post(CREATE), headers: { ...JSON_TYPE, accept } },
        406,
        'NOT_ACCEPTABLE',
        NOT_ACCEPTABLE,
      ],
    ),
    ['another path', `/${CANARY}`, post(CREATE), 404, 'NOT_FOUND', NOTHING_HERE],
    ['a trailing slash', '/', post(CREATE), 404, 'NOT_FOUND', NOTHING_HERE],
    ['a path that cannot be decoded', `/${CANARY}%zz`, post(CREATE), 400, 'BAD_REQUEST', NOT_JSON],
  ])('gets a JSON error and nothing is sent to DLI: %s', async (_what, path, init, status, code, message) => {
    const gateway = shared();
    const response = await fetch(`${gateway.graphqlUrl}${path}`, init);
    const body = await response.text();

    expect({ status: response.status, contentType: response.headers.get('content-type') }).toEqual({
      status,
      contentType: 'application/json; charset=utf-8',
    });
    const traceId = response.headers.get('x-request-id');
    expect(JSON.parse(body)).toEqual({ errors: [{ message, extensions: { code, traceId } }] });
    expect(body + gateway.log()).not.toContain(CANARY);
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each([
    [
      'application/json',
      ['', '*/*', 'application/*', 'application/json;q=0.1', 'text/html, */*;q=0.1', 'A/B,APPLICATION/JSON'],
    ],
    [
      'application/graphql-response+json',
      ['application/graphql-response+json', 'application/json;q=0, */*', 'application/json;q=0.5, application/*'],
    ],
  ])('does not include one whose Accept header allows %s', async (type, accepted) => {
    const gateway = shared();
    for (const accept of accepted) {
      const response = await fetch(gateway.graphqlUrl, {
        ...post('{"query":"{ __typename }"}'),
        headers: { ...JSON_TYPE, accept },
      });
      expect([accept, response.status, response.headers.get('content-type')]).toEqual([
        accept,
        200,
        `${type}; charset=utf-8`,
      ]);
    }
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('gets 405 with Allow for the method %s', async method => {
    const gateway = shared();
    for (const url of [gateway.graphqlUrl, `${gateway.graphqlUrl}/stream`]) {
      const { status, headers } = await fetch(url, { method });

      expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow: 'GET, HEAD, POST, OPTIONS' });
    }
  });

  it('does not include OPTIONS, which gets the allowed methods', async () => {
    const gateway = shared();
    for (const url of [gateway.graphqlUrl, `${gateway.graphqlUrl}/stream`]) {
      const { status, headers } = await fetch(url, { method: 'OPTIONS' });

      expect({ status, allow: headers.get('allow') }).toEqual({ status: 204, allow: 'GET, HEAD, POST, OPTIONS' });
    }
  });

  it.each([
    ['a header of 17 KiB', `GET / HTTP/1.1\r\nhost: gw.test\r\nx-a: ${'x'.repeat(17 * 1024)}\r\n\r\n`],
    [
      'headers of 17 KiB together',
      `GET / HTTP/1.1\r\nhost: gw.test\r\n${`x-a: ${'x'.repeat(994)}\r\n`.repeat(17)}\r\n`,
    ],
    ['65 headers', `GET / HTTP/1.1\r\nhost: gw.test\r\n${'x-a: b\r\n'.repeat(64)}\r\n`],
    [
      '70 headers, the last of which Node would drop',
      `GET / HTTP/1.1\r\nhost: gw.test\r\n${'x-a: b\r\n'.repeat(68)}content-encoding: gzip\r\n\r\n`,
    ],
    ['a query of 17 KiB', `GET /graphql?query=${'x'.repeat(17 * 1024)} HTTP/1.1\r\nhost: gw.test\r\n\r\n`],
    ['a path of 17 KiB', `GET /${'x'.repeat(17 * 1024)} HTTP/1.1\r\nhost: gw.test\r\n\r\n`],
  ])('gets 431 as JSON for %s, and the connection closes', async (_what, text) => {
    const gateway = shared();

    expect(failuresIn(await exchange(gateway.graphqlUrl, text))).toEqual([
      {
        status: 431,
        contentType: 'application/json; charset=utf-8',
        body: {
          errors: [
            {
              message: 'The headers are more than 64 or larger than 16 KiB.',
              extensions: { code: 'HEADERS_TOO_LARGE', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
            },
          ],
        },
      },
    ]);
  });

  it.each(['application/json', 'text/plain'])('with a body of 1 GiB of %s is answered at once', async contentType => {
    const gateway = shared();
    const head = headOf(`content-length: ${2 ** 30}`).replace('application/json', contentType);

    expect(failuresIn(await exchange(gateway.graphqlUrl, head))).toMatchObject([{ status: 413 }]);
  });
});

describe('the response to a body that is too large', () => {
  it.each([
    ['with its length', headOf('content-length: 12582912'), Buffer.alloc(12 * 2 ** 20)],
    ['in chunks', headOf('transfer-encoding: chunked'), chunked(192)],
  ])('reaches a client that sends the whole body before it reads: %s', async (_how, head, body) => {
    const gateway = shared();
    const socket = await openConnection(gateway.graphqlUrl);
    socket.write(head);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject).write(body, () => resolve());
    });

    expect(failuresIn(await readToEnd(socket))).toMatchObject([{ status: 413 }]);
  });

  it.each([
    ['without end', CHUNK],
    ['byte by byte', Buffer.alloc(1)],
  ])('ends the connection of a client that keeps sending %s', async (_how, piece) => {
    const gateway = shared();
    const socket = await openConnection(gateway.graphqlUrl, { allowHalfOpen: true });
    const response = readToEnd(socket);
    socket.write(headOf(`content-length: ${2 ** 30}`));
    const sending = setInterval(() => {
      while (socket.write(piece) && piece === CHUNK);
    }, 10);

    expect(failuresIn(await response)).toMatchObject([{ status: 413 }]);
    clearInterval(sending);
    expect(socket.bytesWritten).toBeLessThan(2 ** 28);
  });

  it('ends the connection of a client that keeps sending invalid chunks', async () => {
    const gateway = shared();
    const socket = await openConnection(gateway.graphqlUrl, { allowHalfOpen: true });
    const response = readToEnd(socket);
    socket.write(headOf('transfer-encoding: chunked'));
    socket.write(chunked(2).subarray(0, -5));
    const sending = setInterval(() => socket.write('zz\r\n'), 1);

    expect(failuresIn(await response)).toMatchObject([{ status: 413 }]);
    clearInterval(sending);
  });

  it('is the last one on its connection', async () => {
    const gateway = shared();
    const headers = { host: 'gw.test', ...JSON_TYPE };
    const refused = rawRequest('POST', '/graphql', CREATE.padEnd(65_537), headers);

    expect(
      failuresIn(await exchange(gateway.graphqlUrl, refused + rawRequest('POST', '/graphql', CREATE, headers))),
    ).toMatchObject([{ status: 413 }]);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(0);
  });
});

function headOf(length: string): string {
  return `POST /graphql HTTP/1.1\r\nhost: gw.test\r\ncontent-type: application/json\r\n${length}\r\n\r\n`;
}

/** A body in this many chunks of 64 KiB. */
function chunked(chunks: number): Buffer {
  const chunk = Buffer.concat([Buffer.from('10000\r\n'), CHUNK, Buffer.from('\r\n')]);
  return Buffer.concat([...Array.from({ length: chunks }, () => chunk), Buffer.from('0\r\n\r\n')]);
}

describe('a request in an unusual but valid form', () => {
  it.each<[what: string, init: RequestInit]>([
    ['a body of 64 KiB', post(CREATE.padEnd(65_536))],
    ['an explicit UTF-8 charset', post(CREATE, 'application/json; charset="UTF-8"')],
    ['JSON in capitals', post(CREATE, 'APPLICATION/JSON')],
    ['the content coding identity', { ...post(CREATE), headers: { ...JSON_TYPE, 'content-encoding': 'identity' } }],
    ['a byte order mark', post(`\ufeff${CREATE}`)],
  ])('is served: %s', async (_what, init) => {
    const gateway = shared();

    expect((await fetch(gateway.graphqlUrl, init)).status).toBe(200);
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1);
  });
});

function post(body: NonNullable<RequestInit['body']>, contentType?: string): RequestInit {
  const type = typeof body === 'string' ? (contentType ?? 'application/json') : '';
  return { method: 'POST', headers: { 'content-type': type }, body };
}

function compressed(coding: string): RequestInit {
  const headers = { ...JSON_TYPE, 'content-encoding': coding };
  return { method: 'POST', headers, body: new Uint8Array(gzipSync(CREATE)) };
}
