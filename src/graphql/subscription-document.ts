import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import {
  GraphQLError,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { DOCUMENT_RULES, MAX_DOCUMENT_TOKENS, MAX_VALIDATION_ERRORS } from './document-rules.js';

/** A request that was read; as far as that was possible when there are errors. */
interface ReadRequest {
  document?: DocumentNode;
  operation?: OperationDefinitionNode;
  operationName?: string;
  variables?: Readonly<Record<string, unknown>>;
  errors: readonly GraphQLError[];
}

const NOT_A_SUBSCRIPTION =
  'Only subscriptions are served as streams. Send queries and mutations by POST, without `Accept: text/event-stream`.';
const FORM =
  'Send a JSON object with "query", a text, and where needed "operationName", a text, and "variables", an object.';

/** Reads requests for subscriptions: their form, their document by every rule, and which operation they mean. */
export function documentReader(schema: GraphQLSchema, introspection: boolean) {
  const rules = [
    ...specifiedRules,
    ...(introspection ? [] : [NoSchemaIntrospectionCustomRule]),
    ...DOCUMENT_RULES,
  ];
  const options = { maxErrors: MAX_VALIDATION_ERRORS, hideSuggestions: true };
  return (request: unknown): ReadRequest => {
    const form = formOf(request);
    if (form === undefined) return { errors: [errorWith('BAD_REQUEST', FORM)] };
    const { query, ...rest } = form;
    const document = parsed(query);
    if (document instanceof GraphQLError) return { errors: [withCode('GRAPHQL_PARSE_FAILED', document)] };
    const errors = validate(schema, document, rules, options);
    if (errors.length > 0)
      return { document, errors: errors.map(error => withCode('GRAPHQL_VALIDATION_FAILED', error)) };
    const operation = getOperationAST(document, rest.operationName);
    if (!operation) return { document, errors: [errorWith('OPERATION_RESOLUTION_FAILURE', '')] };
    const isSubscription = operation.operation === OperationTypeNode.SUBSCRIPTION;
    return {
      ...rest,
      document,
      operation,
      errors: isSubscription ? [] : [errorWith('BAD_REQUEST', NOT_A_SUBSCRIPTION)],
    };
  };
}

function formOf(request: unknown) {
  if (!isObject(request)) return undefined;
  const { query, operationName = null, variables = null } = request;
  const isNamed = operationName === null || typeof operationName === 'string';
  if (typeof query !== 'string' || !isNamed || !(variables === null || isObject(variables))) return undefined;
  return {
    query,
    ...(operationName !== null && { operationName }),
    ...(variables !== null && { variables }),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, { maxTokens: MAX_DOCUMENT_TOKENS });
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

function errorWith(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

function withCode(
  code: string,
  { message, nodes, source, positions, extensions }: GraphQLError,
): GraphQLError {
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    extensions: { ...extensions, code },
  });
}
