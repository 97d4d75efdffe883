import { readFailure, UndecidedError } from './failure.js';

/** Members of the payload unions after which the same call, with the same key, gets another answer later. */
export const RETRYABLE_MEMBERS: ReadonlySet<string | undefined> = new Set([
  'ChangeOutcomeUnknownError',
  'ConnectionCreatingError',
  'DeleteOutcomeUnknownError',
  'DliUnavailableError',
  'IdempotencyInProgressError',
  'OutcomeUnknownError',
]);

/** The fields of a mutation's payload that {@link repeatUntilDecided} reads. */
export interface Answer {
  readonly __typename?: string;
  readonly retryAfterSeconds?: number;
  /** Of a `ConnectionBusyError`: null if waiting does not help. */
  readonly waitSeconds?: number | null;
}

/** A call that is about to be repeated, for a page that shows progress. */
export interface Retry<T = unknown> {
  /** How many attempts have been made. */
  readonly attempt: number;
  /** Milliseconds until the next one. */
  readonly delayMs: number;
  /** The answer that is not final, such as an `OutcomeUnknownError`. */
  readonly answer?: T | undefined;
  /** The error, if there was no answer. */
  readonly error?: unknown;
}

/** How a mutation is repeated, and for how long. */
export interface RepeatOptions<T = unknown> {
  /** Milliseconds for all attempts together. Default: 5 minutes. */
  timeoutMs?: number | undefined;
  /** Milliseconds for one attempt, after which its answer counts as lost. Default: 1 minute. */
  attemptTimeoutMs?: number | undefined;
  /** Ends the call; its promise is rejected with the signal's reason. The mutation may have been executed. */
  signal?: AbortSignal | undefined;
  /** Called before each wait. Show "checking", never "failed". */
  onRetry?: ((retry: Retry<T>) => void) | undefined;
  /** The idempotency key of the calls, for {@link UndecidedError}. */
  idempotencyKey?: string | undefined;
}

/**
 * Sends a mutation until its answer is final, with any GraphQL client. Repeats lost connections, HTTP 429 and 5xx, and
 * the {@link RETRYABLE_MEMBERS}, and a `ConnectionBusyError` that says how long to wait; throws other errors at once.
 * Returns the last answer if time runs out, or throws an {@link UndecidedError} if the last attempt got none.
 *
 * @param send sends the same call with the same idempotency key every time, and ends it when the signal is aborted
 */
export async function repeatUntilDecided<T extends Answer>(
  send: (signal: AbortSignal) => PromiseLike<T>,
  options: RepeatOptions<T> = {},
): Promise<T> {
  const { timeoutMs = 300_000, attemptTimeoutMs = 60_000, signal, onRetry, idempotencyKey } = options;
  const endMs = performance.now() + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    const limit = AbortSignal.timeout(Math.max(0, Math.ceil(Math.min(attemptTimeoutMs, endMs - performance.now()))));
    let answer: T | undefined;
    let error: unknown;
    signal?.throwIfAborted();
    try {
      answer = await send(signal === undefined ? limit : AbortSignal.any([signal, limit]));
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!limit.aborted && !readFailure(thrown).isTemporary) throw thrown;
      error = thrown;
    }
    if (answer !== undefined && isFinal(answer)) return answer;
    const waitSeconds = answer?.retryAfterSeconds ?? answer?.waitSeconds ?? readFailure(error).retryAfterSeconds;
    const delayMs = retryDelayMs(attempt, waitSeconds);
    if (performance.now() + delayMs >= endMs) {
      if (answer !== undefined) return answer;
      throw new UndecidedError(error, idempotencyKey);
    }
    onRetry?.({ attempt, delayMs, answer, error });
    await wait(delayMs, signal);
  }
}

function isFinal({ __typename, waitSeconds }: Answer): boolean {
  return !RETRYABLE_MEMBERS.has(__typename) && typeof waitSeconds !== 'number';
}

/** Milliseconds before the next attempt: at least what the gateway asks for, with jitter to spread callers. */
export function retryDelayMs(attempt: number, retryAfterSeconds: number | undefined): number {
  const backoffMs = Math.min(30_000, 500 * 2 ** attempt);
  return retryAfterSeconds === undefined
    ? backoffMs * (0.5 + Math.random() / 2)
    : retryAfterSeconds * 1_000 * (1 + Math.random() / 5);
}

/** Waits; rejects with the signal's reason when it is aborted. */
export async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
