import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import Negotiator from 'negotiator';
import { memoize } from '../lib/memoize.js';

/** Maximum size of a request body or WebSocket message in bytes. */
export const MAX_BODY_BYTES = 64 * 1024;

/** Maximum number of headers of a request. */
export const MAX_HEADERS = 64;

/** Maximum size of the headers of a request in bytes. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Maximum depth of the JSON of a request. */
export const MAX_JSON_DEPTH = 20;

/** Maximum number of fields and list items at all levels. An input with all its fields and tags has about 40. */
export const MAX_JSON_VALUES = 500;

const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/**
 * Whether the target and the length of a request are unambiguous, which prevents request smuggling: one valid `Host`,
 * a path as target, and no transfer coding but `chunked`. Node checks the rest.
 */
export function isUnambiguous({ headers, rawHeaders, url = '' }: IncomingMessage): boolean {
  const { host = '', 'transfer-encoding': coding } = headers;
  return (
    url.startsWith('/') &&
    isValidHost(host) &&
    hasOneHost(rawHeaders) &&
    (coding === undefined || coding.toLowerCase() === 'chunked')
  );
}

const isValidHost = memoize(100, host => HOST.test(host) && URL.canParse(`http://${host}`));

/** Whether the headers declare a body that is larger than the limit, or of unknown length. */
export function mayHaveLargeBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES;
}

// Node keeps the first of several Host headers and silently drops the others.
function hasOneHost(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.toLowerCase() === 'host') hosts += 1;
  return hosts === 1;
}

/** Whether the headers declare a body in UTF-8 without compression. True without a body. */
export function hasSupportedEncoding(headers: IncomingHttpHeaders): boolean {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = headers;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1] ?? 'utf-8';
  return /^utf-?8$/i.test(charset) && encoding === 'identity';
}

/** The format of responses for clients without a preference. */
export const DEFAULT_RESPONSE_TYPE = 'application/json';

const RESPONSE_TYPES = [DEFAULT_RESPONSE_TYPE, 'application/graphql-response+json'];

/** The format of responses that the client prefers; undefined if it accepts none (RFC 9110, section 12.5.1). */
export function preferredType({ accept }: IncomingHttpHeaders): string | undefined {
  // An empty header states no preference, as for Apollo.
  return negotiateType(accept || '*/*');
}

const negotiateType = memoize(100, accept => new Negotiator({ headers: { accept } }).mediaType(RESPONSE_TYPES));

/** Whether a request asks for an event stream. A client that accepts JSON too gets JSON. */
export function acceptsEventStream({ accept = '' }: IncomingHttpHeaders): boolean {
  return accept.includes('text/event-stream') && !accept.includes('json');
}

/**
 * Whether a WebSocket handshake comes from a page of this server, from an allowed origin, or not from a browser.
 *
 * CORS does not apply to WebSockets, so the server must check the origin itself (RFC 6455, section 10.2).
 */
export function isAllowedOrigin(headers: IncomingHttpHeaders, allowedOrigins: readonly string[]): boolean {
  const { origin } = headers;
  return origin === undefined || allowedOrigins.includes(origin) || isFromOwnPage(headers);
}

/** Whether a browser takes the page that sends a request for one of the gateway's own. */
export function isFromOwnPage({ host, origin }: IncomingHttpHeaders): boolean {
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** The first limit that JSON of a client exceeds; undefined if it exceeds none. */
export function findJsonError(json: unknown): 'jsonTooDeep' | 'tooManyJsonValues' | undefined {
  let values = 0;
  let level = [json];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      if (depth === MAX_JSON_DEPTH) return 'jsonTooDeep';
      next.push(...Object.values(value));
    }
    values += next.length;
    if (values > MAX_JSON_VALUES) return 'tooManyJsonValues';
    level = next;
  }
  return undefined;
}
