import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLFormattedError, GraphQLSchema } from 'graphql';
import { GraphQLError, Kind, OperationTypeNode } from 'graphql';
import type { AuditLog } from '../auth/audit-log.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { DOCUMENT_RULES, MAX_DOCUMENT_TOKENS, MAX_VALIDATION_ERRORS } from './document-limits.js';
import type { ErrorLog } from './error-masking.js';
import { formatErrors, maskError } from './error-masking.js';

/** How the GraphQL engine is set up. */
interface ApolloServerOptions {
  schema: GraphQLSchema;
  /** Whether callers may read the schema; an explorer needs it. */
  introspection: boolean;
  /** A page for browsers that open the endpoint; none by default. */
  landingPage?: ApolloServerPlugin;
  log: ErrorLog;
  audit: AuditLog;
}

/** The GraphQL engine, with every default that would show or accept too much spelled out. */
export function createApolloServer(options: ApolloServerOptions): ApolloServer<RequestContext> {
  const {
    schema,
    introspection,
    landingPage = ApolloServerPluginLandingPageDisabled(),
    log,
    audit,
  } = options;
  return new ApolloServer<RequestContext>({
    schema,
    introspection,
    // Explorers complete names by themselves; everybody else is told the same in every mode.
    hideSchemaDetailsFromClientErrors: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    // Apollo's maxRecursiveSelections would run these only after its own rules; the limits count selections too.
    validationRules: [...DOCUMENT_RULES],
    validationOptions: { maxErrors: MAX_VALIDATION_ERRORS, hideSuggestions: true },
    parseOptions: { maxTokens: MAX_DOCUMENT_TOKENS },
    // The gateway stops the engine itself, after the last answer.
    stopOnTerminationSignals: false,
    formatError: maskError,
    // Cache hints would wrap every resolver, and no answer here may be cached.
    plugins: [
      landingPage,
      ApolloServerPluginCacheControlDisabled(),
      noSubscriptionPlugin(),
      errorPlugin(log),
      auditPlugin(audit),
    ],
  });
}

/** Writes a line about every mutation that was executed, or refused for rights or limits. */
function auditPlugin(audit: AuditLog): ApolloServerPlugin<RequestContext> {
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

/** Tells callers what is wrong with their request without repeating its values, and logs what is wrong with us. */
function errorPlugin(log: ErrorLog): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async willSendResponse(context) {
          const { body } = context.response;
          if (body.kind !== 'single' || body.singleResult.errors === undefined) return;
          const { schema, document, operation, request, errors = [] } = context;
          const { traceId } = context.contextValue;
          const failed = { traceId, schema, document, operation, variables: request.variables, errors };
          setRetryAfter(context, body.singleResult.errors);
          body.singleResult.errors = formatErrors(failed, body.singleResult.errors, log);
        },
      };
    },
  };
}

function setRetryAfter(
  { response }: GraphQLRequestContextWillSendResponse<RequestContext>,
  formatted: readonly GraphQLFormattedError[],
): void {
  const seconds = formatted.map(error => error.extensions?.['retryAfterSeconds']).find(Number.isInteger);
  if (seconds !== undefined) response.http.headers.set('retry-after', String(seconds));
}

/** Refuses subscriptions where an answer is all that can be given; graphql-js would run one like a query. */
function noSubscriptionPlugin(): ApolloServerPlugin<RequestContext> {
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
