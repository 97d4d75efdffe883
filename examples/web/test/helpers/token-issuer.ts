import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onEnd } from './page.js';

/** The audience of the tokens. */
export const AUDIENCE = 'https://gateway.example';

/** Starts an issuer of access tokens on loopback; returns its URL and a function that signs tokens with scopes. */
export async function startIssuer() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'first', alg: 'RS256', use: 'sig' }];
  const server = createServer((request, response) => {
    const isDiscovery = request.url === '/.well-known/openid-configuration';
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(isDiscovery ? { issuer: url, jwks_uri: `${url}/keys` } : { keys }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url,
    tokenFor(...scopes: string[]) {
      const iat = Math.floor(Date.now() / 1_000);
      const claims = { iss: url, aud: AUDIENCE, sub: 'alice', scope: scopes.join(' '), iat, exp: iat + 3_600 };
      const head = encode({ alg: 'RS256', kid: 'first', typ: 'at+jwt' });
      const content = `${head}.${encode(claims)}`;
      return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`;
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
