import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { JWTHeaderParameters } from 'jose';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { createTestClock } from '../../helpers/clock.js';
import { listen } from '../../helpers/listening-server.js';

/** The audience of the tokens that are meant for the gateway. */
export const AUDIENCE = 'https://gateway.example';
/** The scopes of a caller who may do everything. */
const ALL_SCOPES = 'dli:connection:read dli:connection:create dli:connection:delete';

/** What a test asks a token to be; undefined takes a claim or a header away. */
export interface TokenClaims {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Name of the key to sign with. */
  key?: string;
}

/** An issuer of tokens on loopback, with real keys; it ends after the test. */
export interface TokenIssuer {
  /** Its identifier, which is also its address. */
  url: string;
  /** How often its keys were asked for, and how often where they are. */
  reads: { keys: number; discovery: number };
  /** Every request it got, head only. */
  requests: IncomingMessage[];
  /** Answers in place of the issuer, such as with a failure; undefined lets it answer itself again. */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** Signs a token of a caller who may do everything, now by the clock, with changes. */
  sign(request?: TokenClaims): Promise<string>;
  /** Adds a key, and publishes it unless set otherwise. */
  addKey(name: string, algorithm: string, options?: { isPublished?: boolean }): Promise<void>;
  /** A published key as PEM text, for those who misuse it. */
  publicPem(name: string): Promise<string>;
}

interface Key {
  algorithm: string;
  pair: Awaited<ReturnType<typeof generateKeyPair>>;
}

/** Starts an issuer with one key, `first`, for RS256. */
export async function startTokenIssuer(clock = createTestClock()): Promise<TokenIssuer> {
  const keys = new Map<string, Key>();
  const published: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    issuer.requests.push(request);
    const isDiscovery = request.url === '/.well-known/openid-configuration';
    issuer.reads[isDiscovery ? 'discovery' : 'keys'] += 1;
    if (issuer.instead !== undefined) {
      issuer.instead(request, response);
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(
        isDiscovery ? { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` } : { keys: published },
      ),
    );
  });
  const { host } = await listen(server);
  const keyNamed = (name: string): Key => {
    const key = keys.get(name);
    if (key === undefined) throw new Error(`The issuer has no key ${name}.`);
    return key;
  };
  const issuer: TokenIssuer = {
    url: `http://${host}`,
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
    async addKey(name, algorithm, { isPublished = true } = {}) {
      const pair = await generateKeyPair(algorithm, { extractable: true });
      keys.set(name, { algorithm, pair });
      if (isPublished)
        published.push({ ...(await exportJWK(pair.publicKey)), kid: name, alg: algorithm, use: 'sig' });
    },
    publicPem: name => exportSPKI(keyNamed(name).pair.publicKey),
  };
  await issuer.addKey('first', 'RS256');
  return issuer;
}

/** Breaks every connection to the issuer, as if nobody were there. */
export function breakOff({ socket }: IncomingMessage): void {
  socket.destroy();
}

function withoutUndefined(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
