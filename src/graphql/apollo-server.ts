import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';
import type { AuditLog } from '../auth/audit-log.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { auditPlugin } from './audit-plugin.js';
import { DOCUMENT_RULES, MAX_DOCUMENT_TOKENS, MAX_VALIDATION_ERRORS } from './document-rules.js';
import { errorPlugin } from './error-plugin.js';
import { maskError } from './mask-error.js';
import { noSubscriptionPlugin } from './no-subscription-plugin.js';
import type { ErrorLog } from './told-errors.js';

/** How the GraphQL engine is set up. */
export interface ApolloServerOptions {
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
