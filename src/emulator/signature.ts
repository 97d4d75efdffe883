import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ReceivedRequest } from './server.js';

const ALGORITHM = 'SDK-HMAC-SHA256';
const AUTHORIZATION = /^SDK-HMAC-SHA256 Access=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/;
const MAX_CLOCK_DIFFERENCE_MS = 15 * 60 * 1_000;

/** The header whose value replaces the hash of the body. */
const CONTENT_HASH_HEADER = 'x-sdk-content-sha256';

/**
 * Builds the canonical requests that a correct client may have signed.
 * There are two if the path contains escapes: the vendor's Node client escapes the escaped path once more, its Go
 * client escapes the decoded one. Undefined if a signed header is missing or the hash does not match the body.
 */
export function canonicalRequests(request: ReceivedRequest, signedHeaders: readonly string[]): string[] | undefined {
  const names = [...signedHeaders].sort();
  const payload = payloadHash(request);
  if (payload === undefined || names.some(name => !request.headers.has(name))) return undefined;
  const headerLines = names.map(name => `${name}:${request.headers.get(name)?.trim()}\n`).join('');
  return canonicalPaths(request.path).map(path =>
    [request.method, path, canonicalQuery(request.query), headerLines, names.join(';'), payload].join('\n'),
  );
}

/** Returns the SHA-256 of bytes or of UTF-8 text in lower-case hex. */
export function sha256Hex(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function payloadHash(request: ReceivedRequest): string | undefined {
  const actual = sha256Hex(request.body);
  const claimed = request.headers.get(CONTENT_HASH_HEADER);
  if (claimed === undefined || claimed === 'UNSIGNED-PAYLOAD') return claimed ?? actual;
  return claimed === actual ? claimed : undefined;
}

function canonicalPaths(path: string): string[] {
  const asSent = encodePath(path);
  return path.includes('%') ? [asSent, encodePath(decode(path))] : [asSent];
}

function encodePath(path: string): string {
  const encoded = path.split('/').map(encode).join('/');
  return encoded.endsWith('/') ? encoded : `${encoded}/`;
}

// Decoded and encoded again, because clients differ in the characters that they escape.
function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map(part => {
    const [key = '', ...value] = part.split('=');
    return [encode(decodeQueryPart(key)), encode(decodeQueryPart(value.join('=')))] as const;
  });
  pairs.sort(([keyA, valueA], [keyB, valueB]) => compare(keyA, keyB) || compare(valueA, valueB));
  return pairs.map(([key, value]) => `${key}=${value}`).join('&');
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function decodeQueryPart(text: string): string {
  return decode(text.replaceAll('+', ' '));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The parts of an `Authorization` header of AK/SK signing. */
export interface SignatureClaim {
  readonly accessKey: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** Parses an `Authorization` header; undefined unless it is a well-formed `SDK-HMAC-SHA256` one. */
export function parseAuthorization(value: string): SignatureClaim | undefined {
  const [, accessKey, signedHeaders, signature] = AUTHORIZATION.exec(value) ?? [];
  if (accessKey === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  return { accessKey, signedHeaders: signedHeaders.split(';'), signature };
}

/** Verifies the signature of a request with a secret key, in constant time. */
export function isSignatureOf(request: ReceivedRequest, claim: SignatureClaim, secretKey: string): boolean {
  const date = request.headers.get('x-sdk-date');
  // The date must be signed, or an old request could be replayed with a new date.
  if (date === undefined || !claim.signedHeaders.includes('x-sdk-date')) return false;
  const claimed = Buffer.from(claim.signature, 'hex');
  return (canonicalRequests(request, claim.signedHeaders) ?? []).some(canonical => {
    const stringToSign = `${ALGORITHM}\n${date}\n${sha256Hex(canonical)}`;
    const expected = createHmac('sha256', secretKey).update(stringToSign).digest();
    return expected.length === claimed.length && timingSafeEqual(expected, claimed);
  });
}

/** Whether `X-Sdk-Date` is well formed and differs from `nowMs` by at most 15 minutes. */
export function isDateCurrent(sdkDate: string | undefined, nowMs: number): boolean {
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(sdkDate ?? '');
  if (parts === null) return false;
  const [, year, month, day, hour, minute, second] = parts;
  const signedAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Math.abs(nowMs - signedAtMs) <= MAX_CLOCK_DIFFERENCE_MS;
}
