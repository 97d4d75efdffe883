import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import type { RequestContext } from '../datasource-connection/request-context.js';
import type { ErrorLog } from './told-errors.js';
import { tellErrors } from './told-errors.js';

/** Tells callers what is wrong with their request without repeating its values, and logs what is wrong with us. */
export function errorPlugin(log: ErrorLog): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async willSendResponse(context) {
          const { body } = context.response;
          if (body.kind !== 'single' || body.singleResult.errors === undefined) return;
          const { schema, document, operation, request, errors = [] } = context;
          const { traceId } = context.contextValue;
          const failed = { traceId, schema, document, operation, variables: request.variables, errors };
          tellWhenToRetry(context, body.singleResult.errors);
          body.singleResult.errors = tellErrors(failed, body.singleResult.errors, log);
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
