import { createHash } from 'node:crypto';
import type { ReceivedRequest } from './received-request.js';

/** The header whose literal value replaces the body's hash. */
const CONTENT_HASH_HEADER = 'x-sdk-content-sha256';

/**
 * The canonical requests that a right client may have signed, given which headers it signed.
 * There are two when the path holds escapes: the vendor's Node client escapes the escaped path once more,
 * its Go client escapes the decoded one. Undefined when a signed header is missing or the body contradicts its hash.
 */
export function canonicalRequests(
  request: ReceivedRequest,
  signedHeaders: readonly string[],
): string[] | undefined {
  const names = [...signedHeaders].sort();
  const payload = payloadHash(request);
  if (payload === undefined || names.some(name => !request.headers.has(name))) return undefined;
  const headerLines = names.map(name => `${name}:${request.headers.get(name)?.trim()}\n`).join('');
  return canonicalPaths(request.path).map(path =>
    [request.method, path, canonicalQuery(request.query), headerLines, names.join(';'), payload].join('\n'),
  );
}

/** Lower-case hex SHA-256 of bytes or of UTF-8 text. */
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

// Clients leave different characters unescaped on the wire, so the query is decoded and encoded afresh.
function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map(part => {
    const equals = part.indexOf('=');
    const key = equals === -1 ? part : part.slice(0, equals);
    const value = equals === -1 ? '' : part.slice(equals + 1);
    return [encode(decodeQueryPart(key)), encode(decodeQueryPart(value))] as const;
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
