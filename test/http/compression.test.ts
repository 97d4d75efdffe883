import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { VALID_INPUT } from '../helpers/gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const LIST = { query: '{ datasourceConnections(first: 100) { items { id name state __typename } } }' };
const SMALL = { query: '{ __typename }' };

const shared = shareGateway();

/** Sends a request without decompressing the response, as `fetch` would. */
async function send(url: string, body: object, headers: Record<string, string>) {
  const outgoing = request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } });
  outgoing.end(JSON.stringify(body));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { headers: response.headers, body: await buffer(response) };
}

function seedConnections(): void {
  for (let index = 0; index < 50; index += 1) shared().emulator.seedConnection({ name: `orders_${index}` });
}

describe('a response of more than 1 KB', () => {
  it.each([
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
  ])('is compressed for a client that accepts %s', async (accepted, encoding, decode) => {
    seedConnections();
    const { graphqlUrl } = shared();
    const plain = await send(graphqlUrl, LIST, {});
    const { headers, body } = await send(graphqlUrl, LIST, { 'accept-encoding': accepted });

    expect(headers).toMatchObject({
      'content-encoding': encoding,
      'content-length': String(body.length),
      vary: 'accept-encoding',
    });
    expect(decode(body).equals(plain.body)).toBe(true);
    expect(body.length).toBeLessThan(plain.body.length / 2);
  });

  it.each(['identity', 'deflate', 'zstd', 'gzip;q=0', ''])(
    'is sent uncompressed to a client that accepts %s',
    async accepted => {
      seedConnections();
      const { headers } = await send(shared().graphqlUrl, LIST, { 'accept-encoding': accepted });
      expect(headers['content-encoding']).toBeUndefined();
    },
  );
});

describe('a response that is never compressed', () => {
  it('is a short one, such as that of a create', async () => {
    const { graphqlUrl, create } = shared();
    await create(VALID_INPUT);
    const { headers } = await send(graphqlUrl, SMALL, { 'accept-encoding': 'br' });
    expect(headers['content-encoding']).toBeUndefined();
  });

  it('is an event stream', async () => {
    seedConnections();
    const { graphqlUrl } = shared();
    const { headers } = await send(graphqlUrl, LIST, { 'accept-encoding': 'br', accept: 'text/event-stream' });
    expect([headers['content-type'], headers['content-encoding']]).toEqual([
      'text/event-stream; charset=utf-8',
      undefined,
    ]);
  });
});
