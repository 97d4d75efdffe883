import { describe, expect, it } from '@jest/globals';
import { base64url, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Environment } from '../../src/config/secret-files.js';
import { sendGraphql } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import type { TokenGateway } from './helpers/token-gateway.js';
import { bearer, codeIn, startTokenGateway as startWithClock } from './helpers/token-gateway.js';
import type { TokenClaims } from './helpers/token-issuer.js';
import { AUDIENCE } from './helpers/token-issuer.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACE = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };
const REFUSAL = {
  status: 401,
  challenge: 'Bearer',
  body: `{"errors":[{"message":"Authentication required","extensions":{"code":"UNAUTHENTICATED","traceId":"${TRACE_ID}"}}]}`,
};

/** A gateway with a still clock, because the validity of tokens is checked to the second. */
function startTokenGateway(env: Environment = {}): Promise<TokenGateway> {
  return startWithClock(env, { clock: createManualClock() });
}

type Forge = (gateway: TokenGateway) => Promise<string>;

const signed =
  (request: (nowSeconds: number) => TokenClaims): Forge =>
  gateway =>
    gateway.sign(request(Math.floor(gateway.clock.epochMs() / 1_000)));

const FORGERIES: [what: string, reason: string, forge: Forge][] = [
  ['no signature (alg none)', 'ERR_JOSE_ALG_NOT_ALLOWED', unsigned],
  ['a signature with the public key as a secret', 'ERR_JOSE_ALG_NOT_ALLOWED', signedWithPublicKey],
  ['a key that the issuer does not have', 'ERR_JWKS_NO_MATCHING_KEY', signed(() => ({ header: { kid: 'unknown' } }))],
  [
    'another issuer',
    'ERR_JWT_CLAIM_VALIDATION_FAILED iss',
    signed(() => ({ claims: { iss: 'https://issuer.example' } })),
  ],
  [
    'another audience',
    'ERR_JWT_CLAIM_VALIDATION_FAILED aud',
    signed(() => ({ claims: { aud: 'https://other.example' } })),
  ],
  [
    'audiences without this one',
    'ERR_JWT_CLAIM_VALIDATION_FAILED aud',
    signed(() => ({ claims: { aud: ['a', `${AUDIENCE}/`] } })),
  ],
  ['no audience', 'ERR_JWT_CLAIM_VALIDATION_FAILED aud', signed(() => ({ claims: { aud: undefined } }))],
  ['no expiry', 'ERR_JWT_CLAIM_VALIDATION_FAILED exp', signed(() => ({ claims: { exp: undefined } }))],
  ['an exp 6 s ago', 'ERR_JWT_EXPIRED exp', signed(now => ({ claims: { exp: now - 6 } }))],
  ['an nbf in 60 s', 'ERR_JWT_CLAIM_VALIDATION_FAILED nbf', signed(now => ({ claims: { nbf: now + 60 } }))],
  ['an iat in 10 min', 'from the future', signed(now => ({ claims: { iat: now + 600, exp: now + 900 } }))],
  ['an iat more than a day ago', 'too old', signed(now => ({ claims: { iat: now - 86_410, exp: now + 900 } }))],
  ['the key in its header that signed it (jwk)', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', signedWithOwnKey],
  ['9 KB', 'no JWT', signed(() => ({ claims: { padding: 'x'.repeat(6_800) } }))],
  ['no subject', 'ERR_JWT_CLAIM_VALIDATION_FAILED sub', signed(() => ({ claims: { sub: undefined } }))],
  ['an empty subject', 'name', signed(() => ({ claims: { sub: '' } }))],
  ['the type of a logout token', 'type', signed(() => ({ header: { typ: 'logout+jwt' } }))],
  ['an algorithm that is not allowed', 'ERR_JOSE_ALG_NOT_ALLOWED', signed(() => ({ key: 'rs512' }))],
  [
    'no claims',
    'ERR_JWT_INVALID',
    async ({ sign }) => (await sign()).replace(/\.[\w-]+\./, `.${base64url.encode('[]')}.`),
  ],
  ['a subject that was changed after signing', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', changedAfterwards],
];

describe('an unauthenticated request gets the same 401 response', () => {
  it.each([
    ['without a header', {}],
    ['with an empty header', { authorization: '' }],
    ['with a password', { authorization: 'Basic YWxpY2U6c2VjcmV0' }],
    ['with no token', { authorization: 'Bearer' }],
    ['with a token that is not a JWT', { authorization: 'Bearer abc' }],
    ['with two tokens', { authorization: 'Bearer a.b.c, Bearer a.b.c' }],
  ])('%s', async (_what, headers) => {
    const gateway = await startTokenGateway();
    expect(await answerTo(gateway, 'POST', '{"query":"{ __typename }"}', headers)).toEqual(REFUSAL);
    expect(gateway.issuer.requests).toEqual([]);
  });

  it.each(FORGERIES)('with a token that has %s', async (_what, reason, forge) => {
    const gateway = await startTokenGateway();
    await gateway.issuer.addKey('rs512', 'RS512');
    const headers = bearer(await forge(gateway));
    const batch = '[{"query":"{ __typename }"}]';

    expect(await answerTo(gateway, 'POST', '{"query":"{ __typename }"}', headers)).toEqual(REFUSAL);
    expect(await answerTo(gateway, 'POST', batch, headers)).toEqual(REFUSAL);
    expect(await answerTo(gateway, 'GET', undefined, headers)).toEqual(REFUSAL);
    expect(gateway.emulator.ledger.count()).toBe(0);
    // For the intended reason, which is visible in the log only.
    expect(gateway.audit().map(line => line['reason'])).toEqual([reason, reason, reason]);
  });

  it('before its body is read', async () => {
    const gateway = await startTokenGateway();
    expect(await answerTo(gateway, 'POST', '{"query":', {})).toEqual(REFUSAL);
    expect(await answerTo(gateway, 'POST', `{"query":"${'x'.repeat(70_000)}"}`, {})).toEqual(REFUSAL);
  });
});

describe('an access token is accepted', () => {
  it.each([
    ['with an exp 4 s ago', signed(now => ({ claims: { exp: now - 4 } }))],
    ['with an nbf in 4 s', signed(now => ({ claims: { nbf: now + 4 } }))],
    ['without an iat', signed(() => ({ claims: { iat: undefined } }))],
    ['with several audiences', signed(() => ({ claims: { aud: ['a', AUDIENCE] } }))],
    ['with the type JWT', signed(() => ({ header: { typ: 'JWT' } }))],
    ['with the long form of the type', signed(() => ({ header: { typ: 'application/at+jwt' } }))],
    ['without a type', signed(() => ({ header: { typ: undefined } }))],
    ['without a key id, if one key fits', signed(() => ({ header: { kid: undefined } }))],
    ['signed with PS256', signed(() => ({ key: 'PS256' }))],
    ['signed with ES256', signed(() => ({ key: 'ES256' }))],
    ['signed with EdDSA', signed(() => ({ key: 'EdDSA' }))],
    ['with scopes in a list', signed(() => ({ claims: { scope: undefined, scp: ['dli:connection:create'] } }))],
    ['with scopes in scp', signed(() => ({ claims: { scope: undefined, scp: 'x dli:connection:create' } }))],
  ])('%s', async (_what, forge) => {
    const gateway = await startTokenGateway();
    for (const algorithm of ['PS256', 'ES256', 'EdDSA']) await gateway.issuer.addKey(algorithm, algorithm);

    expect(codeIn(await gateway.createAs(await forge(gateway)))).toBe('CreateDatasourceConnectionSuccess');
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1);
  });

  it.each(['jku', 'x5u'])('with an address of keys in its header (%s), which is not fetched', async name => {
    const gateway = await startTokenGateway();
    const header = { [name]: `${gateway.issuer.url}/named-in-header` };

    expect((await gateway.ask(await gateway.sign({ header }))).status).toBe(200);
    expect(gateway.issuer.requests.map(({ url }) => url)).not.toContain('/named-in-header');
  });

  it('with keys of others in its header, which do not count', async () => {
    const gateway = await startTokenGateway();
    const { publicKey } = await generateKeyPair('RS256', { extractable: true });
    const header = { jwk: await exportJWK(publicKey), x5c: ['AAAA'] };

    expect((await gateway.ask(await gateway.sign({ header }))).status).toBe(200);
  });

  it('until it expires, even when it is cached', async () => {
    const gateway = await startTokenGateway();
    const token = await gateway.sign();
    const statuses: number[] = [];
    for (const seconds of [0, 10, 290, 10]) {
      gateway.clock.advance(seconds * 1_000);
      statuses.push((await gateway.ask(token)).status);
    }

    expect(statuses).toEqual([200, 200, 200, 401]);
  });

  it('with an algorithm and an age that the configuration allows', async () => {
    const gateway = await startTokenGateway({ OIDC_ALGORITHMS: 'ES384', OIDC_MAX_TOKEN_AGE_SECONDS: '60' });
    await gateway.issuer.addKey('es384', 'ES384');
    const nowSeconds = Math.floor(gateway.clock.epochMs() / 1_000);

    expect((await gateway.ask(await gateway.sign({ key: 'es384' }))).status).toBe(200);
    expect((await gateway.ask(await gateway.sign())).status).toBe(401);
    const old = await gateway.sign({ key: 'es384', claims: { iat: nowSeconds - 70 } });
    expect((await gateway.ask(old)).status).toBe(401);
  });
});

describe('the audience', () => {
  it.each<[claim: string, claims: Record<string, unknown>]>([
    ['client_id', { client_id: 'service', aud: undefined }],
    ['client_id', { client_id: 'web-app', aud: 'https://other.example' }],
    ['azp', { azp: 'service' }],
    ['target.apis', { target: { apis: ['other', 'service'] } }],
  ])('is read from the configured claim: %s', async (claim, claims) => {
    const gateway = await startTokenGateway({ OIDC_AUDIENCE: 'web-app,service', OIDC_AUDIENCE_CLAIM: claim });

    expect((await gateway.ask(await gateway.sign({ claims }))).status).toBe(200);
  });

  it.each([undefined, null, '', 'other', 7, 'web-app,service', 'web-app service', [['service']], { service: true }])(
    'must be one of those that are configured: %j',
    async value => {
      const gateway = await startTokenGateway({ OIDC_AUDIENCE: 'web-app,service', OIDC_AUDIENCE_CLAIM: 'client_id' });
      const token = await gateway.sign({ claims: { client_id: value, aud: 'service' } });

      expect((await gateway.ask(token)).status).toBe(401);
      expect(gateway.audit()).toMatchObject([{ reason: 'ERR_JWT_CLAIM_VALIDATION_FAILED client_id' }]);
    },
  );
});

describe('a token that several keys of the issuer match', () => {
  it.each<[what: string, published: Record<string, unknown>[], header: Record<string, unknown>]>([
    ['because it has no key id', [{}, {}], { kid: undefined }],
    ['because neither it nor the keys have an id', [{ kid: undefined }, { kid: undefined }], { kid: undefined }],
    ['because they have the same id', [{ kid: 'same' }, { kid: 'same' }], { kid: 'same' }],
    ['of which one is unusable', [{ kid: 'same', n: 'AQ' }, { kid: 'same' }], { kid: 'same' }],
  ])('is accepted if one of them signed it: %s', async (_what, published, header) => {
    const gateway = await startTokenGateway();
    for (const [index, jwk] of published.entries())
      await gateway.issuer.addKey(`key-${index}`, 'RS256', { published: jwk });

    expect((await gateway.ask(await gateway.sign({ key: 'key-1', header }))).status).toBe(200);
  });

  it('is refused if none of them signed it, or if it is invalid otherwise', async () => {
    const gateway = await startTokenGateway();
    await gateway.issuer.addKey('second', 'RS256');
    await gateway.issuer.addKey('unknown', 'RS256', { isPublished: false });
    const header = { kid: undefined };
    const forged = await gateway.sign({ key: 'unknown', header });
    const tokens = [forged, forged, await gateway.sign({ key: 'second', header, claims: { aud: 'other' } })];

    for (const token of tokens) expect((await gateway.ask(token)).status).toBe(401);
    expect(gateway.audit().map(({ reason }) => reason)).toEqual([
      'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
      'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
      'ERR_JWT_CLAIM_VALIDATION_FAILED aud',
    ]);
  });
});

it('a CORS preflight needs no token, and the page can read the 401 response', async () => {
  const origin = 'https://app.example';
  const gateway = await startTokenGateway({ CORS_ORIGINS: origin });
  const preflight = await fetch(gateway.graphqlUrl, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });
  const { status, headers } = await gateway.ask(undefined, { origin });

  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
  expect({ status, allowed: headers.get('access-control-allow-origin') }).toEqual({
    status: 401,
    allowed: origin,
  });
});

it.each(['PUT', 'PATCH', 'DELETE'])('%s gets 401 without a token and 405 with one', async method => {
  const gateway = await startTokenGateway();
  const refused = await fetch(gateway.graphqlUrl, { method });
  const answered = await fetch(gateway.graphqlUrl, { method, headers: bearer(await gateway.sign()) });

  expect([refused.status, answered.status]).toEqual([401, 405]);
});

it('Apollo Sandbox is served to browsers without a token', async () => {
  const gateway = await startTokenGateway({ EXPLORER: 'sandbox' });
  const page = await fetch(gateway.graphqlUrl, { headers: { accept: 'text/html' } });

  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
});

it('the explorer is served to browsers without a token, but its queries need one', async () => {
  const gateway = await startTokenGateway({ EXPLORER: 'graphiql' });
  const page = await fetch(gateway.graphqlUrl, { headers: { accept: 'text/html' } });

  expect(page.status).toBe(200);
  expect(await page.text()).toContain('DLI gateway');
  expect((await sendGraphql(gateway.graphqlUrl, { query: '{ __schema { queryType { name } } }' })).status).toBe(401);
});

async function answerTo(
  { graphqlUrl }: TokenGateway,
  method: string,
  body: string | undefined,
  headers: Record<string, string>,
) {
  const response = await fetch(graphqlUrl, {
    method,
    headers: { 'content-type': 'application/json', ...TRACE, ...headers },
    ...(body !== undefined && { body }),
  });
  const challenge = response.headers.get('www-authenticate');
  return { status: response.status, challenge, body: await response.text() };
}

async function claimsOf({ sign }: TokenGateway): Promise<string> {
  const [, claims = ''] = (await sign()).split('.');
  return claims;
}

async function unsigned(gateway: TokenGateway): Promise<string> {
  return `${base64url.encode('{"alg":"none","kid":"first","typ":"at+jwt"}')}.${await claimsOf(gateway)}.`;
}

async function signedWithPublicKey(gateway: TokenGateway): Promise<string> {
  const secret = new TextEncoder().encode(await gateway.issuer.publicPem('first'));
  const claims = JSON.parse(new TextDecoder().decode(base64url.decode(await claimsOf(gateway))));
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'first', typ: 'at+jwt' }).sign(secret);
}

async function signedWithOwnKey(gateway: TokenGateway): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const claims = JSON.parse(new TextDecoder().decode(base64url.decode(await claimsOf(gateway))));
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: 'first', typ: 'at+jwt', jwk: await exportJWK(publicKey) })
    .sign(privateKey);
}

async function changedAfterwards({ sign }: TokenGateway): Promise<string> {
  const [head, claims = '', signature] = (await sign()).split('.');
  const changed = { ...JSON.parse(new TextDecoder().decode(base64url.decode(claims))), sub: 'mallory' };
  return `${head}.${base64url.encode(JSON.stringify(changed))}.${signature}`;
}
