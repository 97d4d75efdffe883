import type { GraphQLSchema } from 'graphql';
import { NoSchemaIntrospectionCustomRule, parse, specifiedRules, validate } from 'graphql';
import {
  DOCUMENT_LIMIT_ERRORS,
  DOCUMENT_RULES,
  findExceededLimit,
  MAX_DOCUMENT_CHARACTERS,
  MAX_DOCUMENT_TOKENS,
} from './document-limits.js';

/** An allow-list of persisted documents, by id. */
export class TrustedDocuments {
  readonly #byId: ReadonlyMap<string, string>;
  readonly #texts: ReadonlySet<string>;

  constructor(documents: Readonly<Record<string, string>>) {
    this.#byId = new Map(Object.entries(documents));
    this.#texts = new Set(Object.values(documents));
  }

  /** The document of an id, which may have the prefix `sha256:`. */
  find(id: string): string | undefined {
    return this.#byId.get(id) ?? this.#byId.get(id.replace(/^sha256:/, ''));
  }

  /** Whether a text is exactly one of the documents. */
  has(text: string): boolean {
    return this.#texts.has(text);
  }
}

/** The first violation of the schema or the limits in trusted documents, with its id; undefined if there is none. */
export function findDocumentProblem(
  schema: GraphQLSchema,
  documents: Readonly<Record<string, string>>,
): string | undefined {
  const rules = [...specifiedRules, NoSchemaIntrospectionCustomRule, ...DOCUMENT_RULES];
  for (const [id, text] of Object.entries(documents)) {
    if (text.length > MAX_DOCUMENT_CHARACTERS) return `${id}: it is longer than 15,000 characters`;
    try {
      const document = parse(text, { maxTokens: MAX_DOCUMENT_TOKENS });
      const exceeded = findExceededLimit(document);
      if (exceeded !== undefined) return `${id}: ${DOCUMENT_LIMIT_ERRORS[exceeded].message}`;
      const [error] = validate(schema, document, rules);
      if (error !== undefined) return `${id}: ${error.message}`;
    } catch (error) {
      return `${id}: ${error instanceof Error ? error.message : 'it cannot be read'}`;
    }
  }
  return undefined;
}
