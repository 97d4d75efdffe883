import type { DliError } from '../dli/dli-error.js';
import type { ReadConnection } from './connection-list.js';

/** What a look at a connection came to: it, its absence, or the reason why DLI could not be asked. */
export type Observation =
  | { kind: 'connection'; connection: ReadConnection }
  | { kind: 'absent' }
  | { kind: 'problem'; error: DliError };

/** Who watches. */
export interface Watcher {
  traceId: string;
  tenant: string;
  /** Has a listener told when the watcher has gone. */
  onGone?: ((listener: () => void) => void) | undefined;
}

/**
 * What one watcher gets to see, in order. A watcher who is slow is shown the latest, not all that came in between,
 * so that it cannot pile up.
 */
export class Watch implements AsyncIterableIterator<Observation> {
  readonly #isLast: (observation: Observation) => boolean;
  readonly #onEnd: (watch: Watch) => void;
  #latest: Observation | undefined;
  #isEnded = false;
  #waiting: (() => void)[] = [];

  /**
   * @param isLast whether there is nothing to wait for after an observation
   * @param onEnd called once, when nobody watches any more
   */
  constructor(isLast: (observation: Observation) => boolean, onEnd: (watch: Watch) => void) {
    this.#isLast = isLast;
    this.#onEnd = onEnd;
  }

  /** Shows an observation, unless the watch has ended. */
  show(observation: Observation): void {
    if (this.#isEnded) return;
    this.#latest = observation;
    if (this.#isLast(observation)) this.end();
    else this.#wake();
  }

  /** Ends the watch after what has been shown. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd(this);
    this.#wake();
  }

  async next(): Promise<IteratorResult<Observation, undefined>> {
    while (this.#latest === undefined && !this.#isEnded)
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    const value = this.#latest;
    this.#latest = undefined;
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  async return(): Promise<IteratorResult<Observation, undefined>> {
    this.#latest = undefined;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
