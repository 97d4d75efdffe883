import { unwrapResolverError } from '@apollo/server/errors';
import type { DocumentNode, GraphQLFormattedError, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { GraphQLError, isValueNode, Kind } from 'graphql';
import type { Logger } from '../lib/logger.js';
import { framesOf } from '../lib/logger.js';
import { describeLiteralError, describeVariableErrors } from './input-errors.js';

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

/** A failure of our own, by an allow-list of what a log may hold. */
interface InternalErrorRecord {
  traceId: string;
  errorName: string;
  /** Where it happened: stack frames without the message, which may hold input or upstream text. */
  frames: string[];
}

/** Where failures of our own are reported. */
export type ErrorLog = Pick<Logger<InternalErrorRecord>, 'error'>;

/** A request with errors, as far as it was understood. */
export interface FailedRequest {
  traceId: string;
  schema: GraphQLSchema;
  document: DocumentNode | undefined;
  operation: OperationDefinitionNode | undefined;
  variables: Readonly<Record<string, unknown>> | undefined;
  /** As they were raised. */
  errors: readonly GraphQLError[];
}

/**
 * The errors of a request as callers are told them: without the values of the request, and with its trace id.
 * Failures of our own are logged.
 *
 * @param masked the errors of the request in the same order, masked
 */
export function formatErrors(
  request: FailedRequest,
  masked: readonly GraphQLFormattedError[],
  log: ErrorLog,
): GraphQLFormattedError[] {
  logInternalErrors(request, masked, log);
  return withoutValues(request, masked).map(error => ({
    ...error,
    extensions: { ...error.extensions, traceId: request.traceId },
  }));
}

function withoutValues(
  { schema, operation, document, variables = {}, errors }: FailedRequest,
  masked: readonly GraphQLFormattedError[],
): GraphQLFormattedError[] {
  if (operation && masked.some(error => error.extensions?.['code'] === 'BAD_USER_INPUT')) {
    const described = describeVariableErrors(schema, operation, variables);
    if (described.length > 0) return described.map(error => maskError(error.toJSON(), error));
  }
  return masked.map((error, index) => {
    const original = errors[index];
    const message = original && document && describeLiteralError(original, schema, document);
    return message === undefined ? error : { ...error, message };
  });
}

function logInternalErrors(
  { traceId, errors }: FailedRequest,
  masked: readonly GraphQLFormattedError[],
  log: ErrorLog,
): void {
  masked.forEach((error, index) => {
    if (error.extensions?.['code'] !== 'INTERNAL') return;
    const original = errors[index]?.originalError ?? errors[index];
    log.error(
      { traceId, errorName: original?.name ?? 'unknown', frames: framesOf(original) },
      'internal error',
    );
  });
}

/** The codes that a top-level error may carry in `extensions.code`. */
export const PUBLIC_ERROR_CODES: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'TOO_MANY_OPERATIONS',
  'OPERATION_TOO_COMPLEX',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'FORBIDDEN',
  'RATE_LIMITED',
  'OVERLOADED',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_THROTTLED',
  'UPSTREAM_AUTH_FAILED',
  'UPSTREAM_AUTH_UNAVAILABLE',
  'UPSTREAM_REJECTED',
  'INTERNAL',
]);
