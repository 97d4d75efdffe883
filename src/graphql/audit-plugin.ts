import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLError } from 'graphql';
import { Kind, OperationTypeNode } from 'graphql';
import type { AuditLog } from '../auth/audit-log.js';
import type { RequestContext } from '../datasource-connection/request-context.js';

/** Writes a line about every mutation that was executed, or refused for rights or limits. */
export function auditPlugin(audit: AuditLog): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      const startedAtMs = Date.now();
      const startMs = performance.now();
      return {
        async willSendResponse({ operation, contextValue, errors, response: { body } }) {
          if (operation?.operation !== OperationTypeNode.MUTATION) return;
          const { traceId, address, caller, account } = contextValue;
          const [failure] = (body.kind === 'single' && body.singleResult.errors) || [];
          const failureCode = failure?.extensions?.['code'];
          audit.write({
            traceId,
            address,
            caller,
            operation: fieldOf(errors),
            code: typeof failureCode === 'string' ? failureCode : undefined,
            ...account,
            startedAtMs,
            durationMs: performance.now() - startMs,
          });
        },
      };
    },
  };
}

// A refused field has no account of itself, but its error knows it.
function fieldOf([error]: readonly GraphQLError[] = []): string | undefined {
  const [node] = error?.nodes ?? [];
  return node?.kind === Kind.FIELD ? node.name.value : undefined;
}
