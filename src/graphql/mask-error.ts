import { unwrapResolverError } from '@apollo/server/errors';
import type { GraphQLFormattedError } from 'graphql';
import { GraphQLError, isValueNode, Kind } from 'graphql';
import { PUBLIC_ERROR_CODES } from './error-code.js';

const MAX_MESSAGE_LENGTH = 500;

const LONG_NAME = /"[^"]{66,}"/g;

const FIXED_MESSAGES: Readonly<Record<string, string>> = {
  INTROSPECTION_DISABLED: 'Introspection is off here. The schema is published as schema.graphql.',
  OPERATION_RESOLUTION_FAILURE:
    'The request must name one of the operations in its document, or hold exactly one.',
};

/**
 * What a caller sees of an error: only errors about the request itself pass, by their code.
 *
 * Everything else is ours and becomes INTERNAL without any detail.
 */
export function maskError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const code = codeOf(formatted, error);
  const original = unwrapResolverError(error);
  if (!(original instanceof GraphQLError) || typeof code !== 'string' || !PUBLIC_ERROR_CODES.has(code)) {
    return { message: 'Internal error. It has been logged.', extensions: { code: 'INTERNAL' } };
  }
  const { locations, path } = formatted;
  const retryAfterSeconds = formatted.extensions?.['retryAfterSeconds'];
  return {
    message:
      FIXED_MESSAGES[String(formatted.extensions?.['validationErrorCode'] ?? code)] ??
      withoutLiterals(formatted.message).slice(0, MAX_MESSAGE_LENGTH),
    ...(locations !== undefined && { locations }),
    ...(path !== undefined && { path }),
    extensions: { code, ...(typeof retryAfterSeconds === 'number' && { retryAfterSeconds }) },
  };
}

// graphql-js finds some faults of a request only while it executes it, and then gives no code.
function codeOf({ extensions }: GraphQLFormattedError, error: unknown): unknown {
  const ruleCode = extensions?.['validationErrorCode'];
  if (PUBLIC_ERROR_CODES.has(ruleCode)) return ruleCode;
  const code = extensions?.['code'];
  const [node] = error instanceof GraphQLError ? (error.nodes ?? []) : [];
  if (code !== 'INTERNAL_SERVER_ERROR' || node === undefined) return code;
  if (isValueNode(node)) return 'BAD_USER_INPUT';
  return node.kind === Kind.OPERATION_DEFINITION ? 'OPERATION_RESOLUTION_FAILURE' : code;
}

// A syntax error quotes the token it met, which may be a value; and what is longer than names are may be anything.
function withoutLiterals(message: string): string {
  return message
    .replace(/\b(Name|String|BlockString|Int|Float) ".*$/s, '$1.')
    .replace(LONG_NAME, '"(a name not shown)"');
}
