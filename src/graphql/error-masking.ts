import { unwrapResolverError } from '@apollo/server/errors';
import type { DocumentNode, GraphQLFormattedError, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { GraphQLError, isValueNode, Kind } from 'graphql';
import type { InputProblem } from '../datasource-connection/input-problem.js';
import { BadInputError } from '../datasource-connection/input-problem.js';
import type { ErrorCode } from '../lib/error-codes.js';
import { ERROR_CODES } from '../lib/error-codes.js';
import type { Logger, TraceContext } from '../lib/logger.js';
import { logBug } from '../lib/logger.js';
import { findLiteralProblem, findVariableProblems } from './input-errors.js';

const MAX_MESSAGE_LENGTH = 500;

const LONG_NAME = /"[^"]{66,}"/g;

const CODES: ReadonlySet<unknown> = new Set(Object.keys(ERROR_CODES));

const FIXED_MESSAGES: Readonly<Record<string, string>> = {
  INTROSPECTION_DISABLED: 'Introspection is off here. The schema is published as schema.graphql.',
  OPERATION_RESOLUTION_FAILURE: 'The request must name one of the operations in its document, or hold exactly one.',
};

/** Apollo's `formatError`: errors with a public code pass, all others become INTERNAL without details. */
export function maskError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const code = codeOf(formatted, error);
  const original = unwrapResolverError(error);
  if (!(original instanceof GraphQLError) || !isPublic(code)) {
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
    extensions: {
      code,
      ...(typeof retryAfterSeconds === 'number' && { retryAfterSeconds }),
      ...(original instanceof BadInputError && { problems: original.problems }),
    },
  };
}

function isPublic(code: unknown): code is ErrorCode {
  return CODES.has(code);
}

// graphql-js finds some request errors only during execution, and gives them no code, so Apollo calls them internal.
function codeOf({ extensions }: GraphQLFormattedError, error: unknown): unknown {
  const ruleCode = extensions?.['validationErrorCode'];
  if (isPublic(ruleCode)) return ruleCode;
  const code = extensions?.['code'] ?? 'INTERNAL_SERVER_ERROR';
  if (code !== 'INTERNAL_SERVER_ERROR' || !(error instanceof GraphQLError)) return code;
  const { nodes: [node] = [], path, originalError } = error;
  // Without a node it reports too many errors in the variables, unless a resolver failed or something was thrown.
  if (node === undefined) return path === undefined && originalError === undefined ? 'BAD_USER_INPUT' : code;
  if (isValueNode(node) || node.kind === Kind.VARIABLE_DEFINITION) return 'BAD_USER_INPUT';
  return node.kind === Kind.OPERATION_DEFINITION ? 'OPERATION_RESOLUTION_FAILURE' : code;
}

// A syntax error quotes the offending token, which may be a value. A quoted name that is too long may be one, too.
function withoutLiterals(message: string): string {
  return message
    .replace(/\b(Name|String|BlockString|Int|Float) ".*$/s, '$1.')
    .replace(LONG_NAME, '"(a name not shown)"');
}

/** The log record of an internal error: an allow-list. */
interface InternalErrorRecord extends TraceContext {
  errorName: string;
  frames: string[];
}

/** The logger for internal errors. */
export type ErrorLog = Pick<Logger<InternalErrorRecord>, 'error'>;

/** A request with errors, and the parts of it that were parsed. */
export interface FailedRequest {
  trace: TraceContext;
  schema: GraphQLSchema;
  document?: DocumentNode | undefined;
  operation?: OperationDefinitionNode | undefined;
  variables?: Readonly<Record<string, unknown>> | undefined;
  /** The errors before masking. */
  errors: readonly GraphQLError[];
}

/**
 * Formats the errors of a request, masked in the same order, for its caller: without values of the request and with
 * its trace id. Internal errors are logged.
 */
export function formatErrors(
  request: FailedRequest,
  masked: readonly GraphQLFormattedError[],
  log: ErrorLog,
): GraphQLFormattedError[] {
  logInternalErrors(request, masked, log);
  return withoutValues(request, masked).map(error => ({
    ...error,
    extensions: { ...error.extensions, traceId: request.trace.traceId },
  }));
}

function withoutValues(
  { schema, operation, document, variables = {}, errors }: FailedRequest,
  masked: readonly GraphQLFormattedError[],
): GraphQLFormattedError[] {
  if (operation && masked.some(error => error.extensions?.['code'] === 'BAD_USER_INPUT')) {
    const problems = findVariableProblems(schema, operation, variables);
    if (problems.length > 0) return problems.map(formatProblem);
  }
  return masked.map((error, index) => {
    const original = errors[index];
    const problem = original && document && findLiteralProblem(original, schema, document);
    return problem === undefined ? error : { ...error, ...formatProblem(problem) };
  });
}

function formatProblem(problem: InputProblem): GraphQLFormattedError {
  const error = new BadInputError([problem]);
  return maskError(error.toJSON(), error);
}

function logInternalErrors(
  { trace, errors }: FailedRequest,
  masked: readonly GraphQLFormattedError[],
  log: ErrorLog,
): void {
  masked.forEach((error, index) => {
    if (error.extensions?.['code'] !== 'INTERNAL') return;
    logBug(log, trace, errors[index]?.originalError ?? errors[index]);
  });
}
