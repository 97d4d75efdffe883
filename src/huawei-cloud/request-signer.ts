import { createHmac, hash } from 'node:crypto';

/** Name of the signature scheme in Huawei's API signing guide. */
const SIGNATURE_ALGORITHM = 'SDK-HMAC-SHA256';

/** The parts of a request that a signature covers. */
export interface SignableRequest {
  method: string;
  url: URL;
  /** All headers to sign, including `host` and `x-sdk-date`, with lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** The exact text of the body; empty if there is none. */
  body: string;
}

/** An access key pair of Huawei Cloud (AK/SK). */
export interface AccessKeyPair {
  accessKey: string;
  secretKey: string;
}

/**
 * Signs a request with an access key pair, following the signing guide of API Gateway.
 *
 * @returns the value of the `Authorization` header
 * @throws {TypeError} if the header `x-sdk-date` is missing
 */
export function signRequest(request: SignableRequest, key: AccessKeyPair): string {
  const date = request.headers['x-sdk-date'];
  if (date === undefined) throw new TypeError('A signed request needs the header x-sdk-date.');
  const names = Object.keys(request.headers).sort();
  const signedHeaders = names.join(';');
  const canonicalRequest = [
    request.method,
    canonicalPath(request.url.pathname),
    request.url.search === '' ? '' : canonicalQuery(request.url.searchParams),
    names.map(name => `${name}:${request.headers[name]}\n`).join(''),
    signedHeaders,
    hash('sha256', request.body),
  ].join('\n');
  const stringToSign = `${SIGNATURE_ALGORITHM}\n${date}\n${hash('sha256', canonicalRequest)}`;
  const signature = createHmac('sha256', key.secretKey).update(stringToSign).digest('hex');
  return `${SIGNATURE_ALGORITHM} Access=${key.accessKey}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}

/** Formats a time for `X-Sdk-Date`: `YYYYMMDDTHHMMSSZ`, UTC. */
export function sdkDate(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

// The signed path ends in a slash, the sent one does not.
function canonicalPath(path: string): string {
  const encoded = encode(path).replaceAll('%2F', '/');
  return encoded.endsWith('/') ? encoded : `${encoded}/`;
}

function canonicalQuery(parameters: URLSearchParams): string {
  return [...parameters]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([name, value], [otherName, otherValue]) =>
      name === otherName ? compare(value, otherValue) : compare(name, otherName),
    )
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

// encodeURIComponent leaves five characters unescaped that RFC 3986 reserves.
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
