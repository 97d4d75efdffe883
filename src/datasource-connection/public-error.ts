import { GraphQLError } from 'graphql';
import type { ErrorCode } from '../lib/error-codes.js';
import { ERROR_CODES } from '../lib/error-codes.js';

/** All values of {@link PublicErrorCode}, for checks at run time. */
export const PUBLIC_ERROR_CODES: readonly string[] = Object.keys(ERROR_CODES);

/** A value of `extensions.code` that callers may see in top-level errors. */
export type PublicErrorCode = ErrorCode;

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
