import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { framesOf } from '../stack-frames.js';
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

/** Tells callers what is wrong with their request without repeating its values, and logs what is wrong with us. */
export function errorPlugin(log: ErrorLog): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async willSendResponse(context) {
          const { body } = context.response;
          if (body.kind !== 'single' || body.singleResult.errors === undefined) return;
          logInternalErrors(context, body.singleResult.errors, log);
          tellWhenToRetry(context, body.singleResult.errors);
          const { traceId } = context.contextValue;
          body.singleResult.errors = withoutValues(context, body.singleResult.errors).map(error => ({
            ...error,
            extensions: { ...error.extensions, traceId },
          }));
        },
      };
    },
  };
}

function tellWhenToRetry(
  { response }: GraphQLRequestContextWillSendResponse<RequestContext>,
  formatted: readonly GraphQLFormattedError[],
): void {
  const seconds = formatted.map(error => error.extensions?.['retryAfterSeconds']).find(Number.isInteger);
  if (seconds !== undefined) response.http.headers.set('retry-after', String(seconds));
}

function withoutValues(
  {
    schema,
    operation,
    document,
    request,
    errors = [],
  }: GraphQLRequestContextWillSendResponse<RequestContext>,
  formatted: readonly GraphQLFormattedError[],
): GraphQLFormattedError[] {
  if (operation && formatted.some(error => error.extensions?.['code'] === 'BAD_USER_INPUT')) {
    const described = describeVariableErrors(schema, operation, request.variables ?? {});
    if (described.length > 0) return described.map(error => maskError(error.toJSON(), error));
  }
  return formatted.map((error, index) => {
    const original = errors[index];
    const message = original && document && describeLiteralError(original, schema, document);
    return message === undefined ? error : { ...error, message };
  });
}

function logInternalErrors(
  { contextValue, errors = [] }: GraphQLRequestContextWillSendResponse<RequestContext>,
  formatted: readonly GraphQLFormattedError[],
  log: ErrorLog,
): void {
  formatted.forEach((error, index) => {
    if (error.extensions?.['code'] !== 'INTERNAL') return;
    const original = errors[index]?.originalError ?? errors[index];
    log.error(
      { traceId: contextValue.traceId, errorName: original?.name ?? 'unknown', frames: framesOf(original) },
      'internal error',
    );
  });
}
