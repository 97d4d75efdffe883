import type { GraphQLError } from 'graphql';
import type { MiddlewareFn } from 'type-graphql';
import { ArgumentValidationError } from 'type-graphql';
import { CursorError } from '../connection-reads/list-page.js';
import { TooManyWatchesError } from '../connection-reads/watcher.js';
import type { DliErrorCode } from '../dli/dli-error.js';
import { DliError } from '../dli/dli-error.js';
import type { PublicErrorCode } from './public-error.js';
import { PublicError } from './public-error.js';
import { REJECTIONS, withReason } from './to-payload.js';
import { describeProblems } from './user-errors.js';

const DEFAULT_RETRY_AFTER_SECONDS = 1;

const PROBLEMS: Readonly<Record<DliErrorCode, readonly [code: PublicErrorCode, message: string]>> = {
  THROTTLED: ['UPSTREAM_THROTTLED', 'DLI gets too many requests at the moment. Try again later.'],
  UNAVAILABLE: ['UPSTREAM_UNAVAILABLE', 'DLI cannot be used at the moment. Try again later.'],
  AUTH_FAILED: [
    'UPSTREAM_AUTH_FAILED',
    "Huawei Cloud refused the gateway's credentials, which its operators must mend.",
  ],
  AUTH_UNAVAILABLE: [
    'UPSTREAM_AUTH_UNAVAILABLE',
    'The gateway cannot sign in to Huawei Cloud at the moment. Try again later.',
  ],
  REJECTED: ['UPSTREAM_REJECTED', 'DLI refused the request.'],
};

/** Converts an error of a read from DLI to a GraphQL error. */
export function toUpstreamError({ code, upstreamCode, retryAfterSeconds, reason }: DliError): GraphQLError {
  const [publicCode, usualMessage] = PROBLEMS[code];
  const message = (code === 'REJECTED' && REJECTIONS.get(upstreamCode)) || usualMessage;
  const mayRetry = publicCode !== 'UPSTREAM_REJECTED';
  const isExplained = code === 'REJECTED' || code === 'UNAVAILABLE';
  return new PublicError(
    publicCode,
    isExplained ? withReason(message, reason) : message,
    mayRetry ? { retryAfterSeconds: retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS } : {},
  );
}

/** Converts expected errors of a read to GraphQL errors. Unexpected ones are returned unchanged, to be masked later. */
export function toReadError(error: unknown): unknown {
  if (error instanceof DliError) return toUpstreamError(error);
  if (error instanceof CursorError) return badInput('after must be the nextCursor of a page of the same order');
  if (error instanceof TooManyWatchesError)
    return new PublicError('OVERLOADED', 'Too many connections are being followed at the moment. Try again later.', {
      retryAfterSeconds: 5,
    });
  if (!(error instanceof ArgumentValidationError)) return error;
  const problems = describeProblems(error);
  return problems === undefined ? error : badInput(problems.map(({ message }) => message).join('; '));
}

/** Middleware of queries that converts the errors of reads, see {@link toReadError}. */
export const mapReadErrors: MiddlewareFn = async (_data, next) => {
  try {
    return await next();
  } catch (error) {
    throw toReadError(error);
  }
};

function badInput(problem: string): GraphQLError {
  return new PublicError('BAD_USER_INPUT', `${problem}.`);
}
