import type { ExecutionResult, FormattedExecutionResult } from 'graphql';
import { GraphQLError } from 'graphql';

type Event = IteratorResult<FormattedExecutionResult, undefined>;

const DONE: Event = { done: true, value: undefined };

interface Dependencies {
  /** Formats an event for the caller. */
  format(result: ExecutionResult): FormattedExecutionResult;
  /** Formats the last event of a stream that has expired. */
  formatExpiry(): FormattedExecutionResult;
  /** Milliseconds until the stream expires. */
  remainingMs(): number;
  /** Called once, when the stream has ended. */
  onEnd(): void;
}

/** The result of a subscription that failed with an error. */
export function failureOf(error: unknown): ExecutionResult {
  if (error instanceof GraphQLError) return { errors: [error] };
  const originalError = error instanceof Error ? error : new TypeError('not an error');
  return { errors: [new GraphQLError(originalError.message, { originalError })] };
}

/**
 * The formatted events of one subscription, until it ends or expires. It never rejects: an error of the source is the
 * last event.
 *
 * It is not a generator, because `return()` of a generator waits for a pending `next()`, so a disconnect would go
 * unnoticed until the next event.
 */
export class SubscriptionStream implements AsyncIterableIterator<FormattedExecutionResult, undefined> {
  readonly #timer: NodeJS.Timeout;
  /** Resolves the pending `next()`. */
  #resolve: ((event: Event) => void) | undefined;
  /** The last event, if nothing was waiting for it. */
  #last: FormattedExecutionResult | undefined;
  #isClosed = false;

  constructor(
    private readonly source: AsyncGenerator<ExecutionResult, void, void>,
    private readonly dependencies: Dependencies,
  ) {
    this.#timer = setTimeout(
      () => this.#endWith(dependencies.formatExpiry()),
      Math.max(0, dependencies.remainingMs()),
    ).unref();
  }

  /** Waits for the next event. Must not be called again before it resolves. */
  next(): Promise<Event> {
    const last = this.#last;
    this.#last = undefined;
    if (last !== undefined) return Promise.resolve({ done: false, value: last });
    if (this.#isClosed) return Promise.resolve(DONE);
    return new Promise(resolve => {
      this.#resolve = resolve;
      this.source
        .next()
        .then(event => this.#onEvent(event))
        .catch(error => this.#endWith(this.dependencies.format(failureOf(error))));
    });
  }

  /** Ends the stream at once, including a pending `next()`. */
  return(): Promise<Event> {
    this.#last = undefined;
    this.#close();
    this.#emit(DONE);
    return Promise.resolve(DONE);
  }

  /** Required by graphql-sse for streams that can be ended. */
  throw(): Promise<Event> {
    return this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #onEvent(event: IteratorResult<ExecutionResult, void>): void {
    if (this.#isClosed) return;
    // Checked again, because timers stop while the machine sleeps.
    if (this.dependencies.remainingMs() <= 0) this.#endWith(this.dependencies.formatExpiry());
    else if (event.done !== true) this.#emit({ done: false, value: this.dependencies.format(event.value) });
    else {
      this.#close();
      this.#emit(DONE);
    }
  }

  #endWith(last: FormattedExecutionResult): void {
    if (this.#isClosed) return;
    this.#close();
    if (this.#resolve === undefined) this.#last = last;
    else this.#emit({ done: false, value: last });
  }

  #emit(event: Event): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(event);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.dependencies.onEnd();
    // The caller has disconnected, so nobody would receive an error of the clean-up.
    this.source.return().catch(() => undefined);
  }
}
