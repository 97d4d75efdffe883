import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config/secret-files.js';
import { sendGraphql } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import type { TokenGateway } from '../helpers/token-gateway.js';
import {
  bearer,
  codeIn,
  shareTokenGateway as shareWithClock,
  startTokenGateway as startWithClock,
} from '../helpers/token-gateway.js';
import { AUDIENCE } from '../helpers/token-issuer.js';
import { INVALID_TOKENS, publicJwk, signed } from './helpers/forged-tokens.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACE = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };
const REFUSAL = {
  status: 401,
  challenge: 'Bearer',
  body: `{"errors":[{"message":"Authentication required","extensions":{"code":"UNAUTHENTICATED","traceId":"${TRACE_ID}"}}]}`,
};
const ORIGIN = 'https://app.example';

// Frozen clocks, because the validity of tokens is checked to the second.
const shareTokenGateway = (env: Environment) => shareWithClock(env, { clock: createManualClock() });
const startTokenGateway = (env: Environment = {}) => startWithClock(env, { clock: createManualClock() });

const shared = shareTokenGateway({ CORS_ORIGINS: ORIGIN });

beforeAll(async () => {
  for (const algorithm of ['RS512', 'PS256', 'ES256', 'EdDSA']) await shared().issuer.addKey(algorithm, algorithm);
  await shared().issuer.addKey('other', 'RS256', { isPublished: false });
});

describe('an unauthenticated request gets the same 401 response', () => {
  it.each([
    ['without a header', {}],
    ['with an empty header', { authorization: '' }],
    ['with a password', { authorization: 'Basic YWxpY2U6c2VjcmV0' }],
    ['with no token', { authorization: 'Bearer' }],
    ['with a token that is not a JWT', { authorization: 'Bearer abc' }],
    ['with two tokens', { authorization: 'Bearer a.b.c, Bearer a.b.c' }],
  ])('%s', async (_what, headers) => {
    const gateway = shared();
    expect(await answerTo(gateway, 'POST', '{"query":"{ __typename }"}', headers)).toEqual(REFUSAL);
    expect(gateway.issuer.requests).toEqual([]);
  });

  it.each(INVALID_TOKENS)('with a token that has %s', async (_what, reason, forge) => {
    const gateway = shared();
    const headers = bearer(await forge(gateway));
    const batch = '[{"query":"{ __typename }"}]';

    expect(await answerTo(gateway, 'POST', '{"query":"{ __typename }"}', headers)).toEqual(REFUSAL);
    expect(await answerTo(gateway, 'POST', batch, headers)).toEqual(REFUSAL);
    expect(await answerTo(gateway, 'GET', undefined, headers)).toEqual(REFUSAL);
    expect(gateway.emulator.ledger.count()).toBe(0);
    // Refused for the intended reason, which only the log shows.
    expect(gateway.audit().map(line => line['reason'])).toEqual([reason, reason, reason]);
  });

  it('with a body that is not JSON, or is too large', async () => {
    expect(await answerTo(shared(), 'POST', '{"query":', {})).toEqual(REFUSAL);
    expect(await answerTo(shared(), 'POST', `{"query":"${'x'.repeat(70_000)}"}`, {})).toEqual(REFUSAL);
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
    const gateway = shared();
    expect(codeIn(await gateway.createAs(await forge(gateway)))).toBe('CreateDatasourceConnectionSuccess');
    expect(gateway.emulator.ledger.count('createConnection')).toBe(1);
  });

  it.each(['jku', 'x5u'])('with a key URL in its header (%s), which is not fetched', async name => {
    const gateway = shared();
    const header = { [name]: `${gateway.issuer.url}/named-in-header` };

    expect((await gateway.ask(await gateway.sign({ header }))).status).toBe(200);
    expect(gateway.issuer.requests.map(({ url }) => url)).not.toContain('/named-in-header');
  });

  it('with embedded keys in its header, which are ignored', async () => {
    const gateway = shared();
    const header = { jwk: await publicJwk(gateway, 'other'), x5c: ['AAAA'] };

    expect((await gateway.ask(await gateway.sign({ header }))).status).toBe(200);
  });

  it('until it expires, even when it is cached', async () => {
    const gateway = shared();
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
  const OF_TWO = { OIDC_AUDIENCE: 'web-app,service', OIDC_AUDIENCE_CLAIM: 'client_id' };
  const sharedOfTwo = shareTokenGateway(OF_TWO);

  it.each<[claim: string, claims: Record<string, unknown>]>([
    ['client_id', { client_id: 'service', aud: undefined }],
    ['client_id', { client_id: 'web-app', aud: 'https://other.example' }],
    ['azp', { azp: 'service' }],
    ['target.apis', { target: { apis: ['other', 'service'] } }],
  ])('is read from the configured claim: %s', async (claim, claims) => {
    const gateway = await startTokenGateway({ ...OF_TWO, OIDC_AUDIENCE_CLAIM: claim });

    expect((await gateway.ask(await gateway.sign({ claims }))).status).toBe(200);
  });

  it.each([undefined, null, '', 'other', 7, 'web-app,service', 'web-app service', [['service']], { service: true }])(
    'must be one of the configured audiences: %j',
    async value => {
      const gateway = sharedOfTwo();
      const token = await gateway.sign({ claims: { client_id: value, aud: 'service' } });

      expect((await gateway.ask(token)).status).toBe(401);
      expect(gateway.audit()).toMatchObject([{ reason: 'ERR_JWT_CLAIM_VALIDATION_FAILED client_id' }]);
    },
  );
});

describe('a token that matches several keys of the issuer', () => {
  it.each<[what: string, published: Record<string, unknown>[], header: Record<string, unknown>]>([
    ['because it has no key id', [{}, {}], { kid: undefined }],
    ['because neither it nor the keys have an id', [{ kid: undefined }, { kid: undefined }], { kid: undefined }],
    ['because they have the same id', [{ kid: 'same' }, { kid: 'same' }], { kid: 'same' }],
    ['of which one is unusable', [{ kid: 'same', n: 'AQ' }, { kid: 'same' }], { kid: 'same' }],
  ])('is accepted if one of them signed it: %s', async (_what, published, header) => {
    const gateway = await startTokenGateway();
    for (const [index, jwk] of published.entries())
      await gateway.issuer.addKey(index === 0 ? 'second' : 'other', 'RS256', { published: jwk });

    expect((await gateway.ask(await gateway.sign({ key: 'other', header }))).status).toBe(200);
  });

  it.each([
    ['too short', { n: 'AQ' }],
    ['incomplete', { n: undefined }],
    ['malformed', { oth: 'AQ' }],
  ])('is refused if the only key is unusable: %s', async (_what, published) => {
    const gateway = await startTokenGateway();
    await gateway.issuer.addKey('other', 'RS256', { published });

    expect((await gateway.ask(await gateway.sign({ key: 'other' }))).status).toBe(401);
  });

  it('is refused if none of them signed it, or if it is otherwise invalid', async () => {
    const gateway = await startTokenGateway();
    await gateway.issuer.addKey('second', 'RS256');
    await gateway.issuer.addKey('other', 'RS256', { isPublished: false });
    const header = { kid: undefined };
    const forged = await gateway.sign({ key: 'other', header });
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
  const gateway = shared();
  const preflight = await fetch(gateway.graphqlUrl, {
    method: 'OPTIONS',
    headers: {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });
  const { status, headers } = await gateway.ask(undefined, { origin: ORIGIN });

  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
  expect({ status, allowed: headers.get('access-control-allow-origin') }).toEqual({
    status: 401,
    allowed: ORIGIN,
  });
});

it.each(['PUT', 'PATCH', 'DELETE'])('%s gets 401 without a token and 405 with one', async method => {
  const gateway = shared();
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
