import { describe, expect, it } from '@jest/globals';
import { proofSize } from '../helpers/proof-size.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { startTokenGateway } from '../helpers/token-gateway.js';

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

/** Changes the signature of a token, differently for each index. */
function forge(token: string, index: number): string {
  const [header, claims, signature = ''] = token.split('.');
  const changed = String(index).padStart(6, '0');
  return `${header}.${claims}.${changed}${signature.slice(changed.length)}`;
}

describe('an address with too many rejected tokens', () => {
  it('gets 429 for further ones, while its valid tokens are accepted', async () => {
    const gateway = await startTokenGateway(THREE);
    const bad = await gateway.sign({ claims: { iss: 'https://issuer.example' } });
    expect(await statusesOf(gateway, 3, bad)).toEqual([401, 401, 401]);
    const { status, headers, body } = await gateway.ask(bad);
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
    expect((await gateway.ask(await gateway.sign())).status).toBe(200);
  });

  it('does not lock out callers whose token is cached', async () => {
    const gateway = await startTokenGateway(THREE);
    const good = await gateway.sign();
    expect(await statusesOf(gateway, 2, good)).toEqual([200, 200]);
    expect(await statusesOf(gateway, 4, `${good}x`)).toEqual([401, 401, 401, 429]);

    expect(await statusesOf(gateway, 2, good)).toEqual([200, 200]);
  });

  it('gets 401 for an expired token, so that its client signs in again', async () => {
    const gateway = await startTokenGateway(THREE);
    await statusesOf(gateway, 4, 'a.b.c');
    const nowSeconds = Math.floor(gateway.clock.epochMs() / 1_000);
    const expired = await gateway.sign({ claims: { exp: nowSeconds - 60 } });
    const old = await gateway.sign({ claims: { iat: nowSeconds - 90_000 } });

    expect((await gateway.ask(expired)).status).toBe(401);
    expect((await gateway.ask(old)).status).toBe(401);
    expect((await gateway.ask('a.b.c')).status).toBe(429);
  });

  it('is not affected by requests without a token', async () => {
    const gateway = await startTokenGateway(THREE);

    expect(await statusesOf(gateway, 6, undefined)).toEqual(Array(6).fill(401));
    expect((await gateway.ask(await gateway.sign())).status).toBe(200);
  });
});

describe('new valid tokens are accepted', () => {
  const JUNK: [what: string, junk: (gateway: TokenGateway, index: number) => Promise<string> | string][] = [
    ['tokens that are no JWT', (_gateway, index) => `a${index}.b.c`],
    ['invented key ids', ({ sign }, index) => sign({ header: { kid: `invented-${index}` } })],
    ['tokens of another issuer', ({ sign }, index) => sign({ claims: { iss: `https://issuer-${index}.example` } })],
    ['expired tokens', ({ sign }, index) => sign({ claims: { exp: 1_000_000 + index } })],
    ['one forged token', async ({ sign }) => forge(await sign({ claims: { jti: '1', iat: undefined, exp: 4e9 } }), 0)],
    ['forged tokens', async ({ sign }, index) => forge(await sign(), index)],
  ];

  it.each(JUNK)('while the same address sends %s', async (_what, junk) => {
    const gateway = await startTokenGateway({ RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '20' });
    const startMs = performance.now();
    const junkTokens = await Promise.all(
      Array.from({ length: proofSize(30, 2_000) }, async (_, index) => junk(gateway, index)),
    );
    const statuses: number[] = [];
    let areAllSent = false;
    const flood = async () => {
      for (let token = junkTokens.pop(); token !== undefined; token = junkTokens.pop()) {
        const { status } = await gateway.ask(token);
        expect([401, 429]).toContain(status);
      }
    };
    const callers = async () => {
      do {
        const token = await gateway.sign({ claims: { jti: String(statuses.length) } });
        statuses.push((await gateway.ask(token)).status);
      } while (!areAllSent);
    };
    const floods = Promise.all(Array.from({ length: 4 }, flood)).finally(() => {
      areAllSent = true;
    });
    await Promise.all([floods, callers()]);
    await callers();

    expect(new Set(statuses)).toEqual(new Set([200]));
    // At the start, for an unknown key id, and then at most every 30 s.
    const minutes = (performance.now() - startMs) / 60_000;
    expect(gateway.issuer.reads.keys).toBeLessThanOrEqual(2 + 2 * minutes);
  });
});

describe('forged tokens of an address with too many rejected tokens', () => {
  const REFUSED = 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED';
  // Fewer than the audit lines that are written per reason and minute.
  const FORGED = 18;

  it('are verified at a bounded rate, and get 429 without being verified above it', async () => {
    const gateway = await startTokenGateway(THREE, { limits: { verificationsPerSecond: 5 } });
    await statusesOf(gateway, 3, 'a.b.c');
    const valid = await gateway.sign();
    const startMs = performance.now();
    const answers = await Promise.all(Array.from({ length: FORGED }, (_, index) => gateway.ask(forge(valid, index))));
    const seconds = (performance.now() - startMs) / 1_000;
    const reasons = gateway.audit().map(({ reason }) => reason);

    expect(answers.map(({ status }) => status)).toEqual(Array(FORGED).fill(429));
    expect(reasons.filter(reason => reason === REFUSED).length).toBeLessThanOrEqual(5 * seconds + 1);
    expect(reasons.filter(reason => reason === REFUSED || reason === 'not verified')).toHaveLength(FORGED);
    for (const { headers } of answers) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('are verified once each', async () => {
    const gateway = await startTokenGateway(THREE, { limits: { verificationsPerSecond: 1 } });
    const forged = forge(await gateway.sign(), 0);
    // If each were verified, they would take 20 s, or be refused because the queue is full.
    await statusesOf(gateway, 20, forged);

    expect(gateway.audit().map(({ reason }) => reason)).toEqual(Array(20).fill(REFUSED));
  });

  it('do not delay the tokens of other addresses', async () => {
    const trusted = { ...THREE, TRUST_PROXY: '127.0.0.1' };
    const gateway = await startTokenGateway(trusted, { limits: { verificationsPerSecond: 1 } });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const valid = await gateway.sign();
    for (const address of ['192.0.2.1', '192.0.2.2']) await statusesOf(gateway, 3, 'a.b.c', from(address));
    const flood = Array.from({ length: 40 }, (_, index) => gateway.ask(forge(valid, index), from('192.0.2.1')));

    expect((await gateway.ask(valid, from('192.0.2.2'))).status).toBe(200);
    await Promise.all(flood);
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

  it('is that of the nearest known proxy when X-Forwarded-For holds no address', async () => {
    const gateway = await startTokenGateway({ ...THREE, TRUST_PROXY: '127.0.0.1, 10.0.0.1' });
    const statuses: number[] = [];
    for (const text of ['unknown', '_hidden', '192.0.2.1, 300.1.1.1:80', '1', ''])
      statuses.push(...(await statusesOf(gateway, 1, 'a.b.c', from(text))));
    await statusesOf(gateway, 1, 'a.b.c', from('192.0.2.1, [::1, 10.0.0.1'));

    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect(gateway.audit().map(({ address }) => address)).toEqual([...Array(5).fill('127.0.0.1'), '10.0.0.1']);
  });
});
