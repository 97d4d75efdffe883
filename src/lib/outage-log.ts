const WINDOW_MS = 60_000;

/** How many outages have begun since the last line, if more than one. */
interface OutageCount {
  count?: number;
}

/** Writes the log lines of an outage. */
export interface OutageLines {
  lost(fields: OutageCount): void;
  back(fields: OutageCount): void;
}

/**
 * Logs an outage at its start, for each new reason, then once a minute while it lasts, and its end. Outages within that
 * minute are only counted, so that they cannot flood the log.
 */
export class OutageLog {
  #isLost = false;
  #isLoggedAsLost = false;
  /** Outages that no line has reported. */
  #count = 0;
  /** The reasons reported within the current minute. */
  readonly #reasons = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param windowMs time between two lines about the same outage, in milliseconds; a minute by default */
  constructor(
    private readonly lines: OutageLines,
    private readonly windowMs = WINDOW_MS,
  ) {}

  /**
   * Records the start of an outage. Has no effect during one with the same reason.
   *
   * @param reason one of a bounded number
   */
  lost(reason = ''): void {
    if (!this.#isLost) this.#count += 1;
    this.#isLost = true;
    if (this.#reasons.has(reason)) return;
    this.#reasons.add(reason);
    this.#write();
  }

  /** Records the end of an outage. Has no effect without one. */
  back(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    // Otherwise outages recur, and the next line comes at the end of the window.
    if (this.#isLoggedAsLost && this.#count === 0) this.#write();
  }

  /** Writes no more lines. */
  close(): void {
    clearTimeout(this.#timer);
    this.#isLost = false;
  }

  #write(): void {
    const fields = this.#count > 1 ? { count: this.#count } : {};
    if (this.#isLost) this.lines.lost(fields);
    else this.lines.back(fields);
    this.#isLoggedAsLost = this.#isLost;
    this.#count = 0;
    this.#timer ??= setTimeout(() => this.#endWindow(), this.windowMs).unref();
  }

  #endWindow(): void {
    this.#timer = undefined;
    this.#reasons.clear();
    if (this.#isLost || this.#isLoggedAsLost || this.#count > 0) this.#write();
  }
}
