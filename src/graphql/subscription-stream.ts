import type { ExecutionResult, FormattedExecutionResult } from 'graphql';

type Event = IteratorResult<FormattedExecutionResult, undefined>;

const DONE: Event = { done: true, value: undefined };

/** What makes the events of a subscription fit for its caller, and when it is over. */
interface StreamOptions {
  /** Makes an event, or what broke the subscription, fit for the caller. */
  tell(result: ExecutionResult): FormattedExecutionResult;
  formatFailure(error: unknown): FormattedExecutionResult;
  /** The last event of a stream that has had its time. */
  formatExpiry(): FormattedExecutionResult;
  /** Milliseconds that are left of its time. */
  leftMs(): number;
  /** Called once, when it is over. */
  onEnd(): void;
}

/**
 * The events of one subscription as its caller gets them, for a limited time. It never fails: what breaks it is
 * its last event.
 *
 * It is no generator, because the `return` of a generator that waits for an event waits with it; so nobody who goes
 * would be noticed before the next event.
 */
export class SubscriptionStream implements AsyncIterableIterator<FormattedExecutionResult, undefined> {
  readonly #source: AsyncGenerator<ExecutionResult, void, void>;
  readonly #options: StreamOptions;
  readonly #timer: NodeJS.Timeout;
  #settle: ((event: Event) => void) | undefined;
  #last: FormattedExecutionResult | undefined;
  #isOver = false;

  constructor(source: AsyncGenerator<ExecutionResult, void, void>, options: StreamOptions) {
    this.#source = source;
    this.#options = options;
    this.#timer = setTimeout(
      () => this.#endWith(options.formatExpiry()),
      Math.max(0, options.leftMs()),
    ).unref();
  }

  next(): Promise<Event> {
    const last = this.#last;
    this.#last = undefined;
    if (last !== undefined) return Promise.resolve({ done: false, value: last });
    if (this.#isOver) return Promise.resolve(DONE);
    return new Promise(resolve => {
      this.#settle = resolve;
      this.#source
        .next()
        .then(event => this.#arrive(event))
        .catch(error => this.#endWith(this.#options.formatFailure(error)));
    });
  }

  return(): Promise<Event> {
    this.#last = undefined;
    this.#close();
    this.#give(DONE);
    return Promise.resolve(DONE);
  }

  /** For graphql-sse, which takes what has none for a stream that cannot be ended. */
  throw(): Promise<Event> {
    return this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #arrive(event: IteratorResult<ExecutionResult, void>): void {
    if (this.#isOver) return;
    // A timer stands still while the machine sleeps.
    if (this.#options.leftMs() <= 0) this.#endWith(this.#options.formatExpiry());
    else if (event.done !== true) this.#give({ done: false, value: this.#options.tell(event.value) });
    else {
      this.#close();
      this.#give(DONE);
    }
  }

  #endWith(last: FormattedExecutionResult): void {
    if (this.#isOver) return;
    this.#close();
    if (this.#settle === undefined) this.#last = last;
    else this.#give({ done: false, value: last });
  }

  #give(event: Event): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(event);
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#options.onEnd();
    // Its caller does not wait for what it frees, and has nobody to tell what goes wrong with that.
    this.#source.return().catch(() => undefined);
  }
}
