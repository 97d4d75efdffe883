import { GraphQLError } from 'graphql';

/** All values of {@link PublicErrorCode}, for checks at run time. */
export const PUBLIC_ERROR_CODES = [
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
  'OVERLOADED',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_THROTTLED',
  'UPSTREAM_AUTH_FAILED',
  'UPSTREAM_AUTH_UNAVAILABLE',
  'UPSTREAM_REJECTED',
  'SUBSCRIPTION_ENDED',
  'INTERNAL',
] as const;

/** A value of `extensions.code` that callers may see in top-level errors. */
export type PublicErrorCode = (typeof PUBLIC_ERROR_CODES)[number];

/** A top-level error that callers may see: its message and its code are not masked. */
export class PublicError extends GraphQLError {
  constructor(
    code: PublicErrorCode,
    message: string,
    extensions: { retryAfterSeconds?: number; http?: { status: number } } = {},
  ) {
    super(message, { extensions: { code, ...extensions } });
  }
}
