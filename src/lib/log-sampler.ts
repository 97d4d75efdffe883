const MAX_LINES = 20;
const WINDOW_MS = 60_000;

/** A kind of log line that is sampled. */
interface Window {
  lines: number;
  writeCount: (count: number) => void;
  timer: NodeJS.Timeout;
}

/**
 * Limits the log lines of a kind that anyone can cause: 20 in a minute, which begins with the first one, and then one
 * line with the number of those that were left out.
 */
export class LogSampler {
  readonly #windows = new Map<string, Window>();

  /** @param windowMs length of the window in milliseconds; a minute by default */
  constructor(private readonly windowMs = WINDOW_MS) {}

  /**
   * Writes a line by `write`, or leaves it out.
   *
   * @param kind must be one of a bounded number
   * @param writeCount writes the line with the number of lines that were left out
   */
  sample(kind: string, write: () => void, writeCount: (count: number) => void): void {
    const window = this.#windows.get(kind) ?? this.#open(kind, writeCount);
    window.lines += 1;
    if (window.lines <= MAX_LINES) write();
  }

  /** Writes the numbers so far, before the process ends. */
  close(): void {
    for (const kind of [...this.#windows.keys()]) this.#end(kind);
  }

  #open(kind: string, writeCount: (count: number) => void): Window {
    const window = { lines: 0, writeCount, timer: setTimeout(() => this.#end(kind), this.windowMs).unref() };
    this.#windows.set(kind, window);
    return window;
  }

  #end(kind: string): void {
    const window = this.#windows.get(kind);
    if (window === undefined) return;
    this.#windows.delete(kind);
    clearTimeout(window.timer);
    if (window.lines > MAX_LINES) window.writeCount(window.lines - MAX_LINES);
  }
}
