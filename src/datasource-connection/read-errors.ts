import type { NextFn } from 'type-graphql';
import { ArgumentValidationError } from 'type-graphql';
import { CursorError } from '../connection-reads/cursor.js';
import { ReadQueueFullError } from '../connection-reads/fair-rate-limiter.js';
import { TooManyWatchesError } from '../connection-reads/watcher.js';
import { DliError } from '../dli/dli-error.js';
import { BadInputError, describeProblems, InputProblem, InputProblemCode } from './input-problem.js';
import { PublicError } from './public-error.js';
import { toUpstreamError } from './to-failure.js';

const WRONG_CURSOR = new InputProblem(
  ['after'],
  InputProblemCode.WRONG_FORMAT,
  'after must be the nextCursor of a page of the same order.',
);

/** Converts expected errors of a read to GraphQL errors. Unexpected ones are returned unchanged, to be masked later. */
export function toReadError(error: unknown): unknown {
  if (error instanceof DliError) return toUpstreamError(error);
  if (error instanceof ReadQueueFullError)
    return new PublicError('UPSTREAM_THROTTLED', 'Too many reads are waiting for DLI at the moment. Try again later.', {
      retryAfterSeconds: 1,
    });
  if (error instanceof CursorError) return new BadInputError([WRONG_CURSOR]);
  if (error instanceof TooManyWatchesError)
    return new PublicError('OVERLOADED', 'Too many connections are being watched at the moment. Try again later.', {
      retryAfterSeconds: 5,
    });
  if (!(error instanceof ArgumentValidationError)) return error;
  const problems = describeProblems(error);
  return problems === undefined ? error : new BadInputError(problems);
}

/** Middleware of queries that converts the errors of reads, see {@link toReadError}. */
export async function mapReadErrors(_data: unknown, next: NextFn): Promise<unknown> {
  try {
    return await next();
  } catch (error) {
    throw toReadError(error);
  }
}
