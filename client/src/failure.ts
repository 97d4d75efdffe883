/** One error of a GraphQL response. */
export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  /** `code` for programs, `traceId` for the operators, and more for some codes. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Codes of errors after which the same request may succeed. Every other code is permanent. */
const TEMPORARY_CODES: ReadonlySet<unknown> = new Set([
  'AUTH_UNAVAILABLE',
  'INTERNAL',
  'OVERLOADED',
  'RATE_LIMITED',
  'REQUEST_TIMEOUT',
  'SHUTTING_DOWN',
  'SUBSCRIPTION_ENDED',
  'UPSTREAM_AUTH_FAILED',
  'UPSTREAM_AUTH_UNAVAILABLE',
  'UPSTREAM_THROTTLED',
  'UPSTREAM_UNAVAILABLE',
]);

/** The gateway, or a proxy in front of it, answered with top-level errors or with something unreadable. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  /** The first code, such as `UNAUTHENTICATED`, `FORBIDDEN` or `BAD_USER_INPUT`; undefined if there is none. */
  readonly code: string | undefined;
  /** Seconds after which the same request may succeed. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    /** The HTTP status, which is 200 if only some fields failed. */
    readonly status: number,
    /** The errors in the response; empty if it was unreadable. */
    readonly errors: readonly GraphqlError[],
    headers?: Headers,
  ) {
    super(errors[0]?.message ?? `The response with HTTP status ${status} is not one of a GraphQL server.`);
    this.code = codesOf(errors)[0];
    this.retryAfterSeconds = retryAfterOf(errors, headers);
  }
}

/** Time ran out, and it is still unknown whether the call took effect. Repeat it with the same key to find out. */
export class UndecidedError extends Error {
  override readonly name = 'UndecidedError';

  constructor(
    /** The error of the last attempt. */
    override readonly cause: unknown,
    /** The key to repeat a create with. */
    readonly idempotencyKey: string | undefined,
  ) {
    super('No attempt got a final answer in time. The call may or may not have done something.');
  }
}

/** What an error says about a repeat of the request. */
interface Failure {
  isTemporary: boolean;
  retryAfterSeconds: number | undefined;
}

/** The fields in which errors of fetch, graphql-request, Apollo Client and urql describe what happened. */
interface AnyError {
  name?: string;
  status?: number;
  statusCode?: number;
  response?: { status?: number; headers?: Headers; errors?: readonly GraphqlError[] };
  errors?: readonly GraphqlError[];
  graphQLErrors?: readonly GraphqlError[];
  retryAfterSeconds?: number;
}

/**
 * Distinguishes a lost or refused request that may succeed when repeated from one that never will. An error without
 * status and code is a lost connection, which proves nothing.
 */
export function readFailure(thrown: unknown): Failure {
  const error: AnyError = typeof thrown === 'object' && thrown !== null ? thrown : {};
  const status = error.status ?? error.statusCode ?? error.response?.status;
  const errors = [error.errors, error.graphQLErrors, error.response?.errors].find(list => list?.length) ?? [];
  const codes = codesOf(errors);
  const isRefused = errors.length > 0 || (status ?? 0) >= 400 || error.name === 'AbortError';
  const isTemporary =
    !isRefused ||
    status === 408 ||
    status === 429 ||
    (status ?? 0) >= 500 ||
    codes.some(code => TEMPORARY_CODES.has(code));
  return {
    isTemporary,
    retryAfterSeconds: error.retryAfterSeconds ?? retryAfterOf(errors, error.response?.headers),
  };
}

function codesOf(errors: readonly GraphqlError[]): string[] {
  return errors.map(({ extensions }) => extensions?.['code']).filter(code => typeof code === 'string');
}

/** `retryAfterSeconds` of an error, else the Retry-After header, which holds seconds or a date. */
function retryAfterOf(errors: readonly GraphqlError[], headers: Headers | undefined): number | undefined {
  const fromErrors = errors
    .map(({ extensions }) => extensions?.['retryAfterSeconds'])
    .find(value => typeof value === 'number');
  const header = headers?.get?.('retry-after');
  if (fromErrors !== undefined || !header) return fromErrors;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1_000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
