import { MAX_DOCUMENT_CHARACTERS } from '../graphql/document-limits.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import type { HttpFailureName } from './http-error.js';

const MAX_JSON_DEPTH = 20;

type JsonObject = Readonly<Record<string, unknown>>;

/** What makes the body of a GraphQL request too large to look at closely; undefined when nothing does. */
function findExcess(body: unknown): HttpFailureName | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  if ('query' in body && typeof body.query === 'string' && body.query.length > MAX_DOCUMENT_CHARACTERS)
    return 'documentTooLong';
  return isDeeper(body, MAX_JSON_DEPTH) ? 'jsonTooDeep' : undefined;
}

/**
 * Looks at a request before anything else does: its size, and whether its document is one of the trusted ones.
 *
 * @param documents the only documents to execute; undefined for any
 * @returns the request with its document, or what is wrong with it
 */
export function checkBody(
  body: unknown,
  documents: TrustedDocuments | undefined,
): { checked: unknown } | HttpFailureName {
  const excess = findExcess(body);
  if (excess !== undefined) return excess;
  const checked = documents === undefined ? body : withTrustedDocument(body, documents);
  return checked === undefined && body !== undefined ? 'documentNotTrusted' : { checked };
}

/**
 * The body with the document that it names by an id, or as it is when its document is one of the trusted ones.
 *
 * The id stands in `documentId`, as the GraphQL over HTTP proposal for persisted documents has it, or where Apollo's
 * clients put it, in `extensions.persistedQuery.sha256Hash`.
 *
 * @returns undefined when the document is not a trusted one
 */
function withTrustedDocument(body: unknown, documents: TrustedDocuments): unknown {
  // What is no request at all is answered as such.
  if (!isObject(body)) return body;
  const { documentId, ...rest } = body;
  const { persistedQuery, ...extensions } = isObject(body['extensions']) ? body['extensions'] : {};
  const id = documentId ?? (isObject(persistedQuery) ? persistedQuery['sha256Hash'] : undefined);
  const text = body['query'];
  if (id === undefined) return typeof text === 'string' && !documents.has(text) ? undefined : body;
  const document = typeof id === 'string' ? documents.find(id) : undefined;
  if (document === undefined || (text !== undefined && text !== null && text !== document)) return undefined;
  return { ...rest, query: document, extensions };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDeeper(value: object, levels: number): boolean {
  if (levels === 0) return true;
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null && isDeeper(part, levels - 1)) return true;
  }
  return false;
}
