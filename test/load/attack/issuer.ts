import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const KEY_ID = 'load';
const SCOPE = 'dli:connection:read dli:connection:create dli:connection:delete';

/** The audience of all tokens. */
export const AUDIENCE = 'https://gateway.example';

/** An issuer of access tokens on loopback. */
export interface Issuer {
  /** Its identifier, which is also its URL. */
  readonly url: string;
  /** Signs a token with all scopes, valid for two hours, of a caller whose tenant is `subject`. */
  sign(subject: string): Promise<string>;
}

/** Starts an issuer; it ends with the process. */
export async function startIssuer(): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: KEY_ID, alg: 'RS256', use: 'sig' }];
  const server = createServer((request, response) => {
    const isDiscovery = request.url === '/.well-known/openid-configuration';
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(isDiscovery ? { issuer: url, jwks_uri: `${url}/keys` } : { keys }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    sign: subject =>
      new SignJWT({ scope: SCOPE })
        .setProtectedHeader({ alg: 'RS256', kid: KEY_ID, typ: 'at+jwt' })
        .setIssuer(url)
        .setAudience(AUDIENCE)
        .setSubject(subject)
        .setIssuedAt()
        .setExpirationTime('2h')
        .sign(privateKey),
  };
}
