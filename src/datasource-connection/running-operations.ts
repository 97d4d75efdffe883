/** Counts what is under way, so that a stopping gateway can wait for work whose caller has gone. */
export class RunningOperations {
  #count = 0;
  #whenIdle: (() => void)[] = [];

  /** Runs an operation and counts it as long as it takes. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await operation();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
  }

  /** Resolves as soon as nothing is under way. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise(resolve => this.#whenIdle.push(resolve));
  }
}
