const WINDOW_MS = 60_000;

/** How many outages have begun since the last line, if more than one. */
interface OutageCount {
  count?: number;
}

/** Writes the log lines of an outage. */
export interface OutageLines {
  /** Logs that there is an outage, at its start and again while it lasts. */
  start(fields: OutageCount): void;
  /** Logs the end of the outage. */
  end(fields: OutageCount): void;
}

/**
 * Logs an outage at its start, for each new reason, then once a minute while it lasts, and its end. Outages within that
 * minute are only counted, so that they cannot flood the log.
 */
export class OutageLog {
  #isOngoing = false;
  #isLoggedAsOngoing = false;
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
  start(reason = ''): void {
    if (!this.#isOngoing) this.#count += 1;
    this.#isOngoing = true;
    if (this.#reasons.has(reason)) return;
    this.#reasons.add(reason);
    this.#write();
  }

  /** Records the end of an outage. Has no effect without one. */
  end(): void {
    if (!this.#isOngoing) return;
    this.#isOngoing = false;
    // Otherwise outages recur, and the next line comes at the end of the window.
    if (this.#isLoggedAsOngoing && this.#count === 0) this.#write();
  }

  /** Writes no more lines. */
  close(): void {
    clearTimeout(this.#timer);
    this.#isOngoing = false;
  }

  #write(): void {
    const fields = this.#count > 1 ? { count: this.#count } : {};
    if (this.#isOngoing) this.lines.start(fields);
    else this.lines.end(fields);
    this.#isLoggedAsOngoing = this.#isOngoing;
    this.#count = 0;
    this.#timer ??= setTimeout(() => this.#endWindow(), this.windowMs).unref();
  }

  #endWindow(): void {
    this.#timer = undefined;
    this.#reasons.clear();
    if (this.#isOngoing || this.#isLoggedAsOngoing || this.#count > 0) this.#write();
  }
}
