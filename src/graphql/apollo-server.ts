import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLError, GraphQLSchema } from 'graphql';
import { Kind, OperationTypeNode } from 'graphql';
import type { AuditLog } from '../auth/audit-log.js';
import { PublicError } from '../datasource-connection/public-error.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { DOCUMENT_RULES, MAX_DOCUMENT_TOKENS, MAX_VALIDATION_ERRORS } from './document-limits.js';
import type { ErrorLog } from './error-masking.js';
import { formatErrors, maskError } from './error-masking.js';

/** The dependencies of {@link createApolloServer}. */
interface Dependencies {
  schema: GraphQLSchema;
  /** Whether introspection is enabled, which an explorer needs. */
  introspection: boolean;
  /** Plugin that renders a page for browsers; default: none. */
  landingPage?: ApolloServerPlugin;
  log: ErrorLog;
  audit: AuditLog;
}

/** Creates the Apollo server, with every default that would reveal or accept too much overridden. */
export function createApolloServer(dependencies: Dependencies): ApolloServer<RequestContext> {
  const { schema, introspection, landingPage, log, audit } = dependencies;
  return new ApolloServer<RequestContext>({
    schema,
    introspection,
    // Explorers complete names without it, and errors are the same in every mode.
    hideSchemaDetailsFromClientErrors: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    // Without Apollo's maxRecursiveSelections, which would defer these rules; they limit selections too.
    validationRules: [...DOCUMENT_RULES],
    validationOptions: { maxErrors: MAX_VALIDATION_ERRORS, hideSuggestions: true },
    parseOptions: { maxTokens: MAX_DOCUMENT_TOKENS },
    // The gateway stops Apollo itself, after the last response.
    stopOnTerminationSignals: false,
    formatError: maskError,
    // No response may be cached, and cache hints would wrap every resolver.
    plugins: [
      landingPage ?? ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      noSubscriptionPlugin(),
      errorPlugin(log),
      auditPlugin(audit),
    ],
  });
}

/** Writes every mutation to the audit log, including those that were refused. */
function auditPlugin(audit: AuditLog): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      const startedAtMs = Date.now();
      const startMs = performance.now();
      return {
        async willSendResponse({ operation, contextValue, errors, response: { body } }) {
          if (operation?.operation !== OperationTypeNode.MUTATION) return;
          const { traceId, address, caller, auditEntry } = contextValue;
          const [firstError] = (body.kind === 'single' && body.singleResult.errors) || [];
          const code = firstError?.extensions?.['code'];
          audit.write({
            traceId,
            address,
            caller,
            operation: fieldOf(errors),
            code: typeof code === 'string' ? code : undefined,
            ...auditEntry,
            startedAtMs,
            durationMs: performance.now() - startMs,
          });
        },
      };
    },
  };
}

// The audit middleware does not run for a refused mutation, but the error names its field.
function fieldOf([error]: readonly GraphQLError[] = []): string | undefined {
  const [node] = error?.nodes ?? [];
  return node?.kind === Kind.FIELD ? node.name.value : undefined;
}

/** Formats errors for callers, without values of the request, and logs internal errors. */
function errorPlugin(log: ErrorLog): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async willSendResponse(context) {
          const { body, http } = context.response;
          if (body.kind !== 'single' || body.singleResult.errors === undefined) return;
          const masked = body.singleResult.errors;
          const seconds = masked.map(error => error.extensions?.['retryAfterSeconds']).find(Number.isInteger);
          if (seconds !== undefined) http.headers.set('retry-after', String(seconds));
          const { schema, document, operation, request, errors = [] } = context;
          const { traceId } = context.contextValue;
          const failed = { traceId, schema, document, operation, variables: request.variables, errors };
          body.singleResult.errors = formatErrors(failed, masked, log);
        },
      };
    },
  };
}

/** Refuses subscriptions that expect a single response; graphql-js would execute them like a query. */
function noSubscriptionPlugin(): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ operation }) {
          if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return;
          throw new PublicError(
            'BAD_REQUEST',
            'A subscription needs a stream: a WebSocket (graphql-ws), or POST with `Accept: text/event-stream`.',
            { http: { status: 400 } },
          );
        },
      };
    },
  };
}
