import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import Negotiator from 'negotiator';
import { MAX_DOCUMENT_CHARACTERS } from '../graphql/document-limits.js';
import type { GraphqlRequest } from '../graphql/subscriptions.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { isObject, parseJson } from '../lib/json.js';
import type { HttpErrorName } from './errors.js';

/** Maximum size of a request body or WebSocket message in bytes. */
export const MAX_BODY_BYTES = 64 * 1024;

/** Maximum size of the body of a create with a long list of hosts. 20,000 hosts are 3.3 MB at most. */
export const MAX_LARGE_BODY_BYTES = 4 * 1024 * 1024;

/** Maximum number of headers of a request. */
export const MAX_HEADERS = 64;

/** Maximum size of the headers of a request in bytes. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Maximum depth of the JSON of a request. */
export const MAX_JSON_DEPTH = 20;

/** Maximum number of fields and list items at all levels. An input with all its fields and tags has about 40. */
export const MAX_JSON_VALUES = 500;

/** The same in a list of hosts. 20,000 hosts have 60,000. */
export const MAX_HOST_LIST_VALUES = 100_000;

/** Maximum number of subscriptions of a WebSocket. */
export const MAX_SUBSCRIPTIONS = 1_000;

// Results for longer texts are not cached, to bound the memory.
const MAX_REMEMBERED_CHARACTERS = 256;

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

/** Whether the headers declare a body that is larger than {@link MAX_BODY_BYTES}. */
export function declaresLargeBody(headers: IncomingHttpHeaders): boolean {
  return Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES;
}

/** Whether the headers declare a body that is larger than {@link MAX_BODY_BYTES}, or of unknown length. */
export function mayHaveLargeBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || declaresLargeBody(headers);
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

/** Whether the headers declare a body of JSON. */
export function declaresJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
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

/** The first limit that a client's JSON exceeds; undefined if it exceeds none. */
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

/** The parameters of a GraphQL request in the query string of a GET, in the form of a POST's body. */
export function bodyOfQueryString(parameters: unknown): unknown {
  const { query, documentId, operationName, variables, extensions } = isObject(parameters) ? parameters : {};
  return {
    query,
    ...(documentId !== undefined && { documentId }),
    operationName,
    variables: parseParameter(variables),
    extensions: parseParameter(extensions),
  };
}

// Text that is not JSON is returned as it is, and refused later like any other value that is not an object.
function parseParameter(parameter: unknown): unknown {
  if (typeof parameter !== 'string') return parameter;
  return parameter === '' ? undefined : (parseJson(parameter) ?? parameter);
}

/**
 * Validates the body of a GraphQL request before its document is parsed: its size, its depth, the form of its parts,
 * and, with trusted documents, its document. Returns the request with the text of its document, or the error to respond
 * with.
 */
export function validateBody(body: unknown, documents: TrustedDocuments | undefined): GraphqlRequest | HttpErrorName {
  const text = isObject(body) ? body['query'] : undefined;
  if (typeof text === 'string' && text.length > MAX_DOCUMENT_CHARACTERS) return 'documentTooLong';
  const jsonError = findJsonError(body);
  if (jsonError !== undefined) return jsonError;
  if (Array.isArray(body)) return 'batch';
  if (!isObject(body)) return 'noDocument';
  const resolved = documents === undefined ? body : documents.resolve(body);
  return resolved === undefined ? 'documentNotTrusted' : toRequest(resolved);
}

function toRequest(body: Readonly<Record<string, unknown>>): GraphqlRequest | HttpErrorName {
  const { query } = body;
  const variables = objectOrNothing(body['variables']);
  if (variables === false) return 'invalidVariables';
  const extensions = objectOrNothing(body['extensions']);
  if (extensions === false) return 'invalidExtensions';
  // Several clients send an empty name with a document of one operation.
  const operationName = body['operationName'] ?? '';
  if (typeof operationName !== 'string') return 'invalidOperationName';
  if (!query && isObject(extensions?.['persistedQuery'])) return 'persistedQueryNotSupported';
  if (typeof query !== 'string' || query === '') return 'noDocument';
  return {
    query,
    ...(operationName !== '' && { operationName }),
    ...(variables !== undefined && { variables }),
    ...(extensions !== undefined && { extensions }),
  };
}

/** An object; undefined for null and undefined; false for anything else. */
function objectOrNothing(value: unknown): Readonly<Record<string, unknown>> | undefined | false {
  if (value === undefined || value === null) return undefined;
  return isObject(value) && value;
}

/**
 * Caches the results of a function that depends only on its argument.
 *
 * Not cached: undefined, null, and results for texts of more than 256 characters.
 *
 * @param max maximum number of results; the least recently used is dropped
 */
export function memoize<T>(max: number, compute: (text: string) => T): (text: string) => T {
  const results = new LRUCache<string, NonNullable<T>>({ max });
  return text => {
    if (text.length > MAX_REMEMBERED_CHARACTERS) return compute(text);
    const known = results.get(text);
    if (known !== undefined) return known;
    const result = compute(text);
    if (result !== undefined && result !== null) results.set(text, result);
    return result;
  };
}
