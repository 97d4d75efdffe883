import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config/secret-files.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';
import { TEST_CERTIFICATE_PATH, tlsFixture } from '../helpers/tls-fixture.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import { shareTokenGateway, startTokenGateway as startWithClock } from '../helpers/token-gateway.js';
import { destroyConnection, startTokenIssuer } from '../helpers/token-issuer.js';

const MINUTE_MS = 60_000;
const CALLERS = proofSize(20, 100);
const ROUNDS_PER_MINUTE = proofSize(20, 60);
const LASTING = { exp: Math.floor(Date.now() / 1_000) + 86_400 };

/** A gateway with a manual clock, so that keys do not age on a slow machine. */
function startTokenGateway(env: Environment = {}, given: { issuer?: TokenGateway['issuer'] } = {}) {
  return startWithClock(env, { clock: createManualClock(), ...given });
}

async function statusOf(gateway: TokenGateway, token: Promise<string>): Promise<number> {
  return (await gateway.ask(await token)).status;
}

/** A new token, signed with a published key. */
function freshToken(gateway: TokenGateway, key = 'first'): Promise<string> {
  return gateway.sign({ key, claims: { jti: String(Math.random()), ...LASTING } });
}

describe('during an outage of the issuer', () => {
  it('cached keys stay in use, and unknown key ids cause at most three fetches per minute', async () => {
    const gateway = await startTokenGateway();
    expect(await statusOf(gateway, freshToken(gateway))).toBe(200);
    const { reads } = gateway.issuer;
    const readsBefore = reads.keys + reads.discovery;
    gateway.issuer.instead = destroyConnection;
    gateway.clock.advance(11 * MINUTE_MS);
    const served: number[] = [];
    const invented: number[] = [];
    for (let round = 0; round < ROUNDS_PER_MINUTE; round += 1) {
      const tokens = Array.from({ length: round === 0 ? CALLERS * 2 : 1 }, (_, index) =>
        gateway.sign({ header: { kid: `invented-${round}-${index}` } }),
      );
      invented.push(...(await Promise.all(tokens.map(token => statusOf(gateway, token)))));
      served.push(await statusOf(gateway, freshToken(gateway)));
      gateway.clock.advance(MINUTE_MS / ROUNDS_PER_MINUTE);
    }

    expect(served).toEqual(Array(ROUNDS_PER_MINUTE).fill(200));
    // Not 401: the key may be new, which cannot be checked during the outage.
    expect(new Set(invented)).toEqual(new Set([503]));
    expect(reads.keys + reads.discovery - readsBefore).toBeLessThanOrEqual(3);
  });

  it('keys are used for one hour after they were fetched', async () => {
    const gateway = await startTokenGateway();
    const token = gateway.sign({ claims: LASTING });
    expect(await statusOf(gateway, token)).toBe(200);
    gateway.issuer.instead = destroyConnection;
    gateway.clock.advance(59 * MINUTE_MS);
    expect([await statusOf(gateway, token), await statusOf(gateway, freshToken(gateway))]).toEqual([200, 200]);
    gateway.clock.advance(MINUTE_MS);
    expect([await statusOf(gateway, token), await statusOf(gateway, freshToken(gateway))]).toEqual([503, 503]);
    gateway.issuer.instead = undefined;
    gateway.clock.advance(MINUTE_MS);
    expect([await statusOf(gateway, token), await statusOf(gateway, freshToken(gateway))]).toEqual([200, 200]);
  });

  it('callers get 503 with Retry-After instead of 401 if no keys were ever fetched', async () => {
    const gateway = await startTokenGateway();
    gateway.issuer.instead = destroyConnection;
    const { status, headers, body } = await gateway.ask(await gateway.sign());

    expect({
      status,
      retryAfter: headers.get('retry-after'),
      challenge: headers.get('www-authenticate'),
      body,
    }).toEqual({
      status: 503,
      retryAfter: '1',
      challenge: null,
      body: {
        errors: [
          {
            message: 'Access tokens cannot be checked at the moment. Send it again later; you need not sign in again.',
            extensions: {
              code: 'AUTH_UNAVAILABLE',
              traceId: headers.get('x-request-id'),
              retryAfterSeconds: 1,
            },
          },
        ],
      },
    });
    gateway.issuer.instead = undefined;
    gateway.clock.advance(1_000);
    expect(await statusOf(gateway, gateway.sign())).toBe(200);
  });

  it('100 concurrent callers cause one fetch', async () => {
    const gateway = await startTokenGateway();
    gateway.issuer.instead = destroyConnection;
    const token = gateway.sign();
    await Promise.all(Array.from({ length: CALLERS }, () => statusOf(gateway, token)));

    expect(gateway.issuer.reads).toEqual({ keys: 0, discovery: 1 });
  });
});

describe('the JWKS of the issuer', () => {
  // This gateway never gets any keys.
  const shared = shareTokenGateway({}, { clock: createManualClock() });

  it('is fetched once for 100 concurrent callers', async () => {
    const gateway = await startTokenGateway();
    const tokens = Array.from({ length: CALLERS }, () => freshToken(gateway));
    const statuses = await Promise.all(tokens.map(token => statusOf(gateway, token)));

    expect(statuses).toEqual(Array(CALLERS).fill(200));
    expect(gateway.issuer.reads).toEqual({ keys: 1, discovery: 1 });
  });

  it('is fetched again for an unknown key id, at most twice per minute', async () => {
    const gateway = await startTokenGateway();
    expect(await statusOf(gateway, freshToken(gateway))).toBe(200);
    await gateway.issuer.addKey('second', 'ES256');
    expect(await statusOf(gateway, freshToken(gateway, 'second'))).toBe(401);
    gateway.clock.advance(MINUTE_MS / 2);
    expect(await statusOf(gateway, freshToken(gateway, 'second'))).toBe(200);

    expect(gateway.issuer.reads.keys).toBe(2);
  });

  it('drops removed keys, for cached tokens too', async () => {
    const gateway = await startTokenGateway();
    const token = gateway.sign({ claims: LASTING });
    expect(await statusOf(gateway, token)).toBe(200);
    gateway.issuer.instead = (request, response) => {
      const isDiscovery = request.url?.startsWith('/.well-known') === true;
      response.end(
        JSON.stringify(
          isDiscovery ? { issuer: gateway.issuer.url, jwks_uri: `${gateway.issuer.url}/keys` } : { keys: [] },
        ),
      );
    };
    gateway.clock.advance(11 * MINUTE_MS);
    // The first request starts a refresh in the background.
    await statusOf(gateway, token);
    await statusOf(gateway, gateway.sign({ header: { kid: 'unknown' } }));

    expect(await statusOf(gateway, token)).toBe(401);
  });

  it('is fetched from OIDC_JWKS_URI without discovery', async () => {
    const gateway = await startTokenGateway();
    const { issuer } = gateway;
    const direct = await startTokenGateway({ OIDC_JWKS_URI: `${issuer.url}/keys?v=1` }, { issuer });

    expect((await direct.ask(await issuer.sign())).status).toBe(200);
    expect(issuer.requests.map(({ url }) => url)).toEqual(['/keys?v=1']);
  });

  it('is fetched without credentials', async () => {
    const gateway = await startTokenGateway();
    await gateway.ask(await gateway.sign(), { cookie: 'session=1' });

    for (const { method, headers } of gateway.issuer.requests) {
      expect(method).toBe('GET');
      expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['authorization']));
      expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['cookie']));
    }
  });

  it.each<[what: string, answer: TokenGateway['issuer']['instead'], detail: string]>([
    ['a failure', (_request, response) => response.writeHead(500).end(), 'the issuer answered 500'],
    [
      'a redirect',
      (request, response) => response.writeHead(302, { location: `http://${request.headers.host}/keys` }).end(),
      'the issuer answered 302',
    ],
    [
      'an issuer that does not send JSON',
      (_request, response) => response.end('<html>'),
      'the issuer did not answer with JSON',
    ],
    [
      'more than 256 KiB',
      (_request, response) => response.end(`"${'x'.repeat(256 * 1_024)}"`),
      'the issuer answered with more than 256 KiB',
    ],
    [
      'the document of another issuer',
      (_request, response) => response.end('{"issuer":"https://issuer.example"}'),
      'the discovery document is of another issuer',
    ],
    ['a broken connection', destroyConnection, 'the issuer cannot be reached (UND_ERR_SOCKET)'],
  ])('is not accepted from %s, which is logged', async (_what, answer, detail) => {
    const gateway = shared();
    gateway.issuer.instead = answer;

    expect(await statusOf(gateway, gateway.sign())).toBe(503);
    expect(gateway.log()).toContain(`"operation":"keys","outcome":"unavailable","detail":"${detail}"`);
    expect(gateway.issuer.requests.map(({ url }) => url)).toEqual(['/.well-known/openid-configuration']);
  });

  it.each([
    ['a missing address', undefined],
    ['an invalid address', 'keys'],
    ['an unencrypted address of another host', 'http://127.0.0.2/keys'],
    ['an address that is not HTTP', 'file:///keys'],
    ['an address with a password', 'https://user:password@127.0.0.1/keys'],
  ])('is not fetched from %s in the discovery document', async (_what, address) => {
    const gateway = shared();
    gateway.issuer.instead = (_request, response) =>
      response.end(JSON.stringify({ issuer: gateway.issuer.url, jwks_uri: address }));

    expect(await statusOf(gateway, gateway.sign())).toBe(503);
    expect(gateway.log()).toContain('names no address of keys that may be used');
  });
});

describe('an issuer with TLS', () => {
  it.each(['discovery', 'OIDC_JWKS_URI'])(
    'is trusted if its certificate was signed by an authority of CA_FILE: %s',
    async how => {
      const clock = createManualClock();
      const issuer = await startTokenIssuer(clock, { tls: tlsFixture() });
      const keys = how === 'discovery' ? {} : { OIDC_JWKS_URI: `${issuer.url}/keys` };
      const gateway = await startWithClock({ CA_FILE: TEST_CERTIFICATE_PATH, ...keys }, { clock, issuer });

      expect(await statusOf(gateway, gateway.sign())).toBe(200);
    },
  );

  it.each<[why: string, validity: 'valid' | 'expired', env: Environment, code: string]>([
    ['no authority that Node trusts signed its certificate', 'valid', {}, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['its certificate has expired', 'expired', { CA_FILE: TEST_CERTIFICATE_PATH }, 'CERT_HAS_EXPIRED'],
  ])('is not trusted if %s, which is logged', async (_why, validity, env, code) => {
    const clock = createManualClock();
    const issuer = await startTokenIssuer(clock, { tls: tlsFixture(validity) });
    const gateway = await startWithClock(env, { clock, issuer });

    expect(await statusOf(gateway, gateway.sign())).toBe(503);
    expect(issuer.requests).toEqual([]);
    expect(gateway.log()).toContain(`"detail":"the issuer cannot be reached (${code})"`);
  });
});
