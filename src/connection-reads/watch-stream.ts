/**
 * Events of one watch, in order. A slow subscriber gets only the latest of several events with the same key, so that
 * events do not pile up.
 */
export class WatchStream<Event> implements AsyncIterableIterator<Event> {
  /** By key; a later event takes the place of an earlier one. */
  readonly #pending = new Map<string, Event>();
  #isEnded = false;
  #pendingReads: (() => void)[] = [];

  /** `isLast`: whether an event ends the stream. `onEnd` is called once, when the stream ends. */
  constructor(
    private readonly isLast: (event: Event) => boolean,
    private readonly onEnd: (stream: WatchStream<Event>) => void,
  ) {}

  /** Number of events that the subscriber has not received yet. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** The event with this key that the subscriber has not received yet. */
  pending(key: string): Event | undefined {
    return this.#pending.get(key);
  }

  /** Emits an event, unless the stream has ended. */
  push(event: Event, key = ''): void {
    if (this.#isEnded) return;
    this.#pending.set(key, event);
    if (this.isLast(event)) this.end();
    else this.#wake();
  }

  /** Withdraws the event with this key, unless the subscriber has received it. Without a key, withdraws all. */
  withdraw(key?: string): void {
    if (key === undefined) this.#pending.clear();
    else this.#pending.delete(key);
  }

  /** Ends the stream after the events emitted so far. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.onEnd(this);
    this.#wake();
  }

  async next(): Promise<IteratorResult<Event, undefined>> {
    while (this.#pending.size === 0 && !this.#isEnded)
      await new Promise<void>(resolve => this.#pendingReads.push(resolve));
    for (const [key, value] of this.#pending) {
      this.#pending.delete(key);
      return { done: false, value };
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Event, undefined>> {
    this.#pending.clear();
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    for (const resolve of this.#pendingReads.splice(0)) resolve();
  }
}
