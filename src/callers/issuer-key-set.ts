import type { JWTVerifyGetKey } from 'jose';
import { createLocalJWKSet, errors } from 'jose';
import { IssuerDocumentError, readIssuerDocument } from './issuer-document.js';

/** Where the keys of an issuer are. */
export interface IssuerPlace {
  /** The issuer's identifier, exactly as its tokens have it. */
  readonly issuer: string;
  /** Looked up at the issuer (OpenID Connect Discovery) when undefined. */
  readonly keysUrl: URL | undefined;
}

/**
 * A function that reads the issuer's public keys anew at every call.
 *
 * Where they are is looked up once, and again after they could not be read there.
 */
export function keySetReader({ issuer, keysUrl }: IssuerPlace): () => Promise<JWTVerifyGetKey> {
  let discovered: URL | undefined;
  return async () => {
    const url = keysUrl ?? discovered ?? (await discover(issuer));
    discovered = undefined;
    const keys = toKeySet(await readIssuerDocument(url));
    discovered = url;
    return keys;
  };
}

async function discover(issuer: string): Promise<URL> {
  const place = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = await readIssuerDocument(new URL(place));
  if (typeof document !== 'object' || document === null) throw unfit();
  const { issuer: named, jwks_uri: address } = document as Record<string, unknown>;
  // Otherwise somebody else's document could stand in for the issuer's.
  if (named !== issuer) throw new IssuerDocumentError('the discovery document is of another issuer');
  if (typeof address !== 'string' || !URL.canParse(address)) throw unfit();
  const url = new URL(address);
  // Without encryption only where the configuration accepted it: at an issuer on loopback.
  const { protocol, hostname } = new URL(issuer);
  const isPlain = url.protocol === 'http:' && protocol === 'http:' && url.hostname === hostname;
  if ((url.protocol !== 'https:' && !isPlain) || url.username !== '') throw unfit();
  return url;
}

function toKeySet(document: unknown): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(document as Parameters<typeof createLocalJWKSet>[0]);
  } catch (error) {
    if (error instanceof errors.JOSEError)
      throw new IssuerDocumentError('the issuer answered with no key set');
    throw error;
  }
}

function unfit(): IssuerDocumentError {
  return new IssuerDocumentError('the discovery document names no address of keys that may be used');
}
