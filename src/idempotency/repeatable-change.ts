import type { OperationContext } from '../dli/dli-error.js';
import { DliError, UnknownOutcomeError } from '../dli/dli-error.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';

/** A second request needs at least this much of the deadline. */
const MIN_FOR_SECOND_MS = 2_000;

/** The part of the deadline that a request leaves for the check after it, in milliseconds. */
export const CHECK_MARGIN_MS = 1_500;

/**
 * Sends a change that is safe to repeat; once more if its outcome is unknown and the deadline allows it.
 *
 * @param send sends one request, and checks what came of it if the response proves nothing
 * @param isProven whether an outcome of the second request proves the state that was asked for
 */
export async function sendUpToTwice<T extends { kind: string }>(
  { deadline }: OperationContext,
  send: () => Promise<T>,
  isProven: (outcome: T) => boolean,
): Promise<T> {
  const first = await send();
  if (first.kind !== 'unknown' || deadline.remainingMs() < MIN_FOR_SECOND_MS) return first;
  const second = await send();
  // A second request that did nothing does not show what the first may still do.
  return isProven(second) ? second : first;
}

/** Sends one request that leaves time for the check after it. Returns the errors of DLI instead of throwing them. */
export async function sendBeforeCheck<T>(
  context: OperationContext,
  clock: Clock,
  send: (context: OperationContext) => Promise<T>,
): Promise<T | DliError | UnknownOutcomeError> {
  const remainingMs = context.deadline.remainingMs();
  const deadline = new Deadline(clock, Math.max(remainingMs - CHECK_MARGIN_MS, remainingMs / 2));
  try {
    return await send({ ...context, deadline });
  } catch (error) {
    if (error instanceof DliError || error instanceof UnknownOutcomeError) return error;
    throw error;
  }
}
