/** A failure of the HTTP layer: its status, and a code for `extensions.code`. */
interface HttpFailure {
  statusCode: number;
  code: string;
  message: string;
}

/** Every way in which a request fails before GraphQL sees it. */
export const HTTP_FAILURES = {
  badRequest: { statusCode: 400, code: 'BAD_REQUEST', message: 'The request is not valid HTTP or JSON.' },
  documentTooLong: {
    statusCode: 400,
    code: 'OPERATION_TOO_COMPLEX',
    message: 'The document may have at most 15,000 characters.',
  },
  documentNotTrusted: {
    statusCode: 400,
    code: 'DOCUMENT_NOT_TRUSTED',
    message: 'Only documents that are listed at this gateway are executed. Send the id or the text of one.',
  },
  jsonTooDeep: {
    statusCode: 400,
    code: 'BAD_REQUEST',
    message: 'The JSON may be nested at most 20 levels deep.',
  },
  forbidden: {
    statusCode: 403,
    code: 'FORBIDDEN',
    message: 'Pages of other names than localhost may not call this gateway.',
  },
  foreignPage: {
    statusCode: 403,
    code: 'FORBIDDEN',
    message: 'Pages of other sites may open a WebSocket only if CORS_ORIGINS lists them.',
  },
  unauthenticated: { statusCode: 401, code: 'UNAUTHENTICATED', message: 'Authentication required' },
  notFound: { statusCode: 404, code: 'NOT_FOUND', message: 'There is nothing here. GraphQL is at /graphql.' },
  methodNotAllowed: {
    statusCode: 405,
    code: 'METHOD_NOT_ALLOWED',
    message: 'Send GraphQL requests with POST.',
  },
  requestTimeout: {
    statusCode: 408,
    code: 'REQUEST_TIMEOUT',
    message: 'The request took too long to arrive.',
  },
  payloadTooLarge: { statusCode: 413, code: 'PAYLOAD_TOO_LARGE', message: 'The body is larger than 64 KiB.' },
  unsupportedMediaType: {
    statusCode: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'Send application/json in UTF-8, not compressed.',
  },
  headersTooLarge: {
    statusCode: 431,
    code: 'HEADERS_TOO_LARGE',
    message: 'The headers are more than 64 or larger than 16 KiB.',
  },
  rateLimited: {
    statusCode: 429,
    code: 'RATE_LIMITED',
    message: 'Too many refused access tokens came from your address. Wait before you send another.',
  },
  internal: { statusCode: 500, code: 'INTERNAL', message: 'Internal error. It has been logged.' },
  authUnavailable: {
    statusCode: 503,
    code: 'AUTH_UNAVAILABLE',
    message:
      'Access tokens cannot be checked at the moment. Send it again later; you need not sign in again.',
  },
  overloaded: {
    statusCode: 503,
    code: 'OVERLOADED',
    message: 'The gateway has too much to do at the moment. Nothing was done; send it again later.',
  },
  tooManySubscriptions: {
    statusCode: 429,
    code: 'RATE_LIMITED',
    message: 'A WebSocket carries at most 1,000 subscriptions at a time.',
  },
  tooManyConnections: {
    statusCode: 429,
    code: 'RATE_LIMITED',
    message:
      'Your tenant holds 500 streams, WebSockets and waiting queries open. End some, or try again later.',
  },
  shuttingDown: {
    statusCode: 503,
    code: 'SHUTTING_DOWN',
    message: 'The gateway is stopping. Send it again.',
  },
} as const satisfies Record<string, HttpFailure>;

/** One of {@link HTTP_FAILURES}. */
export type HttpFailureName = keyof typeof HTTP_FAILURES;

/**
 * The body of a failure, in the form of a GraphQL answer so that clients need one way to read errors.
 *
 * @param retryAfterSeconds when the same request may succeed
 */
export function failureBody(name: HttpFailureName, traceId: string, retryAfterSeconds?: number): string {
  return JSON.stringify({ errors: [errorOf(name, traceId, retryAfterSeconds)] });
}

/** A failure in the form of a GraphQL error. */
export function errorOf(name: HttpFailureName, traceId: string, retryAfterSeconds?: number) {
  const { code, message } = HTTP_FAILURES[name];
  return {
    message,
    extensions: { code, traceId, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
  };
}

/** The headers of every answer, failures that never reach a route included. */
export function commonHeaders(traceId: string): Record<string, string> {
  return { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': traceId };
}

const NAME_OF_STATUS: ReadonlyMap<number | undefined, HttpFailureName> = new Map([
  [400, 'badRequest'],
  [404, 'notFound'],
  [408, 'requestTimeout'],
  [413, 'payloadTooLarge'],
  [415, 'unsupportedMediaType'],
  [431, 'headersTooLarge'],
]);

/** The failure that stands for an error thrown by Fastify; anything unexpected is INTERNAL. */
export function failureOf(error: unknown): HttpFailureName {
  const status =
    typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  return (typeof status === 'number' && NAME_OF_STATUS.get(status)) || 'internal';
}
