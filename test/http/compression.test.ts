import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';

const LIST = { query: '{ datasourceConnections(first: 100) { items { id name state __typename } } }' };
const SMALL = { query: '{ __typename }' };

afterEach(closeGateways);

/** Sends a request without decompressing the response, as `fetch` would. */
async function send(url: string, body: object, headers: Record<string, string>) {
  const outgoing = request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } });
  outgoing.end(JSON.stringify(body));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { headers: response.headers, body: await buffer(response) };
}

async function startWithConnections() {
  const gateway = await startGateway();
  for (let index = 0; index < 50; index += 1) gateway.emulator.seedConnection({ name: `orders_${index}` });
  return gateway;
}

describe('a response of more than 1 KB', () => {
  it.each([
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
  ])('is compressed for a client that accepts %s', async (accepted, encoding, decode) => {
    const { graphqlUrl } = await startWithConnections();
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
    'is sent as it is to a client that accepts %s',
    async accepted => {
      const { graphqlUrl } = await startWithConnections();
      const { headers } = await send(graphqlUrl, LIST, { 'accept-encoding': accepted });
      expect(headers['content-encoding']).toBeUndefined();
    },
  );
});

describe('a response that is never compressed', () => {
  it('is a short one, such as that of a create', async () => {
    const { graphqlUrl, create } = await startGateway();
    await create(VALID_INPUT);
    const { headers } = await send(graphqlUrl, SMALL, { 'accept-encoding': 'br' });
    expect(headers['content-encoding']).toBeUndefined();
  });

  it('is an event stream', async () => {
    const { graphqlUrl } = await startWithConnections();
    const { headers } = await send(graphqlUrl, LIST, { 'accept-encoding': 'br', accept: 'text/event-stream' });
    expect([headers['content-type'], headers['content-encoding']]).toEqual([
      'text/event-stream; charset=utf-8',
      undefined,
    ]);
  });
});
