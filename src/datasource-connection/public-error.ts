import { GraphQLError } from 'graphql';
import type { ErrorCode } from '../lib/error-codes.js';

/** A top-level error that callers may see: its message and its code are not masked. */
export class PublicError extends GraphQLError {
  constructor(
    code: ErrorCode,
    message: string,
    extensions: { retryAfterSeconds?: number; http?: { status: number } } = {},
  ) {
    super(message, { extensions: { code, ...extensions } });
  }
}
