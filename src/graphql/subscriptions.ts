import type {
  DocumentNode,
  ExecutionArgs,
  ExecutionResult,
  FormattedExecutionResult,
  GraphQLFormattedError,
  GraphQLSchema,
  OperationDefinitionNode,
  ValidationRule,
} from 'graphql';
import {
  execute,
  GraphQLError,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  specifiedRules,
  subscribe,
  validate,
} from 'graphql';
import { PublicError } from '../datasource-connection/public-error.js';
import type { OperationSummary, RequestContext } from '../datasource-connection/request-context.js';
import type { ErrorCode } from '../lib/error-codes.js';
import type { Clock } from '../lib/time.js';
import {
  DOCUMENT_LIMIT_ERRORS,
  DOCUMENT_RULES,
  EXECUTION_OPTIONS,
  findExceededLimit,
  PARSE_OPTIONS,
  recordOperation,
  VALIDATION_OPTIONS,
} from './document-limits.js';
import type { ErrorLog, FailedRequest } from './error-masking.js';
import { formatErrors, maskError } from './error-masking.js';
import { failureOf, SubscriptionStream } from './subscription-stream.js';

const MAX_AGE_MS = 30 * 60_000;
const REAUTHENTICATE = 'Your access token has expired. Sign in again, then subscribe again.';
const RESUBSCRIBE = 'Subscribe again to continue.';

/** A GraphQL request in the form of the GraphQL over HTTP specification, whose size and form were checked. */
export interface GraphqlRequest {
  query: string;
  operationName?: string;
  variables?: Readonly<Record<string, unknown>>;
  extensions?: Readonly<Record<string, unknown>>;
}

/** The result of a subscription or query: a stream of events, or a single result. */
export type SubscriptionResults = SubscriptionStream | FormattedExecutionResult;

interface Dependencies {
  schema: GraphQLSchema;
  allowsIntrospection: boolean;
  clock: Clock;
  log: ErrorLog;
}

/**
 * Executes subscriptions for all transports, and queries as event streams, by the same rules as Apollo executes queries
 * and mutations.
 */
export class SubscriptionEngine {
  readonly #rules: readonly ValidationRule[];

  constructor(private readonly dependencies: Dependencies) {
    const introspectionRules = dependencies.allowsIntrospection ? [] : [NoSchemaIntrospectionCustomRule];
    this.#rules = [...specifiedRules, ...introspectionRules, ...DOCUMENT_RULES];
  }

  /**
   * Parses and validates a request for a subscription or, if `allowsQueries`, a query. Returns the arguments of its
   * execution, or its errors.
   */
  prepare(
    { query, operationName, variables }: GraphqlRequest,
    contextValue: RequestContext,
    { allowsQueries = false } = {},
  ): ExecutionArgs | GraphQLFormattedError[] {
    const { schema } = this.dependencies;
    const refuse = (...errors: GraphQLError[]) => this.#formatErrors({ errors }, contextValue);
    const document = parseDocument(query);
    if (document instanceof GraphQLError) return refuse(withCode('GRAPHQL_PARSE_FAILED', document));
    const exceeded = findExceededLimit(document);
    if (exceeded !== undefined) {
      const { code, message } = DOCUMENT_LIMIT_ERRORS[exceeded];
      return refuse(new PublicError(code, message));
    }
    const errors = validate(schema, document, this.#rules, VALIDATION_OPTIONS);
    for (const error of errors) withCode('GRAPHQL_VALIDATION_FAILED', error);
    if (errors.length > 0) return this.#formatErrors({ document, errors }, contextValue);
    const operation = getOperationAST(document, operationName);
    if (!operation) return refuse(new PublicError('OPERATION_RESOLUTION_FAILURE', ''));
    recordOperation(contextValue.operation, document, operation);
    if (operation.operation === OperationTypeNode.MUTATION && contextValue.isReadOnly)
      return refuse(new PublicError('METHOD_NOT_ALLOWED', 'A mutation by GET.'));
    if (operation.operation === OperationTypeNode.MUTATION || (isQuery(operation) && !allowsQueries))
      return refuse(new PublicError('BAD_REQUEST', allowsQueries ? NO_MUTATIONS : ONLY_SUBSCRIPTIONS));
    return { schema, document, operationName, variableValues: variables, contextValue, options: EXECUTION_OPTIONS };
  }

  /**
   * Executes a prepared query, or starts a prepared subscription. It ends when the caller's token expires, after 30
   * minutes at the latest. `onEnd` is called once, when it has ended or could not start.
   */
  async subscribe(args: ExecutionArgs, onEnd = () => {}): Promise<SubscriptionResults> {
    const context = args.contextValue as RequestContext;
    const note = (result: FormattedExecutionResult) => noteResult(context, result);
    const format = (result: ExecutionResult) => note(this.#formatResult(args, result));
    try {
      const operation = getOperationAST(args.document, args.operationName);
      const expiry = this.#expiryOf(context);
      const results = await (operation && isQuery(operation) ? execute(args) : subscribe(args));
      const { remainingMs, formatExpiry } = expiry;
      const stream = { format, onEnd, remainingMs, formatExpiry: () => note(formatExpiry()) };
      context.operation.outcome = 'OK';
      if (Symbol.asyncIterator in results) return new SubscriptionStream(results, stream);
      const result = format(results);
      onEnd();
      return result;
    } catch (error) {
      const result = format(failureOf(error));
      onEnd();
      return result;
    }
  }

  #expiryOf(context: RequestContext): { remainingMs(): number; formatExpiry(): FormattedExecutionResult } {
    const { clock } = this.dependencies;
    const { validUntilMs = Number.POSITIVE_INFINITY } = context;
    const tokenValidForMs = validUntilMs - clock.epochMs();
    const expiresAtMs = clock.monotonicMs() + Math.min(MAX_AGE_MS, tokenValidForMs);
    const advice = tokenValidForMs < MAX_AGE_MS ? REAUTHENTICATE : RESUBSCRIBE;
    return {
      remainingMs: () => expiresAtMs - clock.monotonicMs(),
      formatExpiry: () => ({
        errors: [
          {
            message: advice,
            extensions: { code: 'SUBSCRIPTION_ENDED' satisfies ErrorCode, traceId: context.trace.traceId },
          },
        ],
      }),
    };
  }

  #formatResult(args: ExecutionArgs, { errors, ...result }: ExecutionResult): FormattedExecutionResult {
    if (errors === undefined || errors.length === 0) return result;
    const { document, operationName, variableValues, contextValue } = args;
    const operation = getOperationAST(document, operationName) ?? undefined;
    const request = { document, operation, variables: variableValues ?? undefined, errors };
    return { ...result, errors: this.#formatErrors(request, contextValue as RequestContext) };
  }

  #formatErrors(
    request: Omit<FailedRequest, 'trace' | 'schema'>,
    { trace, operation }: RequestContext,
  ): GraphQLFormattedError[] {
    const masked = request.errors.map(error => maskError(error.toJSON(), error));
    const { schema, log } = this.dependencies;
    const formatted = formatErrors({ trace, schema, ...request }, masked, log);
    noteErrors(operation, formatted);
    return formatted;
  }
}

/** Records an event that is sent, for the log. The last one determines the outcome. */
function noteResult({ operation }: RequestContext, result: FormattedExecutionResult): FormattedExecutionResult {
  operation.events = (operation.events ?? 0) + 1;
  noteErrors(operation, result.errors);
  return result;
}

function noteErrors(operation: OperationSummary, errors: readonly GraphQLFormattedError[] = []): void {
  const code = errors[0]?.extensions?.['code'];
  delete operation.code;
  operation.outcome = errors.length > 0 ? 'ERROR' : 'OK';
  if (typeof code === 'string') operation.code = code;
}

const ONLY_SUBSCRIPTIONS = 'Only subscriptions are served over WebSockets. Send queries and mutations by POST.';
const NO_MUTATIONS = 'Mutations are not served as streams. Send them by POST, without `Accept: text/event-stream`.';

function isQuery({ operation }: OperationDefinitionNode): boolean {
  return operation === OperationTypeNode.QUERY;
}

function parseDocument(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, PARSE_OPTIONS);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** Adds the code that Apollo gives to errors of graphql-js, which have none. */
function withCode(code: ErrorCode, error: GraphQLError): GraphQLError {
  error.extensions['code'] = code;
  return error;
}
