import type {
  DocumentNode,
  ExecutionArgs,
  ExecutionResult,
  FormattedExecutionResult,
  GraphQLFormattedError,
  GraphQLSchema,
  ValidationRule,
} from 'graphql';
import {
  GraphQLError,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  specifiedRules,
  subscribe,
  validate,
} from 'graphql';
import { z } from 'zod';
import type { PublicErrorCode } from '../datasource-connection/public-error.js';
import { PublicError } from '../datasource-connection/public-error.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { isObject } from '../lib/json.js';
import type { Clock } from '../lib/time.js';
import {
  DOCUMENT_LIMIT_ERRORS,
  DOCUMENT_RULES,
  EXECUTION_OPTIONS,
  findExceededLimit,
  PARSE_OPTIONS,
  VALIDATION_OPTIONS,
} from './document-limits.js';
import type { ErrorLog, FailedRequest } from './error-masking.js';
import { formatErrors, maskError } from './error-masking.js';
import { failureOf, SubscriptionStream } from './subscription-stream.js';

const MAX_AGE_MS = 30 * 60_000;
const REAUTHENTICATE = 'Your access token has expired. Sign in again, then subscribe again.';
const RESUBSCRIBE = 'Subscribe again to continue.';

/** The result of a subscription: a stream of events, or a single result with errors. */
export type SubscriptionResults = SubscriptionStream | FormattedExecutionResult;

interface Dependencies {
  schema: GraphQLSchema;
  introspection: boolean;
  clock: Clock;
  log: ErrorLog;
}

/** Executes subscriptions for all transports, by the same rules as Apollo executes queries and mutations. */
export class SubscriptionEngine {
  readonly #rules: readonly ValidationRule[];

  constructor(private readonly dependencies: Dependencies) {
    const introspectionRules = dependencies.introspection ? [] : [NoSchemaIntrospectionCustomRule];
    this.#rules = [...specifiedRules, ...introspectionRules, ...DOCUMENT_RULES];
  }

  /**
   * Parses and validates a request, whose size must have been checked before. Returns the arguments of its execution,
   * or its errors.
   */
  prepare(request: unknown, contextValue: RequestContext): ExecutionArgs | GraphQLFormattedError[] {
    const { schema } = this.dependencies;
    const refuse = (...errors: GraphQLError[]) => this.#formatErrors({ errors }, contextValue);
    const { data } = requestSchema.safeParse(request);
    if (data === undefined) return refuse(new PublicError('BAD_REQUEST', EXPECTED_FORM));
    const document = parseDocument(data.query);
    if (document instanceof GraphQLError) return refuse(withCode('GRAPHQL_PARSE_FAILED', document));
    const exceeded = findExceededLimit(document);
    if (exceeded !== undefined) {
      const { code, message } = DOCUMENT_LIMIT_ERRORS[exceeded];
      return refuse(new PublicError(code, message));
    }
    const errors = validate(schema, document, this.#rules, VALIDATION_OPTIONS);
    for (const error of errors) withCode('GRAPHQL_VALIDATION_FAILED', error);
    if (errors.length > 0) return this.#formatErrors({ document, errors }, contextValue);
    const operationName = data.operationName ?? undefined;
    const operation = getOperationAST(document, operationName);
    if (!operation) return refuse(new PublicError('OPERATION_RESOLUTION_FAILURE', ''));
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION)
      return refuse(new PublicError('BAD_REQUEST', NOT_A_SUBSCRIPTION));
    const variableValues = data.variables ?? undefined;
    return { schema, document, operationName, variableValues, contextValue, options: EXECUTION_OPTIONS };
  }

  /**
   * Starts a prepared subscription. It ends when the caller's token expires, after 30 minutes at the latest. `onEnd` is
   * called once, when it has ended or could not start.
   */
  async subscribe(args: ExecutionArgs, onEnd = () => {}): Promise<SubscriptionResults> {
    const format = (result: ExecutionResult) => this.#formatResult(args, result);
    try {
      const expiry = this.#expiryOf(args.contextValue as RequestContext);
      const results = await subscribe(args);
      if (Symbol.asyncIterator in results) return new SubscriptionStream(results, { format, onEnd, ...expiry });
      onEnd();
      return format(results);
    } catch (error) {
      onEnd();
      return format(failureOf(error));
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
            extensions: { code: 'SUBSCRIPTION_ENDED' satisfies PublicErrorCode, traceId: context.traceId },
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
    request: Omit<FailedRequest, 'traceId' | 'schema'>,
    { traceId }: RequestContext,
  ): GraphQLFormattedError[] {
    const masked = request.errors.map(error => maskError(error.toJSON(), error));
    const { schema, log } = this.dependencies;
    return formatErrors({ traceId, schema, ...request }, masked, log);
  }
}

const requestSchema = z.object({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.custom<Readonly<Record<string, unknown>>>(isObject).nullish(),
});

const NOT_A_SUBSCRIPTION =
  'Only subscriptions are served as streams. Send queries and mutations by POST, without `Accept: text/event-stream`.';
const EXPECTED_FORM =
  'Send a JSON object with "query", a text, and where needed "operationName", a text, and "variables", an object.';

function parseDocument(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, PARSE_OPTIONS);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** Adds the code that Apollo gives to errors of graphql-js, which have none. */
function withCode(code: PublicErrorCode, error: GraphQLError): GraphQLError {
  error.extensions['code'] = code;
  return error;
}
