import { createPublicKey } from 'node:crypto';
import { base64url, SignJWT } from 'jose';
import type { TokenGateway } from '../../helpers/token-gateway.js';
import type { TokenClaims } from '../../helpers/token-issuer.js';
import { AUDIENCE } from '../../helpers/token-issuer.js';

/** Makes a token for a gateway. */
type Forge = (gateway: TokenGateway) => Promise<string>;

/** A token with these claims and headers, which the issuer signs. */
export const signed =
  (request: (nowSeconds: number) => TokenClaims): Forge =>
  gateway =>
    gateway.sign(request(Math.floor(gateway.clock.epochMs() / 1_000)));

/**
 * Tokens that are refused: what they have, the reason in the audit log, and how to make one. The issuer needs the keys
 * `RS512` and `other`, which is not published.
 */
export const INVALID_TOKENS: [what: string, reason: string, forge: Forge][] = [
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
  ['a type that is no text', 'type', signed(() => ({ header: { typ: 7 as never } }))],
  ['an algorithm that is not allowed', 'ERR_JOSE_ALG_NOT_ALLOWED', signed(() => ({ key: 'RS512' }))],
  [
    'no claims',
    'ERR_JWT_INVALID',
    async ({ sign }) => (await sign()).replace(/\.[\w-]+\./, `.${base64url.encode('[]')}.`),
  ],
  ['a subject that was changed after signing', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED', changedAfterwards],
];

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
  const jwk = await publicJwk(gateway, 'other');
  return gateway.sign({ key: 'other', header: { kid: 'first', jwk } });
}

/** A public key of the issuer. */
export async function publicJwk({ issuer }: TokenGateway, key: string) {
  return createPublicKey(await issuer.publicPem(key)).export({ format: 'jwk' });
}

async function changedAfterwards({ sign }: TokenGateway): Promise<string> {
  const [head, claims = '', signature] = (await sign()).split('.');
  const changed = { ...JSON.parse(new TextDecoder().decode(base64url.decode(claims))), sub: 'mallory' };
  return `${head}.${base64url.encode(JSON.stringify(changed))}.${signature}`;
}
