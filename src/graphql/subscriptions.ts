import type {
  DocumentNode,
  ExecutionArgs,
  ExecutionResult,
  FormattedExecutionResult,
  GraphQLFormattedError,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import {
  GraphQLError,
  getOperationAST,
  Kind,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  specifiedRules,
  subscribe,
  validate,
} from 'graphql';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { isObject } from '../lib/json.js';
import type { Clock } from '../lib/time.js';
import { DOCUMENT_RULES, MAX_DOCUMENT_TOKENS, MAX_VALIDATION_ERRORS } from './document-limits.js';
import type { ErrorLog, FailedRequest } from './error-masking.js';
import { formatErrors, maskError } from './error-masking.js';
import { SubscriptionStream } from './subscription-stream.js';

const MAX_LIFE_MS = 30 * 60_000;

/** What a stream of events, or instead of it the only answer, is made of. */
export type SubscriptionResults = SubscriptionStream | FormattedExecutionResult;

/** A subscription that can begin, or what is wrong with its request. */
export type PreparedSubscription =
  | { kind: 'ready'; args: ExecutionArgs }
  | { kind: 'refused'; errors: GraphQLFormattedError[] };

/** How the engine of subscriptions is set up. */
interface SubscriptionEngineOptions {
  schema: GraphQLSchema;
  /** Whether callers may read the schema. */
  introspection: boolean;
  clock: Clock;
  log: ErrorLog;
}

/** Runs subscriptions for every transport, by the same rules as queries and mutations are run over HTTP. */
export class SubscriptionEngine {
  readonly #options: SubscriptionEngineOptions;
  readonly #read: ReturnType<typeof createRequestReader>;

  constructor(options: SubscriptionEngineOptions) {
    this.#options = options;
    this.#read = createRequestReader(options.schema, options.introspection);
  }

  /** Checks a request, whose size and document were found to be allowed, without running it. */
  prepare(request: unknown, context: RequestContext): PreparedSubscription {
    const { document, operation, variables, operationName, errors } = this.#read(request);
    if (document !== undefined && errors.length === 0) {
      const { schema } = this.#options;
      return {
        kind: 'ready',
        args: { schema, document, operationName, variableValues: variables, contextValue: context },
      };
    }
    return {
      kind: 'refused',
      errors: this.#tell({ ...this.#failed(context), document, operation, variables, errors }),
    };
  }

  /**
   * Begins a subscription that was prepared; it ends when its caller's time is over, or after 30 minutes.
   *
   * @param onEnd called once, when it is over or did not begin
   */
  async subscribe(args: ExecutionArgs, onEnd = () => {}): Promise<SubscriptionResults> {
    const tell = (result: ExecutionResult) => this.#tellResult(args, result);
    const formatFailure = (error: unknown) => tell({ errors: [toGraphqlError(error)] });
    try {
      const life = this.#lifeOf(args.contextValue as RequestContext);
      const results = await subscribe(args);
      if (Symbol.asyncIterator in results)
        return new SubscriptionStream(results, { tell, formatFailure, onEnd, ...life });
      onEnd();
      return tell(results);
    } catch (error) {
      onEnd();
      return formatFailure(error);
    }
  }

  #lifeOf(context: RequestContext): { leftMs(): number; formatExpiry(): FormattedExecutionResult } {
    const { clock } = this.#options;
    const { validUntilMs = Number.POSITIVE_INFINITY } = context;
    const leftForCallerMs = validUntilMs - clock.epochMs();
    const endsAtMs = clock.monotonicMs() + Math.min(MAX_LIFE_MS, leftForCallerMs);
    const advice = leftForCallerMs < MAX_LIFE_MS ? REAUTHENTICATE : SUBSCRIBE;
    return {
      leftMs: () => endsAtMs - clock.monotonicMs(),
      formatExpiry: () => expiryEvent(context, 'SUBSCRIPTION_ENDED', advice),
    };
  }

  #tellResult(args: ExecutionArgs, { errors, ...result }: ExecutionResult): FormattedExecutionResult {
    if (errors === undefined || errors.length === 0) return result;
    const { document, operationName, variableValues: variables } = args;
    const operation = getOperationAST(document, operationName) ?? undefined;
    const failed = this.#failed(args.contextValue as RequestContext);
    const told = this.#tell({ ...failed, document, operation, variables: variables ?? undefined, errors });
    return { ...result, errors: told };
  }

  #failed({ traceId }: RequestContext) {
    return { traceId, schema: this.#options.schema };
  }

  #tell(failed: FailedRequest): GraphQLFormattedError[] {
    const masked = failed.errors.map(error => {
      const { extensions, ...rest } = error.toJSON();
      return maskError({ ...rest, extensions: { ...extensions, code: codeOf(error) } }, error);
    });
    return formatErrors(failed, masked, this.#options.log);
  }
}

const REAUTHENTICATE = 'Your access token has ended. Sign in again, then subscribe again.';
const SUBSCRIBE = 'Subscribe again to go on.';

function expiryEvent({ traceId }: RequestContext, code: string, message: string): FormattedExecutionResult {
  return { errors: [{ message, extensions: { code, traceId } }] };
}

function toGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new TypeError('not an error');
  return new GraphQLError(originalError.message, { originalError });
}

// As Apollo does it for queries: graphql-js finds faults of variables without giving them a code.
function codeOf({ extensions, nodes, path }: GraphQLError): unknown {
  const isAboutVariable = path === undefined && nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION;
  return extensions['code'] ?? (isAboutVariable ? 'BAD_USER_INPUT' : 'INTERNAL_SERVER_ERROR');
}

/** A request that was read; as far as that was possible when there are errors. */
interface ReadRequest {
  document?: DocumentNode;
  operation?: OperationDefinitionNode;
  operationName?: string;
  variables?: Readonly<Record<string, unknown>>;
  errors: readonly GraphQLError[];
}

const NOT_A_SUBSCRIPTION =
  'Only subscriptions are served as streams. Send queries and mutations by POST, without `Accept: text/event-stream`.';
const FORM =
  'Send a JSON object with "query", a text, and where needed "operationName", a text, and "variables", an object.';

/** Reads requests for subscriptions: their form, their document by every rule, and which operation they mean. */
export function createRequestReader(schema: GraphQLSchema, introspection: boolean) {
  const rules = [
    ...specifiedRules,
    ...(introspection ? [] : [NoSchemaIntrospectionCustomRule]),
    ...DOCUMENT_RULES,
  ];
  const options = { maxErrors: MAX_VALIDATION_ERRORS, hideSuggestions: true };
  return (request: unknown): ReadRequest => {
    const form = formOf(request);
    if (form === undefined) return { errors: [errorWith('BAD_REQUEST', FORM)] };
    const { query, ...rest } = form;
    const document = parsed(query);
    if (document instanceof GraphQLError) return { errors: [withCode('GRAPHQL_PARSE_FAILED', document)] };
    const errors = validate(schema, document, rules, options);
    if (errors.length > 0)
      return { document, errors: errors.map(error => withCode('GRAPHQL_VALIDATION_FAILED', error)) };
    const operation = getOperationAST(document, rest.operationName);
    if (!operation) return { document, errors: [errorWith('OPERATION_RESOLUTION_FAILURE', '')] };
    const isSubscription = operation.operation === OperationTypeNode.SUBSCRIPTION;
    return {
      ...rest,
      document,
      operation,
      errors: isSubscription ? [] : [errorWith('BAD_REQUEST', NOT_A_SUBSCRIPTION)],
    };
  };
}

function formOf(request: unknown) {
  if (!isObject(request)) return undefined;
  const { query, operationName = null, variables = null } = request;
  const isNamed = operationName === null || typeof operationName === 'string';
  if (typeof query !== 'string' || !isNamed || !(variables === null || isObject(variables))) return undefined;
  return {
    query,
    ...(operationName !== null && { operationName }),
    ...(variables !== null && { variables }),
  };
}

function parsed(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, { maxTokens: MAX_DOCUMENT_TOKENS });
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

function errorWith(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

function withCode(
  code: string,
  { message, nodes, source, positions, extensions }: GraphQLError,
): GraphQLError {
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    extensions: { ...extensions, code },
  });
}
