import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLError, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import { Kind, OperationTypeNode } from 'graphql';
import type { AuditLog } from '../auth/audit-log.js';
import { PublicError } from '../datasource-connection/public-error.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { logBug } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import {
  DOCUMENT_RULES,
  EXECUTION_OPTIONS,
  PARSE_OPTIONS,
  recordOperation,
  VALIDATION_OPTIONS,
} from './document-limits.js';
import type { ErrorLog } from './error-masking.js';
import { formatErrors, maskError } from './error-masking.js';

interface Dependencies {
  schema: GraphQLSchema;
  /** Needed by an explorer. */
  allowsIntrospection: boolean;
  /** Plugin that renders a page for browsers. */
  landingPage: ApolloServerPlugin | undefined;
  log: ErrorLog;
  audit: AuditLog;
  clock: Clock;
}

// Apollo would print unexpected errors to the console, with parts of the document. The plugin logs them.
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** Creates the Apollo server, with every default that would reveal or accept too much overridden. */
export function createApolloServer(dependencies: Dependencies): ApolloServer<RequestContext> {
  const { schema, allowsIntrospection, landingPage, log, audit, clock } = dependencies;
  return new ApolloServer<RequestContext>({
    schema,
    logger: SILENT,
    introspection: allowsIntrospection,
    // Explorers complete names without it, and errors are the same in every mode.
    hideSchemaDetailsFromClientErrors: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    // Without Apollo's maxRecursiveSelections: the selections have been limited already.
    validationRules: [...DOCUMENT_RULES],
    validationOptions: VALIDATION_OPTIONS,
    parseOptions: PARSE_OPTIONS,
    executionOptions: EXECUTION_OPTIONS,
    // The gateway stops Apollo itself, after the last response.
    stopOnTerminationSignals: false,
    formatError: maskError,
    // No response may be cached, and cache hints would wrap every resolver.
    plugins: [
      landingPage ?? ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      // Apollo would add it to a subgraph, and anyone could ask for the times and errors of all resolvers.
      ApolloServerPluginInlineTraceDisabled(),
      // Variables of Apollo's own, such as APOLLO_KEY, would make it send operations to Apollo.
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      requestPlugin(log, audit, clock),
    ],
  });
}

/** Refuses subscriptions, formats and logs errors, and writes mutations to the audit log. */
function requestPlugin(log: ErrorLog, audit: AuditLog, clock: Clock): ApolloServerPlugin<RequestContext> {
  return {
    async unexpectedErrorProcessingRequest({ requestContext: { contextValue }, error }) {
      logBug(log, contextValue.trace, error);
    },
    async requestDidStart() {
      const startedAtMs = clock.epochMs();
      const startMs = performance.now();
      return {
        async didResolveOperation({ operation, document, contextValue }) {
          if (operation && document) recordOperation(contextValue.operation, document, operation);
          if (operation?.operation === OperationTypeNode.MUTATION && contextValue.isReadOnly)
            throw new PublicError('METHOD_NOT_ALLOWED', 'A mutation by GET.', { http: { status: 405 } });
          // graphql-js would execute them like a query.
          if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return;
          throw new PublicError(
            'BAD_REQUEST',
            'A subscription needs a stream: a WebSocket (graphql-ws), or GET or POST with `Accept: text/event-stream`.',
            { http: { status: 400 } },
          );
        },
        async willSendResponse(context) {
          const { operation, response, contextValue } = context;
          if (response.body.kind === 'single' && response.body.singleResult.errors !== undefined) {
            response.body.singleResult.errors = formatFailure(context, response.body.singleResult.errors, log);
          }
          const entry = auditEntryOf(context);
          const { code, outcome = code === undefined ? 'OK' : 'ERROR' } = entry;
          Object.assign(contextValue.operation, { outcome, ...(code !== undefined && { code }) });
          if (operation?.operation === OperationTypeNode.MUTATION)
            audit.write({ ...entry, startedAtMs, durationMs: performance.now() - startMs });
        },
      };
    },
  };
}

type FinishedRequest = GraphQLRequestContextWillSendResponse<RequestContext>;

/** Formats the errors of a request without its values, and logs internal ones. */
function formatFailure(
  { contextValue: { trace }, schema, document, operation, request, errors = [], response }: FinishedRequest,
  masked: readonly GraphQLFormattedError[],
  log: ErrorLog,
): GraphQLFormattedError[] {
  const seconds = masked.map(error => error.extensions?.['retryAfterSeconds']).find(Number.isInteger);
  if (seconds !== undefined) response.http.headers.set('retry-after', String(seconds));
  const failed = { trace, schema, document, operation, variables: request.variables, errors };
  return formatErrors(failed, masked, log);
}

/** The audit entry of a mutation, including those that were refused. */
function auditEntryOf({ contextValue, errors, response: { body } }: FinishedRequest) {
  const { trace, address, caller, auditEntry } = contextValue;
  const [firstError] = (body.kind === 'single' && body.singleResult.errors) || [];
  const code = firstError?.extensions?.['code'];
  return {
    trace,
    address,
    caller,
    operation: auditEntry?.operation ?? fieldOf(errors),
    code: typeof code === 'string' ? code : undefined,
    ...auditEntry,
  };
}

// The audit middleware does not run for a refused mutation, but the error names its field.
function fieldOf([error]: readonly GraphQLError[] = []): string | undefined {
  const [node] = error?.nodes ?? [];
  return node?.kind === Kind.FIELD ? node.name.value : undefined;
}
