import { describe, expect, it } from '@jest/globals';
import type { TokenGateway } from './helpers/token-gateway.js';
import { startTokenGateway } from './helpers/token-gateway.js';

const THREE = { RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '3' };

async function statusesOf(
  gateway: TokenGateway,
  count: number,
  token: string | undefined,
  headers: Record<string, string> = {},
): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index += 1) statuses.push((await gateway.ask(token, headers)).status);
  return statuses;
}

describe('an address with too many rejected tokens', () => {
  it('gets 429, and its tokens are not verified', async () => {
    const gateway = await startTokenGateway(THREE);
    const bad = await gateway.sign({ claims: { iss: 'https://issuer.example' } });
    const good = await gateway.sign();
    expect(await statusesOf(gateway, 3, bad)).toEqual([401, 401, 401]);
    const { status, headers, body } = await gateway.ask(good);
    const retryAfterSeconds = Number(headers.get('retry-after'));

    expect({ status, body }).toEqual({
      status: 429,
      body: {
        errors: [
          {
            message: 'Too many refused access tokens came from your address. Wait before you send another.',
            extensions: { code: 'RATE_LIMITED', traceId: headers.get('x-request-id'), retryAfterSeconds },
          },
        ],
      },
    });
    expect(retryAfterSeconds).toBeGreaterThan(0);
    expect(retryAfterSeconds).toBeLessThanOrEqual(60);
  });

  it('does not lock out callers whose token is cached', async () => {
    const gateway = await startTokenGateway(THREE);
    const good = await gateway.sign();
    expect(await statusesOf(gateway, 2, good)).toEqual([200, 200]);
    expect(await statusesOf(gateway, 4, `${good}x`)).toEqual([401, 401, 401, 429]);

    expect(await statusesOf(gateway, 2, good)).toEqual([200, 200]);
  });

  it('is not affected by requests without a token', async () => {
    const gateway = await startTokenGateway(THREE);

    expect(await statusesOf(gateway, 6, undefined)).toEqual(Array(6).fill(401));
    expect((await gateway.ask(await gateway.sign())).status).toBe(200);
  });
});

describe('the address of a client', () => {
  const from = (address: string) => ({ 'x-forwarded-for': address });

  it('is not taken from X-Forwarded-For of an untrusted client', async () => {
    const gateway = await startTokenGateway(THREE);
    expect(await statusesOf(gateway, 3, 'a.b.c', from('192.0.2.1'))).toEqual([401, 401, 401]);

    expect(await statusesOf(gateway, 1, 'a.b.c', from('192.0.2.2'))).toEqual([429]);
  });

  it('is the last untrusted address in X-Forwarded-For of a trusted proxy', async () => {
    const gateway = await startTokenGateway({ ...THREE, TRUST_PROXY: '127.0.0.0/8, 10.0.0.1' });
    expect(await statusesOf(gateway, 3, 'a.b.c', from('192.0.2.9, 192.0.2.1, 10.0.0.1'))).toEqual([401, 401, 401]);

    expect(await statusesOf(gateway, 1, 'a.b.c', from('192.0.2.8, 192.0.2.1'))).toEqual([429]);
    expect(await statusesOf(gateway, 1, 'a.b.c', from('192.0.2.1, 192.0.2.2'))).toEqual([401]);
  });

  it('is counted by its /64 network for IPv6', async () => {
    const gateway = await startTokenGateway({ ...THREE, TRUST_PROXY: '127.0.0.1' });
    const statuses: number[] = [];
    for (const address of ['2001:db8::1', '2001:db8:0:0:1:2:3:4', '2001:0db8::ffff', '2001:DB8::7', '2001:db8:0:1::1'])
      statuses.push(...(await statusesOf(gateway, 1, 'a.b.c', from(address))));

    expect(statuses).toEqual([401, 401, 401, 429, 401]);
  });

  it('is the same for IPv4 and IPv4-mapped IPv6', async () => {
    const gateway = await startTokenGateway({ ...THREE, TRUST_PROXY: '127.0.0.1' });
    expect(await statusesOf(gateway, 3, 'a.b.c', from('::ffff:192.0.2.1'))).toEqual([401, 401, 401]);

    expect(await statusesOf(gateway, 1, 'a.b.c', from('192.0.2.1'))).toEqual([429]);
    expect(await statusesOf(gateway, 1, 'a.b.c', from('::ffff:192.0.2.2'))).toEqual([401]);
  });

  it.each([
    ['ports', ['192.0.2.1:123', '192.0.2.1:65535', '192.0.2.1', '192.0.2.1:1']],
    ['IPv6 with ports', ['[2001:db8::1]:123', '[2001:DB8:0:0::1]:4', '2001:0db8::1', '[2001:db8::1]']],
    ['zones', ['fe80::1%eth0', 'fe80::1%25en1', '[fe80::1%eth0]:7', 'fe80::1']],
    ['IPv4 in IPv6', ['::ffff:192.0.2.1', '[::FFFF:c000:201]:80', '0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1:9']],
    ['proxies with ports', ['192.0.2.1, 10.0.0.1:443', '192.0.2.1:5, 10.0.0.1', '192.0.2.1', '192.0.2.1, 10.0.0.1:1']],
  ])('is the same in all spellings of one address: %s', async (_what, spellings) => {
    const gateway = await startTokenGateway({ ...THREE, TRUST_PROXY: '127.0.0.1, 10.0.0.1' });
    const statuses: number[] = [];
    for (const spelling of spellings) statuses.push(...(await statusesOf(gateway, 1, 'a.b.c', from(spelling))));
    const addresses = new Set(gateway.audit().map(({ address }) => address));

    expect(statuses).toEqual([401, 401, 401, 429]);
    expect([...addresses].join()).toMatch(/^(?:192\.0\.2\.1|2001:db8::1|fe80::1)$/);
  });

  it('is that of the nearest known proxy when X-Forwarded-For holds something else', async () => {
    const gateway = await startTokenGateway({ ...THREE, TRUST_PROXY: '127.0.0.1, 10.0.0.1' });
    const statuses: number[] = [];
    for (const text of ['unknown', '_hidden', '192.0.2.1, 300.1.1.1:80', '1', ''])
      statuses.push(...(await statusesOf(gateway, 1, 'a.b.c', from(text))));
    await statusesOf(gateway, 1, 'a.b.c', from('192.0.2.1, [::1, 10.0.0.1'));

    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect(gateway.audit().map(({ address }) => address)).toEqual([...Array(5).fill('127.0.0.1'), '10.0.0.1']);
  });
});
