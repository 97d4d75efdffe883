import type { DocumentNode, GraphQLSchema } from 'graphql';
import { GraphQLError, NoSchemaIntrospectionCustomRule, parse, specifiedRules, validate } from 'graphql';
import { isObject } from '../lib/json.js';
import {
  DOCUMENT_LIMIT_ERRORS,
  DOCUMENT_RULES,
  findExceededLimit,
  MAX_DOCUMENT_CHARACTERS,
  PARSE_OPTIONS,
} from './document-limits.js';

const RULES = [...specifiedRules, NoSchemaIntrospectionCustomRule, ...DOCUMENT_RULES];

/** An allow-list of persisted documents, by id. */
export class TrustedDocuments {
  readonly #byId: ReadonlyMap<string, string>;
  readonly #texts: ReadonlySet<string>;

  constructor(documents: Readonly<Record<string, string>>) {
    this.#byId = new Map(Object.entries(documents));
    this.#texts = new Set(Object.values(documents));
  }

  /**
   * Replaces the id of a document in the body of a request by its text; undefined when the document is not trusted.
   *
   * The id is in `documentId`, as the GraphQL over HTTP proposal for persisted documents defines it, or in
   * `extensions.persistedQuery.sha256Hash`, where Apollo's clients send it. It may have the prefix `sha256:`.
   */
  resolve(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
    const { documentId, ...rest } = body;
    const { persistedQuery, ...extensions } = isObject(body['extensions']) ? body['extensions'] : {};
    const id = documentId ?? (isObject(persistedQuery) ? persistedQuery['sha256Hash'] : undefined);
    const text = body['query'];
    if (id === undefined) return typeof text === 'string' && !this.#texts.has(text) ? undefined : body;
    const document =
      typeof id === 'string' ? (this.#byId.get(id) ?? this.#byId.get(id.replace(/^sha256:/, ''))) : undefined;
    if (document === undefined || (text !== undefined && text !== null && text !== document)) return undefined;
    return { ...rest, query: document, extensions };
  }
}

/**
 * The first violation of the schema or the limits in each trusted document that has one: the id of the document, and
 * what is wrong, with none of its text.
 */
export function findDocumentProblems(schema: GraphQLSchema, documents: Readonly<Record<string, string>>): string[] {
  return Object.entries(documents).flatMap(([id, text]) => {
    const problem = problemOf(schema, text);
    return problem === undefined ? [] : [`${id}: ${problem}`];
  });
}

function problemOf(schema: GraphQLSchema, text: string): string | undefined {
  if (text.length > MAX_DOCUMENT_CHARACTERS)
    return `it is longer than ${MAX_DOCUMENT_CHARACTERS.toLocaleString('en')} characters`;
  let document: DocumentNode;
  try {
    document = parse(text, PARSE_OPTIONS);
  } catch (error) {
    return `it is not valid GraphQL, or longer than ${PARSE_OPTIONS.maxTokens.toLocaleString('en')} tokens${locationOf(error)}`;
  }
  const exceeded = findExceededLimit(document);
  if (exceeded !== undefined) return DOCUMENT_LIMIT_ERRORS[exceeded].message;
  if (validate(schema, document, RULES).length === 0) return undefined;
  for (const rule of RULES) {
    const [error] = validate(schema, document, [rule]);
    if (error === undefined) continue;
    // Only messages of the gateway's own rules never quote the document.
    return DOCUMENT_RULES.includes(rule) ? error.message : `it breaks the rule ${rule.name}${locationOf(error)}`;
  }
  return 'it is not valid';
}

function locationOf(error: unknown): string {
  const [location] = (error instanceof GraphQLError && error.locations) || [];
  return location === undefined ? '' : `, at line ${location.line}, column ${location.column}`;
}
