/** The codes that a top-level error may carry in `extensions.code`. */
export const PUBLIC_ERROR_CODES: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'TOO_MANY_OPERATIONS',
  'OPERATION_TOO_COMPLEX',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'FORBIDDEN',
  'RATE_LIMITED',
  'INTERNAL',
]);
