import type {
  DocumentNode,
  GraphQLError,
  GraphQLFormattedError,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import { framesOf } from '../lib/logger.js';
import { describeLiteralError } from './literal-error.js';
import { maskError } from './mask-error.js';
import { describeVariableErrors } from './variable-errors.js';

/** A failure of our own, by an allow-list of what a log may hold. */
interface InternalErrorRecord {
  traceId: string;
  errorName: string;
  /** Where it happened: stack frames without the message, which may hold input or upstream text. */
  frames: string[];
}

/** Where failures of our own are reported. */
export interface ErrorLog {
  error(record: InternalErrorRecord, message: string): void;
}

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
export function tellErrors(
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
