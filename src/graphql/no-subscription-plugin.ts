import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError, OperationTypeNode } from 'graphql';
import type { RequestContext } from '../datasource-connection/request-context.js';

/** Refuses subscriptions where an answer is all that can be given; graphql-js would run one like a query. */
export function noSubscriptionPlugin(): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ operation }) {
          if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return;
          throw new GraphQLError(
            'A subscription needs a stream: a WebSocket (graphql-ws), or POST with `Accept: text/event-stream`.',
            { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } },
          );
        },
      };
    },
  };
}
