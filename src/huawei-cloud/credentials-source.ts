/** The credentials of the gateway, which may be replaced while it runs. */
export class CredentialsSource<T> {
  #current: T;
  readonly #listeners: ((next: T) => void)[] = [];

  constructor(first: T) {
    this.#current = first;
  }

  /** Those to use from now on. */
  get current(): T {
    return this.#current;
  }

  /** Puts others in their place, of the same kind. */
  replace(next: T): void {
    this.#current = next;
    for (const listener of this.#listeners) listener(next);
  }

  /** Has a listener told each time they are replaced. */
  onReplace(listener: (next: T) => void): void {
    this.#listeners.push(listener);
  }
}
