import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { ServerOptions } from 'node:https';
import { createServer as createHttpsServer } from 'node:https';
import type { JWTHeaderParameters } from 'jose';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { createTestClock } from './clock.js';
import { listen } from './listening-server.js';

/** The audience of the gateway's tokens. */
export const AUDIENCE = 'https://gateway.example';
/** The scopes of a caller with all roles. */
const ALL_SCOPES = 'dli:connection:read dli:connection:create dli:connection:delete';

/** Claims and headers of a token; undefined removes one. */
export interface TokenClaims {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Key id of the signing key. */
  key?: string;
}

/** A token issuer on loopback with real keys; it stops after the test. */
export interface TokenIssuer {
  /** Its issuer identifier, which is also its URL. */
  url: string;
  /** Number of requests for the JWKS and for the discovery document. */
  reads: { keys: number; discovery: number };
  /** The heads of all requests it received. */
  requests: IncomingMessage[];
  /** Overrides the issuer's responses, for example with a failure; undefined restores them. */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** Signs a token of a caller with all roles, issued now, with changes. */
  sign(request?: TokenClaims): Promise<string>;
  /** Adds a key and, unless `isPublished` is false, publishes it with its name as the id; `published` changes it. */
  addKey(
    name: string,
    algorithm: string,
    options?: { isPublished?: boolean; published?: Record<string, unknown> },
  ): Promise<void>;
  /** A published key as PEM text, for forged tokens. */
  publicPem(name: string): Promise<string>;
}

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

interface Key {
  algorithm: string;
  pair: KeyPair;
}

declare global {
  // Shared by all test files of a worker, by algorithm and name; set by test/jest/environment.mjs.
  var keyPairs: Map<string, Promise<KeyPair>>;
}

function pairOf(name: string, algorithm: string): Promise<KeyPair> {
  const key = `${algorithm} ${name}`;
  const pair = globalThis.keyPairs.get(key) ?? generateKeyPair(algorithm, { extractable: true });
  globalThis.keyPairs.set(key, pair);
  return pair;
}

/**
 * Starts an issuer with one key, `first`, for RS256.
 *
 * @param place the path of its identifier, and the certificate of an issuer with TLS
 */
export async function startTokenIssuer(
  clock = createTestClock(),
  { path = '', tls }: { path?: string; tls?: ServerOptions } = {},
): Promise<TokenIssuer> {
  const keys = new Map<string, Key>();
  const published: Record<string, unknown>[] = [];
  const respond = (request: IncomingMessage, response: ServerResponse) => {
    issuer.requests.push(request);
    const isDiscovery = request.url === `${path.replace(/\/$/, '')}/.well-known/openid-configuration`;
    issuer.reads[isDiscovery ? 'discovery' : 'keys'] += 1;
    if (issuer.instead !== undefined) {
      issuer.instead(request, response);
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(isDiscovery ? { issuer: issuer.url, jwks_uri: `${origin}/keys` } : { keys: published }),
    );
  };
  const server = tls === undefined ? createServer(respond) : createHttpsServer(tls, respond);
  const { host } = await listen(server);
  const origin = `${tls === undefined ? 'http' : 'https'}://${host}`;
  const keyNamed = (name: string): Key => {
    const key = keys.get(name);
    if (key === undefined) throw new Error(`The issuer has no key ${name}.`);
    return key;
  };
  const issuer: TokenIssuer = {
    url: `${origin}${path}`,
    reads: { keys: 0, discovery: 0 },
    requests: [],
    instead: undefined,
    async sign({ claims = {}, header = {}, key: name = 'first' } = {}) {
      const { algorithm, pair } = keyNamed(name);
      const nowSeconds = Math.floor(clock.epochMs() / 1_000);
      const all = {
        iss: issuer.url,
        aud: AUDIENCE,
        sub: 'alice',
        scope: ALL_SCOPES,
        iat: nowSeconds,
        exp: nowSeconds + 300,
        ...claims,
      };
      const head = { alg: algorithm, kid: name, typ: 'at+jwt', ...header };
      return new SignJWT(withoutUndefined(all))
        .setProtectedHeader(withoutUndefined(head) as JWTHeaderParameters & { alg: string })
        .sign(pair.privateKey);
    },
    async addKey(name, algorithm, { isPublished = true, published: changes = {} } = {}) {
      const pair = await pairOf(name, algorithm);
      keys.set(name, { algorithm, pair });
      const jwk = { ...(await exportJWK(pair.publicKey)), kid: name, alg: algorithm, use: 'sig', ...changes };
      if (isPublished) published.push(withoutUndefined(jwk));
    },
    publicPem: name => exportSPKI(keyNamed(name).pair.publicKey),
  };
  await issuer.addKey('first', 'RS256');
  return issuer;
}

/** Destroys every connection to the issuer, as in an outage. */
export function destroyConnection({ socket }: IncomingMessage): void {
  socket.destroy();
}

function withoutUndefined(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
